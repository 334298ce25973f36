"""Findings about a data set or about prepared records: subject, severity and wording."""

import dataclasses
import enum
from collections.abc import Iterable, Sequence

from dfdetect_jax.errors import one_line

_NAMES_SHOWN = 5  # in the words of one finding


class Severity(enum.StrEnum):
    """How much a finding matters, in rising order."""

    NOTE = "note"
    """Worth knowing; nothing needs to be done."""
    WARNING = "warning"
    """May be a mistake; somebody should look at it."""
    ERROR = "error"
    """Spoils what is prepared or measured."""

    @property
    def rank(self) -> int:
        """0 for a note, 1 for a warning, 2 for an error."""
        return list(Severity).index(self)


class Subject(enum.StrEnum):
    """What a finding is about, in the order of the report."""

    FILES = "files"
    DUPLICATES = "duplicates"
    LOOK_ALIKES = "look-alikes"
    SHORTCUTS = "shortcuts"
    MASKS = "masks"
    TREE = "tree"
    RECORDS = "records"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong, suspicious or worth knowing.

    Attributes:
        subject: what it is about.
        severity: how much it matters.
        words: what was found, how often, an example, and what to do; one line, whatever the names of files in it.
    """

    subject: Subject
    severity: Severity
    words: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "words", one_line(self.words))


def in_report_order(findings: Iterable[Finding]) -> list[Finding]:
    """Findings sorted by subject, then errors first; otherwise in their order."""
    subjects = list(Subject)
    return sorted(findings, key=lambda finding: (subjects.index(finding.subject), -finding.severity.rank))


def at_least(findings: Iterable[Finding], severity: Severity) -> list[Finding]:
    """Findings of this severity and above."""
    return [finding for finding in findings if finding.severity.rank >= severity.rank]


def severity_counts(findings: Sequence[Finding]) -> str:
    """How many findings of each severity there are, "1 error, 2 notes"; "" without findings."""
    counts = ((severity, sum(finding.severity == severity for finding in findings)) for severity in reversed(Severity))
    return ", ".join(quantity(count, f"{severity}s") for severity, count in counts if count)


def quantity(count: int, plural: str) -> str:
    """A count with its noun: "1 clip", "2,000 clips"; the plural loses its "s" for one."""
    return f"{count:,} {plural.removesuffix('s') if count == 1 else plural}"


def example_of(names: Sequence[str]) -> str:
    """The first name as an example, for the end of a finding."""
    return f"such as {names[0]}" if len(names) > 1 else names[0]


def name_list(names: Sequence[str]) -> str:
    """The first few names, and how many there are: "a, b, c, d, e, ... (7)"."""
    return f"{', '.join(names[:_NAMES_SHOWN])}{', ...' if len(names) > _NAMES_SHOWN else ''} ({len(names)})"
