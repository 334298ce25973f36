"""Robustness measured on a detector that can be computed by hand: brightness."""

import functools
import json

import numpy as np
import pytest

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.metrics.frame_scores import score_frames
from dfdetect_jax.evaluation.metrics.summary import measure_group
from dfdetect_jax.evaluation.stress.corruptions import corrupt, psnr
from dfdetect_jax.evaluation.stress.protocol import CORRUPTIONS
from dfdetect_jax.evaluation.stress.robustness import measure_robustness
from tests.data.drawn import SIZE, clip_example, write_records

COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("data") / "drawn", {"test": COUNT}, example_of=clip_example)


def brightness(images):
    return images.mean(axis=(1, 2, 3), dtype=np.float64) / 255


def measured(folder, threshold=0.5, **options):
    measure = functools.partial(measure_group, threshold=threshold)
    return measure_robustness(brightness, folder, "test", **{"image_size": SIZE, "measure": measure, **options})


def test_clean_metrics_are_those_of_the_ordinary_evaluation(folder):
    result, scores = measured(folder, corruptions=["contrast"])
    batches = eval_batches(folder, "test", batch_size=8, image_size=SIZE)
    expected = measure_group(score_frames(brightness, batches), 0.5)
    clean = result.clean
    assert (clean.level, clean.parameter, clean.psnr) == (0, None, None)
    assert clean.as_json()["psnr_why"] == "no frame was changed"
    for name in expected.video.NAMES:
        assert clean.video.value(name) == pytest.approx(expected.video.value(name))
    for name in expected.frame.NAMES:
        assert clean.frame.value(name) == pytest.approx(expected.frame.value(name))
    assert (result.n, result.of, len(scores["clean", 0])) == (COUNT, COUNT, COUNT)


def test_a_levels_metrics_are_of_the_corrupted_frames(folder):
    result, scores = measured(folder, corruptions=["noise", "contrast"], seed=4)
    assert list(result.corruptions) == ["noise", "contrast"]
    level, frames = result.corruptions["noise"][1], scores["noise", 2]
    (batch,) = eval_batches(folder, "test", batch_size=COUNT, image_size=SIZE)  # in the order of the split
    images = corrupt(batch["image"], "noise", 2, seed=4)
    expected = dict(zip(zip(batch["video"], batch["frame"], strict=True), brightness(images), strict=True))
    assert frames.score.tolist() == [expected[name] for name in zip(frames.video, frames.frame, strict=True)]
    assert (level.level, level.parameter) == (2, 0.002)
    assert level.psnr == pytest.approx(psnr(batch["image"], images).mean())
    assert level.frame == measure_group(frames, 0.5).frame


def test_darkening_moves_brightness_below_the_threshold(folder):
    result, _ = measured(folder, corruptions=["contrast"], threshold=0.52)
    levels, clean = result.corruptions["contrast"], result.clean.frame
    assert (clean.auc, clean.tpr, clean.fpr) == (1.0, 1.0, 0.0)
    assert [level.frame.tpr for level in levels] == [0.0] * 5
    assert [level.video.tpr for level in levels] == [0.0] * 5
    assert [level.frame.auc for level in levels] == [1.0] * 5  # in the same order as before


def test_every_corruption_is_measured_and_is_json(folder):
    counts = []
    result, scores = measured(folder, max_frames=8, on_progress=counts.append)
    values = result.as_json()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert (values["n"], values["of"]) == (8, COUNT)
    levels = {name: [level["level"] for level in levels] for name, levels in values["corruptions"].items()}
    assert levels == {name: [1, 2, 3, 4, 5] for name in CORRUPTIONS}
    assert set(values["parameters"]) == set(CORRUPTIONS)
    assert len(scores) == 46
    assert sum(counts) == 46 * 8
    assert any("measured frames of each clip" in note for note in values["notes"])


def test_an_unknown_corruption_is_rejected_before_anything_is_read():
    with pytest.raises(SettingsError, match='did you mean "blur"'):
        measured("nowhere", corruptions=["blurr"])
