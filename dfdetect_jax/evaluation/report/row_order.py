"""The order and the names of rows, the same in terminal tables and on the page."""

from collections.abc import Mapping

from dfdetect_jax.evaluation.metrics.summary import ForgeryMetrics
from dfdetect_jax.evaluation.results import Evaluation

BASELINES = {"random": "noise", "centre": "centre blob"}  # by their names in metrics.json


def data_keys(evaluation: Evaluation) -> list[str]:
    """The data sets, in order; all runs have the same."""
    return list(next(iter(evaluation.runs.values())).metrics.data)


def ordered_forgeries(by_forgery: Mapping[str, ForgeryMetrics]) -> list[tuple[str, ForgeryMetrics]]:
    """Forgeries with their metrics: those seen in training first, then by name."""
    return sorted(by_forgery.items(), key=lambda item: (not item[1].seen, item[0]))


def forgery_name(forgery: str) -> str:
    """The name as it is shown: a data set may have fakes without one."""
    return forgery or "unnamed"


def seen_or_unseen(metrics: ForgeryMetrics) -> str:
    """Whether the run was trained on this forgery, in a word."""
    return "seen" if metrics.seen else "unseen"
