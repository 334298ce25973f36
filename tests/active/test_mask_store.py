import errno
import os
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from dfdetect_jax import files
from dfdetect_jax.active import mask_store, queue_masks
from dfdetect_jax.active import queue as queues
from dfdetect_jax.active.journal import JOURNAL, Answer, read_journal
from dfdetect_jax.active.mask_store import own_mask, read_kept, recover, save_answer
from dfdetect_jax.errors import BadMediaError, RunError, SettingsError
from tests.active.queues_on_disk import square_mask, write_drawn_queue

MASK, OTHER = square_mask(), square_mask(top=1, left=1)


@pytest.fixture
def queue(tmp_path):
    return write_drawn_queue(tmp_path / "queue")


def placed(queue, item="0001"):
    path = queue.folder / f"masks/{item}.png"
    return cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.exists() else None


def save(queue, annotator="ann", mask=MASK, item="0001", answer=Answer.MASK, **options):
    return save_answer(queue, item, annotator, answer, mask, **options)


def test_a_mask_lies_where_training_reads_it_pixel_for_pixel(queue):
    assert save(queue, seconds=12.34).conflict == ""
    masks = queue_masks.read_masks(queue, queue.selection.fingerprint)
    assert masks.places.tolist() == [0]
    np.testing.assert_array_equal(masks.masks[0], MASK)


def test_the_journal_names_who_when_how_long_and_the_agreement_with_the_heat(queue):
    save(queue, seconds=12.34)
    (entry,) = read_journal(queue.folder)
    assert (entry.annotator, entry.item, entry.answer, entry.seconds, entry.placed) == (
        "ann",
        "0001",
        "mask",
        12.3,
        True,
    )
    assert entry.time.endswith("+00:00")
    heat = np.zeros((24, 24), bool)
    heat[:, :12] = True
    assert entry.heat_iou == pytest.approx((heat & (MASK > 0)).sum() / (heat | (MASK > 0)).sum(), abs=1e-4)


def test_the_same_item_again_replaces_ones_own_mask_and_keeps_the_first(queue):
    first, second = save(queue).entry, save(queue, mask=OTHER).entry
    np.testing.assert_array_equal(placed(queue), OTHER)
    np.testing.assert_array_equal(read_kept(queue, first), MASK)
    np.testing.assert_array_equal(read_kept(queue, second), OTHER)


def test_a_second_annotators_mask_is_kept_beside_the_first(queue):
    save(queue, "ann")
    saved = save(queue, "bob", OTHER)
    assert not saved.entry.placed
    np.testing.assert_array_equal(placed(queue), MASK)
    np.testing.assert_array_equal(own_mask(queue, "0001", "bob", read_journal(queue.folder)), OTHER)


def test_a_mask_put_there_by_other_means_gives_way_only_when_asked_and_is_kept(queue):
    cv2.imwrite(str(queue.folder / "masks/0001.png"), OTHER)
    before = (queue.folder / "masks/0001.png").read_bytes()
    assert "replace it" in save(queue).conflict
    assert (queue.folder / "masks/0001.png").read_bytes() == before
    assert read_journal(queue.folder) == []
    assert save(queue, replace=True).entry.placed
    np.testing.assert_array_equal(placed(queue), MASK)
    assert (queue.folder / "answers/0001.outside.1.png").read_bytes() == before


def test_a_mask_that_was_edited_after_it_was_saved_counts_as_put_there_by_other_means(queue):
    save(queue)
    cv2.imwrite(str(queue.folder / "masks/0001.png"), OTHER)
    assert save(queue).conflict


@pytest.mark.parametrize("answer", [Answer.REAL, Answer.UNSURE])
def test_who_changes_a_mask_to_another_answer_takes_it_away_but_it_is_kept(queue, answer):
    first = save(queue).entry
    save(queue, mask=None, answer=answer)
    assert placed(queue) is None
    np.testing.assert_array_equal(read_kept(queue, first), MASK)
    assert queue_masks.missing(queue) == ["0002", "0003"]


def test_a_second_annotators_other_answer_leaves_the_mask(queue):
    save(queue, "ann")
    save(queue, "bob", None, answer=Answer.REAL)
    np.testing.assert_array_equal(placed(queue), MASK)


def test_a_skip_changes_nothing_but_the_journal(queue):
    save(queue)
    save(queue, mask=None, answer=Answer.SKIP)
    np.testing.assert_array_equal(placed(queue), MASK)
    assert [entry.answer for entry in read_journal(queue.folder)] == ["mask", "skip"]


def test_nothing_changes_once_training_learns_from_the_masks(queue):
    save(queue)
    (queue.folder / queues.STARTED).write_text("digest")
    assert "training has started" in save(queue, mask=OTHER).conflict
    np.testing.assert_array_equal(placed(queue), MASK)
    assert save(queue, "bob", OTHER).entry  # a second opinion is none of training's


def test_two_annotators_who_save_at_once_lose_nothing(queue):
    def paint(name):
        for item in ("0001", "0002", "0003"):
            save(queue, name, square_mask(top=len(name)), item)

    threads = [threading.Thread(target=paint, args=(name,)) for name in ("a", "bb", "ccc")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = read_journal(queue.folder)
    assert len(entries) == 9
    for item in ("0001", "0002", "0003"):
        (owner,) = (entry for entry in entries if entry.item == item and entry.placed)
        np.testing.assert_array_equal(placed(queue, item), square_mask(top=len(owner.annotator)))
        assert len(list((queue.folder / "answers").glob(f"{item}.*.png"))) == 3


@pytest.mark.parametrize("step", [1, 2])
def test_a_full_disk_is_one_line_and_costs_nothing_that_was_there(queue, monkeypatch, step):
    save(queue)
    calls, write = [], files.write_bytes

    def full(path, content):
        calls.append(path)
        if len(calls) == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(path, content)

    monkeypatch.setattr(files, "write_bytes", full)
    with pytest.raises(RunError, match=r"not saved: no room on the disk.*make room"):
        save(queue, mask=OTHER)
    monkeypatch.undo()
    np.testing.assert_array_equal(placed(queue), MASK)
    assert save(queue, mask=OTHER).entry.placed
    np.testing.assert_array_equal(placed(queue), OTHER)


def test_a_process_killed_before_the_journals_line_has_lost_nothing(queue, monkeypatch):
    save(queue)

    def killed(folder, entry):
        raise KeyboardInterrupt

    monkeypatch.setattr("dfdetect_jax.active.mask_store.append", killed)
    with pytest.raises(KeyboardInterrupt):
        save(queue, "bob", OTHER, "0002")
    monkeypatch.undo()
    assert recover(queue) == 1
    assert recover(queue) == 0
    entry = read_journal(queue.folder)[-1]
    assert (entry.annotator, entry.item, entry.answer, entry.placed) == ("bob", "0002", "mask", True)
    np.testing.assert_array_equal(placed(queue, "0002"), OTHER)
    assert save(queue, "bob", MASK, "0002").conflict == ""


WRITES = {"write": (files, "write_bytes"), "append": (mask_store, "append"), "unlink": (Path, "unlink")}


def killed_within(monkeypatch, name, call, act):
    """Acts, and is killed at the n-th call of a function that changes files."""
    target, function = WRITES[name]
    calls, original = [], getattr(target, function)

    def counted(*args, **options):
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return original(*args, **options)

    monkeypatch.setattr(target, function, counted)
    with pytest.raises(KeyboardInterrupt):
        act()
    monkeypatch.undo()


@pytest.mark.parametrize("before", [None, OTHER])
@pytest.mark.parametrize(("name", "call"), [("write", 2), ("append", 1)])
def test_a_mask_whose_process_was_killed_becomes_the_items_all_the_same(queue, monkeypatch, before, name, call):
    if before is not None:
        save(queue, mask=before)
    killed_within(monkeypatch, name, call, lambda: save(queue))
    assert (recover(queue), recover(queue)) == (1, 0)
    np.testing.assert_array_equal(placed(queue), MASK)
    assert read_journal(queue.folder)[-1].placed
    assert queue_masks.missing(queue) == ["0002", "0003"]


def test_a_second_annotators_mask_whose_process_was_killed_stays_beside_the_first(queue, monkeypatch):
    save(queue, "ann")
    killed_within(monkeypatch, "append", 1, lambda: save(queue, "bob", OTHER))
    assert recover(queue) == 1
    np.testing.assert_array_equal(placed(queue), MASK)
    assert not read_journal(queue.folder)[-1].placed


def test_a_mask_whose_withdrawal_was_cut_off_is_taken_away_and_stays_in_answers(queue, monkeypatch):
    first = save(queue).entry
    killed_within(monkeypatch, "unlink", 1, lambda: save(queue, mask=None, answer=Answer.REAL))
    assert (placed(queue) is not None, read_journal(queue.folder)[-1].answer) == (True, "real")
    assert recover(queue) == 0
    assert placed(queue) is None
    np.testing.assert_array_equal(read_kept(queue, first), MASK)


def test_nothing_is_placed_or_taken_away_once_training_has_started(queue, monkeypatch):
    save(queue)
    killed_within(monkeypatch, "unlink", 1, lambda: save(queue, mask=None, answer=Answer.REAL))
    killed_within(monkeypatch, "write", 2, lambda: save(queue, "bob", OTHER, "0002"))
    (queue.folder / queues.STARTED).write_text("digest")
    assert recover(queue) == 1
    np.testing.assert_array_equal(placed(queue), MASK)
    assert placed(queue, "0002") is None


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (None, "found none"),
        (np.zeros((24, 24), np.uint8), "nothing painted"),
        (square_mask(25), "24 x 24"),
        (square_mask() // 2, "each 0 or 255"),
        (square_mask().astype(np.float32), "float32"),
    ],
)
def test_what_is_no_mask_is_refused(queue, mask, words):
    with pytest.raises(BadMediaError, match=words):
        save(queue, mask=mask)
    assert not (queue.folder / JOURNAL).exists()


@pytest.mark.parametrize("name", ["answers", "masks", "journal.jsonl"])
def test_nothing_is_written_through_a_link_out_of_the_queue(queue, tmp_path, name):
    elsewhere = tmp_path / "elsewhere"
    if name == "journal.jsonl":
        elsewhere.write_text("mine")
    else:
        elsewhere.mkdir()
    if name == "masks":
        (queue.folder / name).rmdir()
    (queue.folder / name).symlink_to(elsewhere)
    with pytest.raises(RunError, match=f"{name}: expected a part of the queue itself, found a link"):
        save(queue)
    assert (elsewhere.read_text() if elsewhere.is_file() else list(elsewhere.iterdir())) in ("mine", [])


def test_names_from_a_page_never_become_paths(queue):
    with pytest.raises(RunError, match="expected one of the items"):
        save(queue, item="../../etc/passwd")
    with pytest.raises(SettingsError, match="expected a name"):
        save(queue, annotator="../ann")


def test_a_line_that_names_a_file_elsewhere_is_refused(queue, tmp_path):
    entry = save(queue).entry
    (tmp_path / "secret.png").write_bytes((queue.folder / entry.file).read_bytes())
    for name in ("../secret.png", str(tmp_path / "secret.png"), "masks/0001.png"):
        with pytest.raises(BadMediaError, match="expected a mask in answers/"):
            read_kept(queue, type(entry)(**{**vars(entry), "file": name}))
