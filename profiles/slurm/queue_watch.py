"""Says why a study's SLURM jobs wait, and cancels those that can never start.

Snakemake waits in silence for a job that SLURM keeps pending: for an hour in a busy queue, and for
ever where the job asks for more than its partition has. Beside a running Snakemake, `watch` looks at
the pending jobs of the working directory. It changes nothing else, and local runs do not need it.
"""

import os
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

INTERVAL = 30.0
"""Seconds between looks at the queue. What is said or cancelled is so after two looks."""

NEVER = {
    "PartitionConfig": "it asks for more processors or time than the partition has",
    "PartitionNodeLimit": "it asks for more nodes than the partition allows",
    "PartitionTimeLimit": "its `runtime` is longer than the partition allows",
    "BadConstraints": "no node is as it asks",
    "AccountNotAllowed": "the partition is closed to its account",
    "InvalidAccount": "its account does not exist",
    "InvalidQOS": "its quality of service does not exist",
}
"""SLURM's reasons that waiting does not cure, unless an administrator changes the cluster."""

UNAVAILABLE = (
    "ReqNodeNotAvail",
    "Nodes required for job are DOWN",
    "PartitionDown",
    "PartitionInactive",
    "JobHeld",
)
"""Beginnings of reasons that end when somebody brings nodes or partitions back or releases the job."""


@dataclass(frozen=True)
class Pending:
    """A job that waits: its number, SLURM's reason, and the rule it comes from."""

    number: str
    reason: str
    rule: str


class Watch:
    """What was seen at the last look, and what has been said already."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.seen: set[Pending] = set()
        self.said: set[Pending] = set()
        self.silent = False

    def look(self) -> None:
        """Look at the queue once."""
        try:
            jobs = pending_jobs()
        except (OSError, subprocess.SubprocessError):
            self._say_that_slurm_is_silent()
            return
        self.silent = False
        for job in sorted(jobs & self.seen - self.said, key=lambda job: job.number):
            self._explain(job)
        self.seen = jobs

    def _explain(self, job: Pending) -> None:
        if job.reason in NEVER:
            self._say(job, f"can never start ({job.reason}): {NEVER[job.reason]}. It is cancelled; see `sinfo -o '%P %c %m %l %G'` and change `set-resources` or `set-threads` in the profile.")
            _slurm("scancel", job.number)
        elif job.reason.startswith(UNAVAILABLE):
            self._say(job, f"waits: {job.reason}. It starts when that is over (see `sinfo -R`); Ctrl-C cancels it, and nothing finished is lost.")

    def _say(self, job: Pending, text: str) -> None:
        self.said.add(job)
        self.warn(f"SLURM job {job.number} ({job.rule}) {text}")

    def _say_that_slurm_is_silent(self) -> None:
        if not self.silent:
            self.warn(
                "SLURM does not answer. Without an accounting database Snakemake may lose sight of its jobs: if it"
                " does not go on within 5 minutes after SLURM is back, press Ctrl-C, `scancel` what `squeue --me`"
                " still shows, and run it again; nothing finished is lost."
            )
        self.silent = True


def watch(warn: Callable[[str], None], *, interval: float = INTERVAL) -> None:
    """Look at the queue every `interval` seconds until this process ends, in a thread.

    Parameters
    ----------
    warn : called with one line for each job that can never start (it is cancelled) or whose nodes
        are not available, and when SLURM itself does not answer
    """
    state = Watch(warn)

    def run() -> None:
        while not threading.Event().wait(interval):
            state.look()

    threading.Thread(target=run, name="slurm-queue-watch", daemon=True).start()


def pending_jobs() -> set[Pending]:
    """This user's pending jobs that were submitted from this directory."""
    lines = _slurm("squeue", "--me", "--states=PENDING", "--noheader", "--format=%i|%r|%k|%Z").splitlines()
    fields = [line.split("|", 3) for line in lines]
    return {Pending(number, reason, rule) for number, reason, rule, folder in fields if folder == os.getcwd()}


def _slurm(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
