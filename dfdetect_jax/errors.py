"""Errors with a cause outside the code: each is reported to the user in one line, without a traceback.

A message states what was expected, what was found, and what to do.
"""


class InputError(Exception):
    """Something the user gave can't be used. Commands print the message and exit with status 2."""


class SettingsError(InputError, ValueError):
    """A setting has a name, type or value that is not allowed."""


class BadMediaError(InputError):
    """A photograph or video can't be read, or is not safe to read. Names the file and the reason."""


class RecordsError(InputError):
    """A folder of prepared records, or a data set's tree on disk, is missing, incomplete or unreadable."""


class RunError(InputError):
    """A run folder lacks what a command needs of it, or a training run can't go on."""


class WeightsError(InputError):
    """Published weights can't be read, or the file is another one than was named. Names the file and the reason."""
