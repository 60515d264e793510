#!/usr/bin/env bash
# A real sshd on a free port of 127.0.0.1, to try a DVC remote over SSH and for tests/cluster.
#
#   eval "$(tests/cluster/sshd.sh start [DIR])"    start; sets SSHD_PORT and SSHD_KEY (the private key)
#   tests/cluster/sshd.sh stop [DIR]               end it with its connections, remove DIR
#
# Everything lies in DIR (default ${TMPDIR:-/tmp}/probecore-sshd-<user>): host key, a key pair made for this
# server alone, configuration, log. Only the calling user can log in, only with that key; ~/.ssh is not touched.
# Runs as root or as an ordinary user.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

main() {
    local action=${1:-} dir=${2:-${TMPDIR:-/tmp}/probecore-sshd-$(id -un)}
    case $action in
    start) start "$dir" ;;
    stop) stop "$dir" ;;
    *) fail "usage: $0 start|stop [DIR]" ;;
    esac
}

start() {
    local dir=$1 port
    command -v sshd >/dev/null || fail "sshd is missing: run '$(dirname "$0")/one_node_slurm.sh install' as root"
    [[ ! -e $dir ]] || fail "$dir exists: run '$0 stop $dir' first"
    mkdir -m 700 -p "$dir"
    dir=$(cd "$dir" && pwd -P)
    trap 'stop "$dir"' ERR

    ssh-keygen -q -t ed25519 -N "" -C probecore-host -f "$dir/host_key"
    ssh-keygen -q -t ed25519 -N "" -C probecore-user -f "$dir/user_key"
    port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
    configure "$dir" "$port"
    if [[ $(id -u) == 0 ]]; then mkdir -p /run/sshd; fi # where Debian's sshd insists on separating privileges
    "$(command -v sshd)" -f "$dir/sshd_config" -E "$dir/sshd.log"
    echo "export SSHD_PORT=$port SSHD_KEY=$dir/user_key"
}

stop() {
    local dir=$1 pid
    [[ -d $dir ]] || return 0
    if pid=$(cat "$dir/pid" 2>/dev/null); then
        pkill -P "$pid" || true
        kill "$pid" || true
    fi
    rm -rf "$dir"
}

configure() {
    local dir=$1 port=$2
    cat >"$dir/sshd_config" <<CONF
ListenAddress 127.0.0.1:$port
HostKey $dir/host_key
PidFile $dir/pid
AuthorizedKeysFile $dir/user_key.pub
AllowUsers $(id -un)
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
CONF
}

fail() {
    echo "error: $1" >&2
    exit 2
}

main "$@"
