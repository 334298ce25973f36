"""One run measured: on detectors that can be computed by hand, and on a trained one."""

import dataclasses
from collections import Counter

import cv2
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax.config import Crop
from dfdetect_jax.data.records import Records
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.evaluation.comparison import evaluate_runs
from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.measure import measure_run
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, crop_difference
from dfdetect_jax.evaluation.report.page import render
from dfdetect_jax.evaluation.stress.protocol import Stress
from tests import trained
from tests.data.drawn import SIZE
from tests.evaluation.fake_runs import Attending, drawn_records, fake_run, moved_away, person_example

FEW = Resampling(resamples=20)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return drawn_records(tmp_path_factory.mktemp("data"))


def test_metrics_are_those_of_the_scores(tmp_path, records):
    run = fake_run(tmp_path / "run", records)
    result = measure_run(run, [PreparedSplit(key="drawn", folder=records)], FEW)
    metrics, scores, source = result.metrics.data["drawn"], result.scores["drawn"], Records(records, "test")
    images = np.stack([source[i]["image"] for i in range(len(source))])
    assert scores.score == pytest.approx(run.score(images))
    assert metrics.frame.auc == roc_auc_score(scores.label, scores.score)
    assert metrics.frame.accuracy == ((scores.score >= result.metrics.threshold) == scores.label).mean()
    assert metrics.frame.intervals.resamples == 20
    assert metrics.by_forgery["paste"].seen
    assert not metrics.by_forgery["smear"].seen
    assert metrics.leakage == Leakage(identities=0, videos=0, files=0)
    assert (metrics.localization, metrics.robustness, metrics.attacks) == (None, None, {})
    assert result.metrics.temperature != 1.0
    assert all(view.video in scores.video for view in result.examples["drawn"])
    assert result.provenance.fingerprints == {"drawn": run.info["data"]["fingerprint"]}


def test_other_thresholds_need_the_data_that_were_trained_on(tmp_path, records):
    run = moved_away(fake_run(tmp_path / "run", records))
    with pytest.raises(RecordsError):
        measure_run(run, [PreparedSplit(key="drawn", folder=records)], FEW, adapt=True)


def test_every_data_set_is_measured_under_its_key(tmp_path, records):
    data = [PreparedSplit(key=split, folder=records, split=split) for split in ("train", "val")]
    result = measure_run(fake_run(tmp_path / "run", records), data, NO_INTERVALS)
    assert list(result.metrics.data) == list(result.scores) == list(result.examples) == ["train", "val"]
    assert set(result.scores["val"].split) == {"val"}
    assert result.metrics.data["train"].leakage.warning is not None
    assert result.metrics.data["train"].frame.intervals is None


def test_all_splits_are_measured_at_once_and_rows_keep_their_own(tmp_path, records):
    other = drawn_records(tmp_path, "other", train=6, val=8, test=10)
    data, stress = [PreparedSplit(key="other:all", folder=other, split="all")], Stress(corruptions=["contrast"])
    result = measure_run(fake_run(tmp_path / "run", records), data, NO_INTERVALS, stress)
    metrics, scores = result.metrics.data["other:all"], result.scores["other:all"]
    assert Counter(scores.split) == {"train": 6, "val": 8, "test": 10}
    assert metrics.frame.auc == roc_auc_score(scores.label, scores.score)
    assert metrics.robustness.n == metrics.robustness.of == 24
    assert metrics.leakage.warning.startswith("shares 1 identities, 3 videos")  # those of its train split


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("label", "headline", "undefined"), [(0, "fpr", "tpr"), (1, "tpr", "fpr")])
def test_data_of_one_class_have_the_share_called_fake(tmp_path, records, label, headline, undefined):
    def example_of(split, number):
        return person_example(split, 2 * number + label)

    alone = drawn_records(tmp_path, "alone", example_of, test=12)
    run = fake_run(tmp_path / "run", records, Attending)
    stress = Stress(corruptions=["contrast"], max_frames=8)
    result = measure_run(run, [PreparedSplit(key="alone", folder=alone)], FEW, stress)
    frame, scores = result.metrics.data["alone"].frame, result.scores["alone"].score
    assert (frame.headline, frame.auc, frame.value(undefined)) == (headline, None, None)
    assert frame.value(headline) == (scores >= result.metrics.threshold).mean()
    assert frame.interval(headline) is not None
    assert "need both" in frame.why
    assert result.metrics.data["alone"].robustness.clean.frame.headline == headline
    page = render(evaluate_runs({"run": run}, [PreparedSplit(key="alone", folder=alone)], FEW, stress))
    assert f"videos, all {'fake' if label else 'real'}, are called fake at the threshold" in page


def test_progress_counts_every_frame_of_every_pass(tmp_path, records):
    counts = {}

    def progress(name, frames):
        counts[name] = [frames, 0]

        def advance(done):
            assert type(done) is int
            counts[name][1] += done

        return advance

    stress = Stress(corruptions=["contrast"], max_frames=6)
    data = [PreparedSplit(key="drawn", folder=records)]
    result = measure_run(fake_run(tmp_path / "run", records), data, NO_INTERVALS, stress, progress)
    assert counts == {"drawn": [16, 16], "drawn, robustness": [36, 36]}
    assert result.metrics.data["drawn"].robustness.n == 6


def test_what_a_reader_should_know_is_in_the_notes(tmp_path, records):
    run = moved_away(fake_run(tmp_path / "run", records))
    result = measure_run(run, [PreparedSplit(key="drawn", folder=records)], NO_INTERVALS)
    assert any("not calibrated" in note for note in result.metrics.notes)
    assert "unknown" in result.metrics.data["drawn"].leakage.note
    other = dataclasses.replace(run, crop=Crop(size=SIZE, margin=2.0, face_detector="haar", align="box"))
    data = [PreparedSplit(key=split, folder=records, split=split) for split in ("val", "test")]
    notes = measure_run(other, data, NO_INTERVALS).metrics.notes
    assert [note for note in notes if "margin 1.3 (trained on 2.0)" in note] == [crop_difference(other, records)]


def test_maps_are_measured_at_the_size_of_the_networks_input(tmp_path, records):
    size = 20  # smaller than the records
    run, source = fake_run(tmp_path / "run", records, Attending, size=size), Records(records, "test")
    metrics = measure_run(run, [PreparedSplit(key="drawn", folder=records)], NO_INTERVALS).metrics.data["drawn"]

    def reduced(pixels):
        return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)

    fakes = [source[i] for i in range(len(source)) if source[i]["label"]]
    for forgery, located in [("", metrics.localization), ("paste", metrics.by_forgery["paste"].localization)]:
        chosen = [fields for fields in fakes if forgery in ("", fields["forgery"])]
        masks = np.stack([reduced(fields["mask"]) >= 128 for fields in chosen]).ravel()
        bright = np.stack([reduced(fields["image"]).mean(axis=-1) for fields in chosen]).ravel()
        assert located.n == len(chosen)
        assert located.pixel_auc == pytest.approx(roc_auc_score(masks, bright), abs=1e-4)
        assert located.best_from == "validation"
    assert metrics.localization.reals.n == len(source) - len(fakes)


def test_intervals_of_maps_need_no_second_pass(tmp_path, records):
    run = fake_run(tmp_path / "run", records, Attending)
    metrics = measure_run(run, [PreparedSplit(key="drawn", folder=records)], FEW).metrics.data["drawn"]
    low, high = metrics.localization.intervals["iou"]
    assert low <= metrics.localization.iou <= high
    assert "iou" in metrics.by_forgery["paste"].localization.intervals


def test_maps_that_were_not_learnt_are_measured_beside_the_scores(tmp_path, records):
    run = fake_run(tmp_path / "run", records)
    result = measure_run(run, [PreparedSplit(key="drawn", folder=records)], FEW)
    heat = result.metrics.data["drawn"].heat
    assert list(heat) == ["reconstruction error"]
    assert heat["reconstruction error"].n == 8
    assert heat["reconstruction error"].intervals["pixel_auc"] is not None
    assert result.metrics.data["drawn"].localization is None


def test_a_trained_lae_is_scored_as_by_predict_and_its_attention_is_measured():
    run, folder = trained.opened_lae(), trained.lae_folders()[1]
    records = Records(folder, "test")
    images = np.stack([records[i]["image"] for i in range(len(records))])
    masks = np.stack([records[i]["mask"] for i in range(len(records))]) > 0
    prediction = run.predict(images)
    result = measure_run(run, [PreparedSplit(key="forge", folder=folder)], NO_INTERVALS)
    assert result.scores["forge"].score == pytest.approx(prediction.score, abs=1e-5)
    located, fakes = result.metrics.data["forge"].localization, records.labels == 1
    assert located.n == masks.any(axis=(1, 2)).sum()
    expected = roc_auc_score(masks[fakes].ravel(), prediction.attention[fakes].ravel())
    assert located.pixel_auc == pytest.approx(expected, abs=2e-3)
    assert located.reals.attention == pytest.approx(prediction.attention[~fakes].mean(), abs=1e-5)
