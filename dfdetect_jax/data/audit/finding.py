"""What an audit has to say, and how it says where it is."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence

from dfdetect_jax.data.example import Clip

# An error spoils what is prepared or measured; a warning wants a look.
ERROR, WARNING = "error", "warning"
_SEVERITIES = (ERROR, WARNING)
FILES, DUPLICATES, LOOK_ALIKES, SHORTCUTS, MASKS, TREE, RECORDS = SUBJECTS = (
    "files",
    "duplicates",
    "look-alikes",
    "shortcuts",
    "masks",
    "tree",
    "records",
)

# Opens a progress bar with a name and a number of steps; what it returns is called after each step, from any thread.
Progress = Callable[[str, int], Callable[[], None]]


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong or suspicious.

    Attributes:
        subject: one of `SUBJECTS`.
        severity: `ERROR` or `WARNING`.
        words: what was found, how often, an example, and what to do.
    """

    subject: str
    severity: str
    words: str


@dataclasses.dataclass(frozen=True)
class Stage:
    """One part of an audit.

    Attributes:
        words: what was looked at.
        seconds: that it took.
    """

    words: str
    seconds: float


def unseen(name: str, steps: int) -> Callable[[], None]:
    """The `Progress` that shows nothing."""
    return lambda: None


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By subject, errors before warnings, else as they came."""
    return sorted(findings, key=lambda told: (SUBJECTS.index(told.subject), _SEVERITIES.index(told.severity)))


def sampled(clips: Iterable[Clip], most: int) -> list[Clip]:
    """At most that many clips, always the same ones, in the order of a hash of their names."""
    return sorted(clips, key=lambda clip: hashlib.sha256(clip.video.encode()).digest())[:most]


def number(count: int, name: str) -> str:
    """ "1 clip", "2,000 clips"; the name in the plural loses its "s" for one."""
    return f"{count:,} {name.removesuffix('s') if count == 1 else name}"


def such_as(names: Sequence[str]) -> str:
    """The first name as an example, for the end of a finding."""
    return f"such as {names[0]}" if len(names) > 1 else names[0]
