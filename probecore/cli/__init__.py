"""The command line: one subcommand per step, as the workflow calls it, and a few for people.

Nothing is computed here. Commands import what they run when they run, after threads and
instruction set are fixed.
"""

import errno
import os
import sys
import tempfile
import traceback
from pathlib import Path

import typer

from probecore import running
from probecore.cli import about, ahead, filters, options as options, sharing, steps, study
from probecore.errors import ProbecoreError, reading

REMEDIES = {
    errno.ENOSPC: "free space on the disk, then run the same command again",
    errno.EFBIG: "raise `ulimit -f`, then run the same command again",
    errno.EDQUOT: "free space in your quota, then run the same command again",
    errno.EROFS: "work in a folder that can be written",
    errno.EACCES: "give yourself the right to it, or work in a folder of yours",
    errno.EPERM: "give yourself the right to it, or work in a folder of yours",
    errno.ENOTDIR: "a file stands where a folder must; move it away",
    errno.EMFILE: "raise `ulimit -n`, then run the same command again",
}
"""What to do where the system refuses."""

COMMANDS = {
    "Your study": (
        study.init,
        study.check,
        study.upgrade,
        study.claims,
        study.verify,
        study.record,
        study.repro,
        study.clean,
    ),
    "Look ahead": (ahead.plan, ahead.examine),
    "The filters of a finished study": (filters.rank, filters.prune),
    "Share and compare": (sharing.pull, sharing.push, sharing.pack, sharing.unpack, sharing.diff),
    "This installation": (about.models, about.fingerprint, about.licences, study.home, study.schema),
    "Steps, called by the workflow": (steps.dataset, steps.report),
}
"""What people call, and the steps that have one job; the others are in `steps.GROUPS`."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for _panel, _commands in COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel, context_settings={"ignore_unknown_options": _command is study.repro})(
            _command
        )
for _name, _group in steps.GROUPS.items():
    app.add_typer(_group, name=_name, rich_help_panel="Steps, called by the workflow")


def main() -> None:
    """Run the command line; an error becomes one line and an exit code, a surprise also a log."""
    try:
        app()
    except ProbecoreError as error:
        print(f"probecore: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception as error:
        print(f"probecore: {_in_one_line(error)}", file=sys.stderr)
        sys.exit(1)


def _in_one_line(error: Exception) -> str:
    """What went wrong, what to do about it if that is known, and the log that tells the rest."""
    said = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    if isinstance(error, OSError) and error.errno in REMEDIES:
        said = f"{error.filename or 'writing'}: {os.strerror(error.errno)}; {REMEDIES[error.errno]}"
    folder = running.FOLDER if running.FOLDER.is_dir() else Path(tempfile.gettempdir())
    log = folder / "probecore-error.log"
    try:
        log.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as reason:
        return f"{said} ({log} with more could not be written: {reason.strerror})"
    return f"{said} (more in {log})"


@app.callback()
def begin(context: typer.Context) -> None:
    """Take a convolutional network apart and measure it. Begin with `probecore init FOLDER`."""
    with reading("the working directory", "is gone", "go to a folder that exists"):
        Path.cwd()
    if context.invoked_subcommand in {"dataset", "claims", "report", *steps.GROUPS}:
        running.enter_as_job()
