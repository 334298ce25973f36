"""The result of an audit, and how it shows its progress."""

import dataclasses
from collections.abc import Callable

from dfdetect_jax.data.finding import Finding

Counts = dict[str, dict[str, dict[str, int | None]]]
"""{split: {forgery: {"clips": n, ...}}}, `""` for reals."""
Progress = Callable[[str, int], Callable[[], None]]
"""Opens a progress bar with a name and a number of steps; the result is called after each step, from any thread."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One part of an audit.

    Attributes:
        words: what was examined.
        seconds: time that it took.
    """

    words: str
    seconds: float


@dataclasses.dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Attributes:
        counts: per split and forgery, from `clip_counts` or `record_counts`.
        findings: in the order of `finding.in_report_order`.
        stages: what was examined, in order.
    """

    counts: Counts
    findings: list[Finding]
    stages: list[Stage]


def no_progress(name: str, steps: int) -> Callable[[], None]:
    """The `Progress` that shows nothing."""
    return lambda: None
