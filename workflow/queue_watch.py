"""Says why a study's SLURM jobs wait, and cancels those that can never start.

Snakemake waits in silence for a job that SLURM keeps pending: for hours in a busy queue, and for ever
where the job asks for more than its partition has. Beside a running Snakemake, `watch` looks at the
pending jobs of the study. It changes nothing else; the reasons are those of SLURM's `squeue`.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

INTERVAL = 30.0
"""Seconds between looks at the queue. A reason counts when two looks in a row find it."""

NEVER = {
    "PartitionConfig": "it asks for more processors, nodes or minutes than the partition has",
    "PartitionNodeLimit": "it asks for more nodes than the partition allows",
    "PartitionTimeLimit": "its `runtime` is longer than the partition allows",
    "BadConstraints": "no node is as its `constraint` asks",
    "AccountNotAllowed": "its partition is closed to its account",
    "InvalidAccount": "its account does not exist",
    "InvalidQOS": "its quality of service does not exist",
}
"""Reasons that waiting does not cure."""

UNAVAILABLE = (
    "ReqNodeNotAvail",
    "Nodes required for job are DOWN",
    "PartitionDown",
    "PartitionInactive",
    "JobHeld",
)
"""Beginnings of reasons that end when somebody brings nodes or partitions back, or releases the job."""


def watch(warn: Callable[[str], None], *, interval: float = INTERVAL) -> None:
    """Look at the queue every `interval` seconds, in a thread that ends with this process.

    Parameters
    ----------
    warn : called with one line for each job that can never start (it is cancelled then) or that waits
        for nodes which are not available, and when SLURM itself does not answer
    """
    state = Watch(warn)

    def run() -> None:
        while True:
            time.sleep(interval)
            state.look()

    threading.Thread(target=run, name="slurm-queue-watch", daemon=True).start()


class Watch:
    """What the last look found, and which jobs have been spoken of."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.warn = warn
        self.seen: set[Pending] = set()
        self.said: set[str] = set()
        self.answers = True

    def look(self) -> None:
        """Look at the queue once."""
        try:
            jobs = pending_jobs()
        except (OSError, subprocess.SubprocessError):
            self._say_that_slurm_is_silent()
            return
        self.answers = True
        for job in sorted(jobs & self.seen, key=lambda job: job.number):
            if job.number not in self.said:
                self._explain(job)
        self.seen = jobs

    def _explain(self, job: "Pending") -> None:
        if cause := why_never(job.reason):
            self._say(
                job,
                f"can never start ({job.reason}): {cause}. It is cancelled. See `sinfo -o '%P %c %m %l %G'`"
                " for what there is and change `set-resources` in the profile.",
            )
            subprocess.run(["scancel", job.number], check=False, timeout=60)
        elif job.reason.startswith(UNAVAILABLE):
            self._say(
                job,
                f"waits ({job.reason}) and starts when that is over; `sinfo -R` may say more. Ctrl-C cancels"
                " it, and nothing finished is lost.",
            )

    def _say(self, job: "Pending", text: str) -> None:
        self.said.add(job.number)
        self.warn(f"SLURM job {job.number} ({job.rule}) {text}")

    def _say_that_slurm_is_silent(self) -> None:
        if self.answers:
            self.warn(
                "SLURM does not answer. Without an accounting database Snakemake may lose sight of its jobs:"
                " if it does not go on within 5 minutes after SLURM is back, press Ctrl-C, `scancel` what"
                " `squeue --me` still shows, and run it again; nothing finished is lost."
            )
        self.answers = False


@dataclass(frozen=True)
class Pending:
    """A job that waits: its number, SLURM's reason, and the rule and network it is for."""

    number: str
    reason: str
    rule: str


def pending_jobs() -> set[Pending]:
    """Pending jobs of this user that were submitted from the working directory.

    Raises
    ------
    OSError, subprocess.SubprocessError
        If SLURM does not answer.
    """
    command = ["squeue", "--me", "--states=PENDING", "--noheader", "--format=%i|%r|%k|%Z"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    fields = [line.split("|", 3) for line in lines]
    return {Pending(number, reason, rule) for number, reason, rule, folder in fields if folder == os.getcwd()}


def why_never(reason: str) -> str | None:
    """Why a job with this reason can never start, or None if it may."""
    if "PerJob" in reason:
        return "it asks for more than its account or quality of service allows one job"
    return NEVER.get(reason)
