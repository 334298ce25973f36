"""The benchmarks of masks: how their painters err, that they paint on the page, and how their tables pair seeds."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dfdetect_jax.active.agreement import iou
from dfdetect_jax.active.journal import read_journal
from dfdetect_jax.active.queue_masks import read_masks
from tests.active.queues_on_disk import square_mask, write_drawn_queue

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import mask_runs  # noqa: E402
import painter  # noqa: E402

MASK = square_mask(size=64, top=20, left=16, side=24)


@pytest.mark.parametrize("name", painter.PAINTERS)
def test_a_painter_is_a_function_of_mask_and_seed_and_always_marks_something(name):
    draw = painter.PAINTERS[name]
    for seed in range(6):
        drawn = draw(MASK, seed)
        np.testing.assert_array_equal(drawn, draw(MASK.copy(), seed))
        assert drawn.shape == MASK.shape
        assert set(np.unique(drawn)) == {0, 255}
        assert name == "perfect" or 0.2 < iou(drawn, MASK) < 0.9


@pytest.mark.parametrize("seed", range(4))
def test_a_dilated_mask_covers_the_true_one_a_shifted_one_has_its_shape_and_half_of_it_may_be_missing(seed):
    dilated, shifted, half = (painter.PAINTERS[name](MASK, seed) for name in ("dilated", "shifted", "half missing"))
    assert (dilated >= MASK).all()
    assert (shifted > 0).sum() == (MASK > 0).sum()
    assert (half <= MASK).all()
    assert 0.5 <= (half > 0).sum() / (MASK > 0).sum() < 0.6


def test_a_single_pixel_and_a_whole_picture_can_be_painted():
    pixel, whole = square_mask(size=8, top=0, left=0, side=1), np.full((8, 8), 255, np.uint8)
    for mask in (pixel, whole):
        assert all(draw(mask, seed).any() for draw in painter.PAINTERS.values() for seed in range(9))


def lines(arm, values):
    figures = [dict.fromkeys(mask_runs.FIGURES, value) | {"spot": {"iou": 0.25}} for value in values]
    return [{"arm": arm, "seed": seed, "data": {"faces": each}} for seed, each in enumerate(figures)]


def test_a_difference_is_paired_by_seed_with_the_interval_of_a_paired_t_test():
    ours, base = [0.5, 0.7, 0.6], [0.4, 0.65, 0.57]
    rows = list(mask_runs.table_rows(lines("a", ours) + lines("b", base), ["b", "a"], {"b": lambda _: "b"}))
    assert [row["arm"] for row in rows[:2]] == ["b", "a"]
    assert rows[0]["against b"] is None
    low, high = stats.ttest_rel(ours, base).confidence_interval()
    assert rows[1]["against b"] == f"{np.mean(ours) - np.mean(base):+.3f} [{low:+.3f}, {high:+.3f}]"
    assert [(row["figure"], row["mean"]) for row in rows if row["arm"] == mask_runs.SPOT] == [("iou", "0.250")]


def test_a_seed_that_the_baseline_lacks_is_not_compared():
    assert mask_runs.difference({0: 0.5, 1: 0.9}, {0: 0.25}) == "+0.250"
    assert mask_runs.difference({1: 0.9}, {0: 0.25}) is None


@pytest.mark.slow
def test_the_painter_paints_through_the_page_what_it_drew(tmp_path):
    pytest.importorskip("gradio", reason="no Gradio; pip install 'dfdetect_jax[annotate]'")
    queue = write_drawn_queue(tmp_path / "queue", size=64)
    places = [row.place for row in queue.rows]
    truth = {places[0]: MASK, places[1]: None, places[2]: MASK.T.copy()}
    painter.paint(queue, truth.get, painter.mixed, seed=3)
    masks = read_masks(queue, queue.selection.fingerprint)
    assert masks.places.tolist() == [places[0], places[2]]
    for place, mask in zip(masks.places.tolist(), masks.masks, strict=True):
        np.testing.assert_array_equal(mask, painter.mixed(truth[place], painter.item_seed(3, place)))
    assert sorted(entry.answer for entry in read_journal(queue.folder)) == ["mask", "mask", "unsure"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "flags", "arms"),
    [
        ("annotation_loop", ["--arms", "before", "no masks", "mixed masks"], ["before", "no masks", "mixed masks"]),
        ("selection", ["--shares", "0.1", "--strategies", "random", "diverse"], ["10% random", "10% diverse"]),
    ],
)
def test_one_command_runs_all_and_does_nothing_twice(name, flags, arms, tmp_path):
    if name == "annotation_loop":
        pytest.importorskip("gradio", reason="no Gradio; pip install 'dfdetect_jax[annotate]'")
    out, table = ["--tiny", "--seeds", "0", "--out", str(tmp_path)], tmp_path / "table.json"
    command = [sys.executable, f"benchmarks/{name}.py", *out, *flags, "--json", str(table)]
    for _ in range(2):
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
        assert ended.returncode == 0, ended.stderr
        assert [json.loads(line)["arm"] for line in (tmp_path / "runs.jsonl").read_text().splitlines()] == arms
    assert {row["arm"] for row in json.loads(table.read_text())["rows"]} == {*arms, mask_runs.SPOT}
