"""A real SLURM of one node and a real sshd for tests, and studies for them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from tests.conftest import ROOT, Study

SCRIPTS = Path(__file__).parent
PROFILE = ROOT / "profiles" / "slurm" / "config.yaml"

PARAMS = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 200, test_samples: 100}}
experiments:
  tiny:
    dataset: mnist5k
    train: {{model: {{name: mlp, hidden: [16]}}, seeds: [0, 1], epochs: 2, batch: 20}}
    activations: {{layers: ["*"], store: [pooled]}}
    recos: {{polarity: {{images: 50}}}}
"""
"""A study of two networks and seconds."""

SMALLEST = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 200, test_samples: 100}}
experiments:
  tiny:
    dataset: mnist5k
    train: {{model: {{name: mlp, hidden: [16]}}, seeds: [0], epochs: 1, batch: 20}}
"""
"""One network, and nothing measured."""

LONGER = """
home: {home}
numerics: {{device: cpu, threads: 1, isa: avx2}}
datasets:
  mnist5k: {{train_samples: 1000, test_samples: 100}}
experiments:
  tiny:
    dataset: mnist5k
    train: {{model: lenet5, seeds: [0], epochs: 150, batch: 20, checkpoints: [2]}}
"""
"""One network whose training lasts long enough to be stopped."""

HANGS = 1800
"""Seconds after which something hangs; the slowest machine under load is faster."""

TRAINED = ("--", "results/train/tiny/trained-0.csv")
"""Snakemake's target: the first network of each of these studies."""


class Slurm:
    """SLURM of one node in `folder`, as `one_node_slurm.sh` starts it.

    `profile` is profiles/slurm, except that Snakemake looks at its jobs after two seconds.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "slurm"
        self.environment = exports(run_script("one_node_slurm.sh", "start", self.folder))
        self.started: list[Running] = []
        self.profile = folder / "profile"
        self.profile.mkdir()
        key = "slurm-init-seconds-before-status-checks"
        settings = yaml.safe_load(PROFILE.read_text())
        assert settings[key] > 2
        (self.profile / "config.yaml").write_text(yaml.safe_dump(settings | {key: 2}))

    def stop(self) -> None:
        """End it, with all of its jobs and what `start` started."""
        for running in self.started:
            running.kill()
        run_script("one_node_slurm.sh", "stop", self.folder)

    def command(self, *command: str) -> str:
        """What one of SLURM's commands prints."""
        environment = os.environ | self.environment
        return subprocess.run(
            command, env=environment, check=True, text=True, capture_output=True, timeout=HANGS
        ).stdout

    def jobs(self, study: Study) -> list[dict[str, str]]:
        """The study's jobs in the order of submission, with the fields of `scontrol show job`."""
        lines = self.command("scontrol", "show", "job", "--oneliner").splitlines()
        jobs = [dict(field.split("=", 1) for field in line.split() if "=" in field) for line in lines]
        return sorted(
            (job for job in jobs if job.get("WorkDir") == str(study.folder)),
            key=lambda job: int(job["JobId"]),
        )

    def set_node(self, state: str) -> None:
        """Set the node down, or let it resume."""
        node = self.command("sinfo", "--noheader", "--format=%N").strip()
        self.command("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")

    def start(self, study: Study, *arguments: str) -> "Running":
        """Start `snakemake` with the profile."""
        command = [
            "snakemake",
            "--snakefile",
            str(ROOT / "Snakefile"),
            "--profile",
            str(self.profile),
            *arguments,
        ]
        self.started.append(Running(study, command, self.environment))
        return self.started[-1]

    def snakemake(self, study: Study, *arguments: str) -> tuple[int, str]:
        """Run `snakemake` with the profile; its exit code and output."""
        return self.start(study, *arguments).wait()


def eventually(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < end, f"not so after {HANGS} s"
        time.sleep(0.1)


class Running:
    """A command that runs in a study; everything it prints is kept."""

    def __init__(self, study: Study, command: list[str], environment: Mapping[str, str]) -> None:
        self.study = study
        self.log = study.folder.parent / f"{study.folder.name}-{time.monotonic_ns()}.log"
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        heeding_ctrl_c = ["env", "--default-signal=INT", *command]  # what a script starts in the background ignores it
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                heeding_ctrl_c,
                cwd=study.folder,
                env=os.environ | environment | {"PATH": path},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text()

    def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds; fail when the command ends before."""
        end = time.monotonic() + HANGS
        while not condition():
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"not so after {HANGS} s, or ended:\n{self.end()}")
            time.sleep(0.1)

    def wait(self) -> tuple[int, str]:
        """Exit code and output."""
        try:
            code = self.process.wait(HANGS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended after {HANGS} s:\n{self.end()}") from None
        return code, self.output()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill what is left of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def end(self) -> str:
        """Kill what is left of it; what it had printed."""
        self.kill()
        return self.output()


def well_begun(study: Study) -> bool:
    """Whether the training of `LONGER` has finished an epoch and could go on from there."""
    return any(study.folder.glob(".probecore/resume/*/epoch-002.safetensors"))


def run_script(name: str, action: str, folder: Path) -> str:
    """Run a script of this folder; what it prints on standard output."""
    command = ["timeout", "-k", "5", str(HANGS), str(SCRIPTS / name), action, str(folder)]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def exports(text: str) -> dict[str, str]:
    """The variables of a line `export NAME=value ...`."""
    pairs = dict(word.split("=", 1) for word in text.split()[1:])
    return {name: value.replace("$PATH", os.environ["PATH"]) for name, value in pairs.items()}
