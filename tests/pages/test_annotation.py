import base64
import json

import cv2
import numpy as np
import pytest

from dfdetect_jax.active import queue as queues
from dfdetect_jax.active import queue_masks
from dfdetect_jax.active.journal import read_journal
from dfdetect_jax.active.preview import MOST, pack, shrink_mask, unpack
from dfdetect_jax.pages.annotation import Annotation
from tests.active.queues_on_disk import square_mask, write_drawn_queue

MASK = square_mask()


@pytest.fixture
def queue(tmp_path):
    return write_drawn_queue(tmp_path / "queue")


@pytest.fixture
def annotation(queue):
    return Annotation(queue)


def bits(mask) -> str:
    return base64.b64encode(pack(mask)).decode()


def answer(item="0001", annotator="ann", kind="mask", mask=MASK, **more):
    painted = {"bits": bits(mask)} if kind == "mask" else {}
    return {"annotator": annotator, "item": item, "answer": kind, "seconds": 2.0, **painted, **more}


def picture(url: str) -> np.ndarray:
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_the_next_item_comes_with_its_picture_source_heat_score_and_reason(queue, annotation):
    shown = annotation.open({"annotator": "ann"})
    row = queue.rows[0]
    assert (shown["item"], shown["score"], shown["reason"]) == ("0001", 0.25, row.reason)
    assert queues.digest(picture(shown["image"])) == row.sha256
    np.testing.assert_array_equal(picture(shown["source"]), 255 - picture(shown["image"]))
    assert picture(shown["heat"])[0, [0, 23], 0].tolist() == [255, 0]
    assert json.loads(json.dumps(shown)) == shown


def test_an_answer_is_saved_and_the_next_item_comes(queue, annotation):
    assert annotation.answer(answer())["saved"]["placed"]
    masks = queue_masks.read_masks(queue, queue.selection.fingerprint)
    np.testing.assert_array_equal(masks.masks[0], MASK)
    shown = annotation.open({"annotator": "ann"})
    assert (shown["item"], shown["progress"]["done"], shown["progress"]["waiting"]) == ("0002", 1, 2)


def test_going_back_shows_ones_own_mask(annotation):
    annotation.answer(answer())
    shown = annotation.open({"annotator": "ann", "item": "0001"})
    np.testing.assert_array_equal(unpack(base64.b64decode(shown["mask"]), 24), MASK)
    assert shown["answer"] == "mask"


def test_another_annotator_does_not_see_it(annotation):
    annotation.answer(answer())
    assert annotation.open({"annotator": "bob", "item": "0001"})["mask"] is None


def test_an_item_waits_again_where_its_mask_was_taken_back_and_a_second_one_lies_beside(queue, annotation):
    for item in ("0002", "0003"):
        annotation.answer(answer(item))
    annotation.answer(answer())
    assert not annotation.answer(answer(annotator="bob"))["saved"]["placed"]
    annotation.answer(answer(kind="real"))
    assert queue_masks.missing(queue) == ["0001"]
    assert "item" not in annotation.open({"annotator": "ann"})  # she has said so
    shown = annotation.open({"annotator": "bob"})
    assert (shown["item"], shown["answer"], shown["progress"]["done"]) == ("0001", "mask", 2)
    assert annotation.answer(answer(annotator="bob"))["saved"]["placed"]
    assert queue_masks.missing(queue) == []
    assert annotation.open({"annotator": "bob"})["progress"]["done"] == 3


def test_an_item_whose_mask_was_deleted_waits_again(queue, annotation):
    annotation.answer(answer())
    (queue.folder / "masks/0001.png").unlink()
    assert annotation.open({"annotator": "ann"})["item"] == "0001"
    assert annotation.answer(answer())["saved"]["placed"]
    assert annotation.open({"annotator": "ann"})["item"] == "0002"


def test_an_item_that_somebody_has_open_is_dealt_to_nobody_else(annotation):
    assert annotation.open({"annotator": "ann"})["item"] == "0001"
    assert annotation.open({"annotator": "bob"})["item"] == "0002"
    assert annotation.open({"annotator": "ann"})["item"] == "0001"


def test_a_mask_of_an_older_tool_is_shown_and_replaced_only_when_told_so(queue, annotation):
    cv2.imwrite(str(queue.folder / "masks/0001.png"), square_mask(top=0))
    shown = annotation.open({"annotator": "ann", "item": "0001"})
    np.testing.assert_array_equal(unpack(base64.b64decode(shown["mask"]), 24), square_mask(top=0))
    assert "replace it" in annotation.answer(answer())["conflict"]
    assert annotation.answer(answer(replace=True))["saved"]["placed"]


def test_a_crop_larger_than_the_preview_is_painted_at_the_previews_pixels(tmp_path):
    queue = write_drawn_queue(tmp_path / "large", count=1, size=1500, sources=False)
    annotation = Annotation(queue)
    shown = annotation.open({"annotator": "ann"})
    assert (shown["side"], shown["size"], picture(shown["image"]).shape[0]) == (MOST, 1500, MOST)
    painted = square_mask(MOST, 100, 200, 300)
    annotation.answer(answer(mask=painted))
    mask = cv2.imread(str(queue.folder / "masks/0001.png"), cv2.IMREAD_GRAYSCALE)
    assert mask.shape == (1500, 1500)
    np.testing.assert_array_equal(shrink_mask(mask), painted)


def test_wrong_files_in_the_folder_are_named(queue, annotation):
    cv2.imwrite(str(queue.folder / "masks/0002_mask.jpg"), MASK)
    cv2.imwrite(str(queue.folder / "masks/0001.png"), square_mask(30))
    shown = annotation.open({"annotator": "ann", "item": "0001"})
    assert any("masks/0002_mask.jpg" in note for note in shown["notes"])
    assert any("24 x 24 pixels" in note for note in shown["item_notes"])


def test_two_pages_on_one_queue_know_of_each_others_answers(queue):
    first, second = Annotation(queue), Annotation(queue)
    first.answer(answer())
    assert second.open({"annotator": "bob"})["item"] == "0002"


@pytest.mark.parametrize(
    "message",
    [
        answer(item="../../etc/passwd"),
        answer(item=""),
        answer(annotator="../x"),
        answer(annotator=""),
        answer(bits="!"),
        answer(bits=bits(MASK)[:8]),
        answer(bits=7),
        answer(mask=np.zeros((24, 24), np.uint8)),
        answer(kind="delete"),
        {"annotator": ["ann"], "item": {"a": 1}},
        [],
        None,
    ],
)
def test_a_malformed_message_is_answered_in_one_line_and_changes_nothing(queue, annotation, message):
    error = annotation.answer(message)["error"]
    assert error
    assert "\n" not in error
    assert read_journal(queue.folder) == []
    assert not list((queue.folder / "masks").iterdir())


def test_a_changed_picture_is_not_painted_on(queue, annotation):
    cv2.imwrite(str(queue.folder / "images/0001.png"), np.zeros((24, 24, 3), np.uint8))
    assert "restore it" in annotation.open({"annotator": "ann", "item": "0001"})["error"]


def test_nonsense_for_the_time_counts_as_unknown(queue, annotation):
    for seconds in (-1, "x", 1e9, None, float("nan")):
        annotation.answer(answer(seconds=seconds))
    assert {entry.seconds for entry in read_journal(queue.folder)} == {0.0}


def test_a_link_out_of_the_queue_is_not_shown(queue, annotation, tmp_path):
    (queue.folder / "sources/0001.png").unlink()
    cv2.imwrite(str(tmp_path / "private.png"), square_mask())
    (queue.folder / "sources/0001.png").symlink_to(tmp_path / "private.png")
    assert annotation.open({"annotator": "ann", "item": "0001"})["source"] is None
    assert annotation.open({"annotator": "ann", "item": "0002"})["source"]
