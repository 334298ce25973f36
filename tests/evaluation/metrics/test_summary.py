import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax.evaluation.metrics import bootstrap, frame_scores
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.detection_metrics import METRICS
from dfdetect_jax.evaluation.metrics.summary import measure_group, summarize
from tests.evaluation.scored import rows


def resampling(resamples, seed=0):
    return Resampling(resamples=resamples, seed=seed)


def test_each_forgery_is_measured_against_all_reals():
    frames = rows(("r1", "", 0.3), ("r2", "", 0.5), ("x1", "x", 0.9), ("y1", "y", 0.4), ("y1", "y", 0.1))
    metrics = summarize(frames, threshold=0.45, seen=("x",))
    assert list(metrics.by_forgery) == ["x", "y"]
    x, y = metrics.by_forgery["x"], metrics.by_forgery["y"]
    assert (x.seen, y.seen) == (True, False)
    assert (x.frame.auc, x.frame.n) == (1.0, 3)
    assert (y.frame.auc, y.frame.n) == (0.25, 4)
    assert (y.video.auc, y.video.n) == (0.0, 3)
    assert (metrics.frame.n, metrics.video.n) == (5, 4)
    assert metrics.frame.accuracy == 0.4
    assert metrics.localization is x.localization is None


def test_a_group_is_measured_as_all_frames_of_a_split():
    frames = made()
    group = measure_group(frames, 0.4, temperature=2.0, resampling=resampling(30))
    whole = summarize(frames, 0.4, (), temperature=2.0, resampling=resampling(30))
    assert (group.frame, group.video) == (whole.frame, whole.video)


def test_an_empty_split_gives_reasons_and_no_numbers():
    metrics = summarize(frame_scores.concatenate([]), threshold=0.5, seen=(), resampling=resampling(20))
    assert metrics.by_forgery == {}
    assert metrics.frame.auc is metrics.video.auc is None
    assert metrics.frame.interval("auc") is metrics.video.interval("dfb_compat") is None
    assert metrics.video.why == "nothing was scored"


def made(people=12, seed=0, forgeries=("", "x", "y")):
    """Three frames of a clip per person and forgery; scores lean towards the label."""
    rng = np.random.default_rng(seed)
    entries = [(p, m, f) for p in range(people) for m in forgeries for f in range(3)]
    scores = 1 / (1 + np.exp(-np.array([1.5 * (m != "") for _, m, _ in entries]) - rng.normal(size=len(entries))))
    names = [f"{m}/{p:03d}_swap" if m else f"real/{p:03d}" for p, m, _ in entries]
    kinds, people_of = [m for _, m, _ in entries], np.array([f"{p:03d}" for p, _, _ in entries])
    return rows(*zip(names, kinds, scores, strict=True)).replace(identity=people_of)


def test_every_metric_of_every_group_has_an_interval():
    frames = made()
    plain = summarize(frames, 0.5, ("x",), temperature=1.5)
    metrics = summarize(frames, 0.5, ("x",), temperature=1.5, resampling=resampling(200))
    groups = [(metrics, plain), *((metrics.by_forgery[name], plain.by_forgery[name]) for name in "xy")]
    for with_intervals, without in groups:
        pairs = ((with_intervals.frame, without.frame), (with_intervals.video, without.video))
        for of_rows, its_plain in pairs:
            assert of_rows.why == its_plain.why
            for name in of_rows.NAMES:
                assert of_rows.value(name) == pytest.approx(its_plain.value(name), abs=1e-12)
                low, high = of_rows.interval(name)
                assert low <= high
            assert of_rows.interval("auc")[0] <= of_rows.auc <= of_rows.interval("auc")[1]
            intervals = of_rows.intervals
            assert (intervals.resamples, intervals.resamples_left_out, intervals.clusters) == (200, 0, 12)
            assert its_plain.interval("auc") is None


def test_metrics_are_json():
    values = summarize(made(), 0.5, ("x",), resampling=resampling(20)).as_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values


def test_the_seed_determines_the_intervals_and_the_order_of_rows_does_not_matter():
    frames = made()
    again = summarize(frames, 0.5, (), resampling=resampling(50, seed=3))
    assert summarize(frames, 0.5, (), resampling=resampling(50, seed=3)) == again
    assert summarize(frames, 0.5, (), resampling=resampling(50, seed=4)) != again
    reversed_rows = summarize(frames[::-1], 0.5, ())
    for name in METRICS:
        assert reversed_rows.frame.value(name) == pytest.approx(again.frame.value(name))
        assert reversed_rows.video.value(name) == pytest.approx(again.video.value(name))


def test_deepfakebenchs_video_auc_joins_clips_of_one_name():
    # Two forgeries of clip 7 are one fake of score .5; a real and a fake named 9 are one real of .7.
    frames = rows(("x/7", "x", 0.9), ("y/7", "y", 0.1), ("real/8", "", 0.6), ("real/9", "", 0.4), ("x/9", "x", 1.0))
    metrics = summarize(frames, 0.5, ())
    assert metrics.video.auc == pytest.approx(4 / 6)
    assert metrics.video.dfb_compat == 0.0
    only = summarize(frames[1:][[2, 3]], 0.5, ()).video
    assert (only.auc, only.dfb_compat) == (1.0, None)
    assert "no fakes" in only.why_no_dfb_compat
    assert "no fakes" in " ".join(only.reasons)


def test_folders_that_join_people_have_no_interval_and_a_reason():
    frames = made()
    joined = frames.replace(video=np.array([f"{name}/clip" for name in frames.video]))
    video = summarize(joined, 0.5, (), resampling=resampling(20)).video
    assert video.interval("dfb_compat") is None
    assert "join several clusters" in video.why_no_dfb_compat_interval


def test_one_person_or_one_label_leaves_no_interval():
    one = summarize(made(people=1), 0.5, (), resampling=resampling(20)).frame
    assert one.auc is not None
    assert one.interval("auc") is one.interval("brier") is None
    assert "one cluster" in one.why_no_interval
    frames = made()
    fakes = summarize(frames[frames.label == 1], 0.5, (), resampling=resampling(20)).frame
    assert fakes.interval("auc") is fakes.interval("fpr") is fakes.auc is None
    assert fakes.intervals.resamples_left_out == 20
    assert fakes.interval("brier")[0] < fakes.brier < fakes.interval("brier")[1]


def test_intervals_of_a_forgery_are_those_of_the_same_resamples_repeated_row_by_row():
    frames = made(people=6)
    bounds = summarize(frames, 0.5, (), resampling=resampling(30, seed=5)).by_forgery["y"].frame.interval("auc")
    people = bootstrap.clusters(frames)
    aucs = []
    for counts in np.concatenate(list(bootstrap.multiplicities(6, 30, seed=5))):
        kept = np.repeat(np.arange(len(frames)), counts[people].astype(int))
        repeated = frames[kept[frames.forgery[kept] != "x"]]
        aucs.append(roc_auc_score(repeated.label, repeated.score))
    assert bounds == pytest.approx(np.percentile(aucs, [2.5, 97.5]))
