"""Numbers and intervals as the page shows them."""

from dfdetect_jax.evaluation.metrics.detection_metrics import DetectionMetrics, Interval

UNDEFINED = "–"


def number(value: float | None, digits: int = 3) -> str:
    """ "0.912"; a dash for None."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def interval(bounds: Interval | None, digits: int = 2) -> str:
    """ "[0.88, 0.94]"; empty for None."""
    return "" if bounds is None else f"[{bounds[0]:.{digits}f}, {bounds[1]:.{digits}f}]"


def with_interval(metrics: DetectionMetrics, name: str) -> str:
    """ "0.912 [0.88, 0.94]", or without the interval if there is none."""
    return f"{number(metrics.value(name))} {interval(metrics.interval(name))}".strip()


def counted(count: int, singular: str, plural: str) -> str:
    """ "1 video" or "2,000 videos"."""
    return f"{count:,} {singular if count == 1 else plural}"
