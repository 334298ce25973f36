import contextlib
import dataclasses
import functools
import io
import subprocess
import sys

import jax
import numpy as np
import pytest

from dfdetect_jax.active import choose, face_region, queue_masks
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active.selection import STRATEGIES
from dfdetect_jax.config import override
from dfdetect_jax.data.records import Records
from dfdetect_jax.errors import RecordsError, RunError, SettingsError
from dfdetect_jax.methods import lae
from dfdetect_jax.run.folder import records_of
from dfdetect_jax.run.predictor import PREDICT_BATCH
from dfdetect_jax.select import main
from tests import trained
from tests.conftest import tiny_settings

SIZE = 32  # of the crops and of the network's input, pixels
EVERY_COLUMN = ("features", "evidence", "evidence_outside")


@dataclasses.dataclass
class Seen:
    """The training fakes, as the run sees them when it is asked directly."""

    places: np.ndarray
    score: np.ndarray
    attention: np.ndarray
    latent: np.ndarray


@pytest.fixture(scope="module")
def seen() -> Seen:
    run, split = trained.opened_lae(), Records(trained.lae_folders()[1], "train")
    places = np.flatnonzero(split.labels)
    images = np.zeros((PREDICT_BATCH, SIZE, SIZE, 3), np.uint8)
    images[: len(places)] = [split[int(place)]["image"] for place in places]
    prediction = run.localize(images)
    score, attention = prediction.score, prediction.attention
    latent = jax.jit(functools.partial(lae.encode, settings=run.settings))(run.variables, images)
    return Seen(places, *(np.asarray(array, np.float64)[: len(places)] for array in (score, attention, latent)))


@pytest.fixture(scope="module")
def candidates():
    return choose.score_fakes(trained.opened_lae(), trained.lae_folders()[1], EVERY_COLUMN)


def call(out, *flags):
    """(the queue, what was printed)."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["--run", str(trained.lae_folders()[0]), "--out", str(out), *flags]) == 0
    return queues.read_queue(out), printed.getvalue()


def test_every_training_fake_is_a_candidate_once_with_its_own_score(seen, candidates):
    np.testing.assert_array_equal(candidates.places, seen.places)
    np.testing.assert_allclose(candidates.score, seen.score, atol=1e-6)


def test_scoring_in_small_groups_changes_nothing(candidates, monkeypatch):
    monkeypatch.setattr(choose, "PREDICT_BATCH", 3)  # a group per two batches, and one that isn't full
    again = choose.score_fakes(trained.opened_lae(), trained.lae_folders()[1])
    np.testing.assert_array_equal(again.places, candidates.places)
    np.testing.assert_array_equal(again.clips, candidates.clips)
    np.testing.assert_allclose(again.score, candidates.score, atol=1e-5)


def test_the_columns_are_sums_over_the_face_and_what_is_around_it(seen, candidates):
    face = face_region.face_region(SIZE, trained.opened_lae().crop.margin)
    away = seen.attention[:, ~face].sum(axis=1) / seen.attention.sum(axis=(1, 2))
    np.testing.assert_allclose(candidates.outside, away, rtol=1e-4)
    size = np.abs(seen.latent)
    np.testing.assert_allclose(candidates.features, size.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    half = size.shape[-1] // 2
    # A cell of the 8 x 8 latent is 4 x 4 pixels; each pixel counts with its cell's value.
    pixels = size[..., half:].repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(candidates.evidence, pixels.mean(axis=(1, 2)) / half, rtol=1e-4, atol=1e-7)
    away = pixels[:, ~face].sum(axis=1) / SIZE**2 / half
    np.testing.assert_allclose(candidates.evidence_outside, away, rtol=1e-4, atol=1e-7)


def test_zeroing_a_channel_takes_its_evidence_from_the_activation(seen, candidates):
    fake = np.abs(seen.latent[0, ..., seen.latent.shape[-1] // 2 :])
    strongest = int(candidates.evidence[0].argmax())
    without = fake.copy()
    without[..., strongest] = 0
    assert fake.mean() - without.mean() == pytest.approx(candidates.evidence[0, strongest], rel=1e-3)


def test_the_hardest_fakes_are_queued_in_order(tmp_path, candidates):
    queue, printed = call(tmp_path / "queue", "--strategy", "hardest", "--share", "0.2")
    assert len(queue.rows) == 3  # of 16 training images
    lowest = np.sort(candidates.score)[:3]
    np.testing.assert_allclose([row.score for row in queue.rows], lowest, atol=1e-6)
    by_place = dict(zip(candidates.places.tolist(), candidates.score.tolist(), strict=True))
    assert [by_place[row.place] for row in queue.rows] == pytest.approx(lowest.tolist(), abs=1e-6)
    assert "3 fakes by hardest" in printed
    assert "3 still without a mask" in printed


def test_the_oracle_gives_masks_that_can_be_trained_on(tmp_path):
    queue, printed = call(tmp_path / "queue", "--share", "0.2", "--oracle")
    masks = queue_masks.read_masks(queue, trained.opened_lae().info["data"]["fingerprint"])
    assert masks.places.tolist() == sorted(row.place for row in queue.rows)
    assert "0 still without a mask" in printed


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_queues_fakes_and_says_why(tmp_path, strategy, seen):
    queue, _ = call(tmp_path / "queue", "--strategy", strategy, "--share", "0.3", "--seed", "3")
    assert {row.place for row in queue.rows} <= set(seen.places.tolist())
    assert len({row.place for row in queue.rows}) == 4
    assert all(row.reason and row.forgery for row in queue.rows)
    assert queue.selection.strategy == strategy


def test_the_same_call_again_keeps_the_queue_and_scores_nothing(tmp_path, monkeypatch):
    queue, _ = call(tmp_path / "queue", "--share", "0.2", "--oracle")
    monkeypatch.setattr(choose, "score_fakes", lambda *_: pytest.fail("scored again"))
    again, _ = call(tmp_path / "queue", "--share", "0.2")
    assert again == queue
    assert queue_masks.missing(again) == []


def test_another_selection_is_refused(tmp_path):
    call(tmp_path / "queue", "--share", "0.2")
    with pytest.raises(RunError, match=r"share 0\.2 \(requested: 0\.3\)"):
        call(tmp_path / "queue", "--share", "0.3")


@pytest.mark.parametrize("flags", [("--share", "1.5"), ("--share", "nan"), ("--seed", "-1")])
def test_numbers_that_mean_nothing_are_refused(tmp_path, flags):
    with pytest.raises(SettingsError, match=flags[0].removeprefix("--")):
        call(tmp_path / "queue", *flags)


def test_a_run_that_learns_from_no_masks_is_refused():
    cae = dataclasses.replace(trained.opened_lae(), settings=tiny_settings())
    with pytest.raises(RunError, match=r"expected a run of a method that learns from masks.*found one of cae"):
        choose.active_settings(cae.settings, cae.folder)
    with pytest.raises(RunError, match="found one of cae"):
        main(["--run", str(trained.folders()[0]), "--share", "0.01"])


def test_channels_need_the_latents_halves(tmp_path):
    run = trained.opened_lae()
    settings = override(run.settings, {"model.head": "linear", "active.strategy": "channels"})
    linear = dataclasses.replace(run, settings=settings)
    with pytest.raises(SettingsError, match="fake half"):
        choose.choose_for_masks(linear, trained.lae_folders()[1], settings.active, tmp_path / "queue")


def moved(run, **data):
    return dataclasses.replace(run, info={**run.info, "data": {**run.info["data"], **data}})


def test_records_that_have_moved_are_found_by_their_name():
    run, records = trained.opened_lae(), trained.lae_folders()[1]
    gone = moved(run, folder=str(records.parents[2] / "gone" / "/".join(records.parts[-3:])))
    assert records_of(gone, records.parents[2]) == records


def test_other_data_is_never_chosen_from():
    with pytest.raises(RecordsError, match="expected the data that the run was trained on"):
        records_of(moved(trained.opened_lae(), fingerprint="0123456789abcdef"))


def test_a_wrong_run_is_one_line_and_status_2(tmp_path):
    command = [sys.executable, "-m", "dfdetect_jax.select", "--run", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_second_round_chooses_nothing_that_is_answered_and_carries_the_masks_on(tmp_path):
    first, _ = call(tmp_path / "first", "--share", "0.1", "--oracle")
    second, _ = call(tmp_path / "second", "--share", "0.1", "--after", str(first.folder))
    painted = queue_masks.read_masks(first, first.selection.fingerprint)
    new = [row.place for row in second.rows if row.id in queue_masks.missing(second)]
    assert new
    assert not {*new} & {row.place for row in first.rows}
    carried = queue_masks.read_masks(second, second.selection.fingerprint)
    np.testing.assert_array_equal(carried.places, painted.places)
    np.testing.assert_array_equal(carried.masks, painted.masks)


def test_the_queue_holds_the_attention_that_its_picture_shows(tmp_path, seen):
    queue, _ = call(tmp_path / "queue", "--share", "0.1")
    for row in queue.rows:
        attention = np.clip(seen.attention[seen.places.tolist().index(row.place)], 0, 1)
        np.testing.assert_allclose(queue_masks.read_heat(queue, row), attention, atol=0.01)
