import json

import numpy as np
import pytest

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.metrics.frame_scores import score_frames
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.stress.corruptions import CORRUPTIONS, corrupt, psnr
from dfdetect_jax.evaluation.stress.robustness import measure
from tests import trained
from tests.data.drawn import SIZE, clip_example, write_records

COUNT = 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("data") / "drawn", {"test": COUNT}, example_of=clip_example)


def brightness(images):
    """A detector that anybody can compute."""
    return images.mean(axis=(1, 2, 3), dtype=np.float64) / 255


def measured(folder, **options):
    return measure(brightness, folder, "test", **{"image_size": SIZE, "threshold": 0.5, **options})


def test_clean_figures_are_those_of_the_ordinary_evaluation(folder):
    result, scores = measured(folder, corruptions=["contrast"])
    batches = eval_batches(folder, "test", batch_size=8, image_size=SIZE)
    expected = summarize(score_frames(brightness, batches), 0.5, ())
    assert (
        result["clean"].items()
        >= {"level": 0, "parameter": None, "psnr": None, "psnr_why": "no frame was changed"}.items()
    )
    assert {name: result["clean"][name] for name in expected["frame"]} == pytest.approx(expected["frame"])
    assert result["clean"]["video"] == pytest.approx(expected["video"])
    assert (result["n"], result["of"], len(scores["clean", 0])) == (COUNT, COUNT, COUNT)


def test_a_levels_figures_are_of_the_corrupted_frames(folder):
    result, scores = measured(folder, corruptions=["noise", "contrast"], seed=4)
    assert list(result["corruptions"]) == ["noise", "contrast"]
    level = result["corruptions"]["noise"][1]
    (batch,) = eval_batches(folder, "test", batch_size=COUNT, image_size=SIZE)  # in the order of the split
    images = corrupt(batch["image"], "noise", 2, seed=4)
    found = scores["noise", 2]
    expected = dict(zip(zip(batch["video"], batch["frame"], strict=True), brightness(images), strict=True))
    assert found.score.tolist() == [expected[name] for name in zip(found.video, found.frame, strict=True)]
    assert (level["level"], level["parameter"]) == (2, 0.002)
    assert level["psnr"] == pytest.approx(psnr(batch["image"], images).mean())
    assert level["auc"] == summarize(found, 0.5, ())["frame"]["auc"]


def test_darkening_moves_brightness_below_the_threshold(folder):
    result, _ = measured(folder, corruptions=["contrast"], threshold=0.52)
    levels = result["corruptions"]["contrast"]
    assert [result["clean"][name] for name in ("auc", "tpr", "fpr")] == [1.0, 1.0, 0.0]
    assert [level["tpr"] for level in levels] == [0.0] * 5
    assert [level["video"]["tpr"] for level in levels] == [0.0] * 5
    assert [level["auc"] for level in levels] == [1.0] * 5  # in the same order as before


def test_every_corruption_is_measured_and_told_as_json(folder):
    pytest.importorskip("av")
    counted = []
    result, scores = measured(folder, max_frames=8, on_progress=counted.append)
    told = json.loads(json.dumps(result, allow_nan=False))
    assert (told["n"], told["of"]) == (8, COUNT)
    assert {name: [level["level"] for level in levels] for name, levels in told["corruptions"].items()} == {
        name: [1, 2, 3, 4, 5] for name in CORRUPTIONS
    }
    assert set(told["parameters"]) == set(CORRUPTIONS)
    assert len(scores) == 46
    assert sum(counted) == 46 * 8
    assert any("clip's measured frames" in note for note in told["notes"])


def test_figures_may_be_somebody_elses(folder):
    def figures(frames):
        return {"frame": {"auc": len(frames), "auc_ci": [0, 1]}, "video": {"auc": None}}

    result, _ = measured(folder, corruptions=["blur"], figures=figures)
    assert result["corruptions"]["blur"][4].items() >= {"auc": COUNT, "auc_ci": [0, 1], "video": {"auc": None}}.items()


def test_an_unknown_corruption_is_refused_before_anything_is_read():
    with pytest.raises(SettingsError, match='did you mean "blur"'):
        measured("nowhere", corruptions=["blurr"])


def test_a_trained_run_is_measured():
    run, (_, folder) = trained.opened(), trained.folders()
    result, scores = measure(
        run.score, folder, "test", image_size=40, threshold=run.threshold, corruptions=["jpeg"], max_frames=6
    )
    assert all(len(frames) == result["n"] for frames in scores.values())
    assert not np.array_equal(scores["jpeg", 5].score, scores["clean", 0].score)
