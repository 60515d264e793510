"""One line for each job that ends, for `snakemake --quiet`, which says neither what runs nor why it failed."""

import logging
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from probecore.progress import say


class Progress(logging.Handler):
    """Says of each job that ends its name, how many of all have ended, and about how long the rest takes.

    Of a job that fails it says the last line of its log.
    """

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total
        self.done = 0
        self.began = time.monotonic()
        self.names: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take one of Snakemake's events."""
        fields: dict[str, Any] = record.__dict__
        match fields.get("event"):
            case LogEvent.JOB_INFO:
                self.names[fields["jobid"]] = fields["rule_msg"] or fields["rule_name"]
            case LogEvent.JOB_FINISHED:
                self._say_finished(self.names.get(fields["job_id"], "all"))
            case LogEvent.JOB_ERROR:
                self._say_failed(self.names.get(fields["jobid"], fields["rule_name"]), fields["log"])
            case LogEvent.GROUP_ERROR:
                # Its jobs follow as errors of their own; what the cluster wrote is known here alone.
                self._say_failed(f"group {fields['groupid']}", fields["aux_logs"])

    def _say_finished(self, name: str) -> None:
        self.done += 1
        seconds = (time.monotonic() - self.began) / self.done * (self.total - self.done)
        left = f", about {_in_words(seconds)} left" if self.done < self.total else ""
        say(f"{self.done} of {self.total}: {name}{left}")

    def _say_failed(self, name: str, logs: list[str]) -> None:
        lines = [line for log in logs for line in _lines_of(Path(log)) if line.strip()]
        places = f" ({', '.join(logs)})" if logs else ""
        say(f"failed: {name}: {lines[-1].strip() if lines else 'no reason given'}{places}")


def hides_jobs(quiet: Collection[Any] | None) -> bool:
    """Whether these values of `--quiet` are about jobs, and not only about the host, say."""
    return any(str(getattr(each, "name", each)).lower() in ("all", "progress", "rules") for each in quiet or ())


def say_only_this(logger: logging.Logger, total: int) -> None:
    """Put `Progress` in the place of what Snakemake says of jobs on the screen; its log file keeps that."""
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(_is_no_job)
    logger.addHandler(Progress(total))


def _is_no_job(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING and not record.getMessage().startswith("RuleException")


def _lines_of(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []


def _in_words(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
