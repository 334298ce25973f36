from dfdetect_jax.evaluation.metrics.detection_metrics import VideoMetrics
from dfdetect_jax.evaluation.metrics.localization_metrics import MAP_METRICS, REAL_METRICS
from dfdetect_jax.evaluation.report.definitions import heading


def test_every_metric_has_a_heading_of_its_own():
    names = [*VideoMetrics.NAMES, *(name for name in MAP_METRICS if name != "best_threshold"), *REAL_METRICS]
    assert len({heading(name) for name in names}) == len(names)
    assert heading("ece_calibrated") == "ECE calibrated"
