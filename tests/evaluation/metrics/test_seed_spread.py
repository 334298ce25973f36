"""The spread over seeds, pinned to Student's t of SciPy."""

import numpy as np
import pytest
from scipy import stats

from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS, DetectionMetrics, VideoMetrics
from dfdetect_jax.evaluation.metrics.seed_spread import seed_spread, spread_by_metric, spread_of
from dfdetect_jax.evaluation.metrics.summary import ForgeryMetrics, SplitMetrics


def test_the_interval_of_the_mean_is_students():
    values = [0.91, 0.94, 0.90, 0.95]
    spread = spread_of(values)
    expected = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert spread.interval == pytest.approx(expected)
    assert spread.sd == pytest.approx(np.std(values, ddof=1))
    assert (spread.mean, spread.n, spread.why) == (pytest.approx(0.925), 4, None)
    assert spread_of([0.5] * 4).as_json() == {"mean": 0.5, "sd": 0.0, "ci": [0.5, 0.5], "n": 4}


def test_runs_for_which_a_metric_is_undefined_are_left_out_of_its_spread():
    runs = [
        DetectionMetrics(n_real=0, n_fake=1, accuracy=0.5),
        DetectionMetrics(n_real=1, n_fake=1, auc=0.7, accuracy=0.7),
    ]
    spread = spread_by_metric(runs)
    assert list(spread) == list(METRICS)
    assert (spread["auc"].mean, spread["auc"].sd, spread["auc"].n) == (0.7, None, 1)
    assert "one run" in spread["auc"].why
    assert spread["accuracy"].n == 2
    assert (spread["eer"].mean, spread["eer"].n) == (None, 0)
    assert spread["eer"].why == "undefined for every run"


def split_metrics(auc):
    frame = DetectionMetrics(n_real=1, n_fake=1, auc=auc)
    video = VideoMetrics(n_real=1, n_fake=1, auc=auc, dfb_compat=auc)
    forgery = ForgeryMetrics(frame=frame, video=video, seen=True, localization=None)
    return SplitMetrics(frame=frame, video=video, by_forgery={"paste": forgery}, localization=None)


def test_videos_and_forgeries_have_a_spread_too():
    spread = seed_spread([split_metrics(0.8), split_metrics(0.9)])
    assert spread.frame["auc"].mean == pytest.approx(0.85)
    assert spread.by_forgery["paste"].video["auc"].n == 2
    assert "dfb_compat" in spread.video
    assert "dfb_compat" not in spread.frame
