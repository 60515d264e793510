"""Errors that a user can act on.

A message is one line: it names the file or key, says what is wrong there and what to do.
"""


class ProbecoreError(Exception):
    """Something failed although the input was good. The command line exits with 1."""

    exit_code = 1


class InputError(ProbecoreError):
    """A parameter, file or image is not usable. The command line exits with 2."""

    exit_code = 2
