"""Errors with a cause outside the code: each is reported to the user in one line, without a traceback.

A message states what was expected, what was found, and what to do.
"""

_LONGEST = 2000  # characters of a message


def one_line(text: str, longest: int = _LONGEST) -> str:
    """Words as one line that any terminal shows: other characters are escaped, and too many are cut in the middle."""
    if len(text) > longest:
        text = f"{text[: longest // 2]} ... {text[-(longest // 2) :]}"
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


class InputError(Exception):
    """Something the user gave can't be used. Commands print the message and exit with status 2.

    The message is one line, whatever names and values of files are in it, see `one_line`.
    """

    def __init__(self, message: object = ""):
        super().__init__(one_line(str(message)))


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


class StoreError(InputError):
    """An object store, gs:// or s3://, can't be reached, read or written. Names the address and the reason."""
