"""Findings as the lines that tests compare."""

from collections.abc import Iterable

from dfdetect_jax.data.finding import Finding


def lines(findings: Iterable[Finding]) -> list[str]:
    """ "severity: words" of each finding."""
    return [f"{finding.severity}: {finding.words}" for finding in findings]
