#!/usr/bin/env bash
# A real SLURM of one node on this machine, to try the cluster profile and for tests/cluster.
#
#   eval "$(tests/cluster/one_node_slurm.sh start [DIR])"    start, and point this shell at it
#   tests/cluster/one_node_slurm.sh status [DIR]             its node and queue; 1 when it is not running
#   tests/cluster/one_node_slurm.sh stop   [DIR]             cancel its jobs, end its daemons, remove DIR
#   tests/cluster/one_node_slurm.sh install                  as root: the Debian packages it and sshd.sh need
#
# Everything lies in DIR (default ${TMPDIR:-/tmp}/probecore-slurm-<user>): configuration, munge key, spool,
# logs. All addresses are 127.0.0.1, on ports free at the time. The node owns this machine's processors (at
# least two), most of its memory and one GPU that exists only in the books (File=/dev/null), so that requests
# for it are scheduled like real ones. There is no accounting database. Neither systemd nor cgroups are used:
# memory is booked, not enforced.
#
# Runs as root or as an ordinary user; an ordinary user's SLURM runs only that user's jobs.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

main() {
    local action=${1:-} dir=${2:-${TMPDIR:-/tmp}/probecore-slurm-$(id -un)}
    case $action in
    install) install ;;
    start) start "$dir" ;;
    stop) stop "$dir" ;;
    status) status "$dir" ;;
    *) fail "usage: $0 start|stop|status [DIR], or install" ;;
    esac
}

install() {
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends slurm-wlm munge openssh-server
}

start() {
    local dir=$1 program
    for program in munged slurmctld slurmd srun; do
        command -v "$program" >/dev/null || fail "$program is missing: run '$0 install' as root"
    done
    [[ ! -e $dir ]] || fail "$dir exists: run '$0 stop $dir' first"
    mkdir -m 755 -p "$dir"
    dir=$(cd "$dir" && pwd -P)
    mkdir -m 700 "$dir/state" "$dir/spool"
    trap 'tail -n 5 "$dir"/*.log "$dir"/munge/*.log >&2; stop "$dir"' ERR

    export SLURM_CONF=$dir/slurm.conf
    start_munge "$dir"
    configure "$dir"
    wrap_srun "$dir"
    slurmctld -f "$SLURM_CONF" >&2
    slurmd -f "$SLURM_CONF" >&2
    wait_for_node
    trap - ERR
    echo "export SLURM_CONF=$SLURM_CONF PATH=$dir/bin:\$PATH"
}

stop() {
    local dir=$1 pids pid signal
    [[ -d $dir ]] || return 0
    dir=$(cd "$dir" && pwd -P)
    export SLURM_CONF=$dir/slurm.conf
    timeout -k 1 60 scancel --user="$(id -un)" 2>/dev/null || true
    for signal in TERM KILL; do
        for _ in {1..20}; do
            pids=$(processes_of "$dir")
            [[ -n $pids ]] || break 2
            for pid in $pids; do kill -s "$signal" "$pid" 2>/dev/null || true; done
            sleep 0.1
        done
    done
    rm -rf "$dir"
}

status() {
    export SLURM_CONF=$1/slurm.conf
    [[ -e $SLURM_CONF ]] &&
        timeout -k 1 60 sinfo --noheader --partition=main --format="node %N: %T, %c CPUs, %m MB, %G" &&
        timeout -k 1 60 squeue --noheader --format="job %i: %T, %r"
}

# --force: munge wants a socket that every user can reach; only this user needs this one.
start_munge() {
    local dir=$1
    mkdir -m 755 "$dir/munge"
    (umask 077 && head -c 128 /dev/urandom >"$dir/munge/key")
    munged --force --socket="$dir/munge/socket" --key-file="$dir/munge/key" --log-file="$dir/munge/munged.log" \
        --pid-file="$dir/munge/pid" --seed-file="$dir/munge/seed" --num-threads=2 2>>"$dir/munge/munged.log"
}

configure() {
    local dir=$1 host user cpus memory
    local -a port
    host=$(hostname -s)
    user=$(id -un)
    cpus=$(nproc)
    memory=$(awk '/^MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
    mapfile -t port < <(free_ports 2)

    cat >"$dir/slurm.conf" <<CONF
ClusterName=probecore
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${port[0]}
SlurmdPort=${port[1]}
$(listen_on_loopback_only "$host")
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket

StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log

# no accounting database, no cgroups, no mail
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
MailProg=/bin/true

# as most clusters have it: processors and memory are booked, GPUs are counted, lost jobs are requeued,
# ended jobs are shown for five minutes
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
JobRequeue=1
MinJobAge=300
OverTimeLimit=0
InactiveLimit=0
ReturnToService=1

# quicker than most clusters
KillWait=5
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,bf_interval=5

SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=$((cpus > 2 ? cpus : 2)) RealMemory=$memory Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=ALL MaxTime=5 State=UP
CONF
    echo "Name=gpu File=/dev/null" >"$dir/gres.conf"
}

# SLURM can only be told to listen on the address of the host's name, so that has to be a loopback address.
listen_on_loopback_only() {
    if [[ $(getent ahostsv4 "$1" | head -n 1) == 127.* ]]; then
        echo "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny"
    else
        echo "note: '$1' is no loopback address in /etc/hosts, so SLURM's ports (closed to all without the" \
            "munge key) are open on every interface; the line '127.0.0.1 $1' there would close them" >&2
    fi
}

# Snakemake's jobs call srun without SLURM_CONF (its plugin removes all SLURM_* but the job's id).
wrap_srun() {
    mkdir "$1/bin"
    printf '#!/bin/sh\nSLURM_CONF=%q exec %q "$@"\n' "$SLURM_CONF" "$(command -v srun)" >"$1/bin/srun"
    chmod +x "$1/bin/srun"
}

free_ports() {
    python3 - "$1" <<'PYTHON'
import socket
import sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets), sep="\n")
PYTHON
}

wait_for_node() {
    local state
    for _ in {1..3000}; do
        state=$(timeout -k 1 60 sinfo --noheader --partition=main --format=%T 2>/dev/null || true)
        [[ $state != idle ]] || return 0
        sleep 0.2
    done
    echo "error: the node did not come up within ten minutes, its state is '${state:-unknown}'" >&2
    return 1
}

# Its daemons and its jobs: all were started with its configuration in their environment.
processes_of() {
    local environ process
    for environ in $(grep -slzxF "SLURM_CONF=$1/slurm.conf" /proc/[0-9]*/environ); do
        process=${environ%/environ}
        if [[ $(cat "$process/comm" 2>/dev/null) =~ ^(munged|slurm) ]] || grep -qsz "^SLURM_JOB_ID=" "$environ"; then
            echo "${process#/proc/}"
        fi
    done
}

fail() {
    echo "error: $1" >&2
    exit 2
}

main "$@"
