import dataclasses
import json
import os

import cv2
import numpy as np
import pytest

from dfdetect_jax.active import queue as queues
from dfdetect_jax.active import queue_masks
from dfdetect_jax.active.journal import Answer, Entry, append
from dfdetect_jax.active.queue import QueueCrop, QueueRow, Selection
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.errors import BadMediaError, RunError
from tests.data.drawn import SIZE, write_records


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("data_dir") / "drawn", {"train": 12})


@pytest.fixture
def asked(records):
    return Selection(
        run="lae", step=4, strategy="hardest", share=0.03, seed=0, fingerprint=read_manifest(records).fingerprint
    )


@pytest.fixture
def places(records):
    """Three fakes, not in the order of the records."""
    return [int(place) for place in np.flatnonzero(Records(records, "train").labels)[[4, 0, 2]]]


def crops(records, places):
    split = Records(records, "train")
    for number, place in enumerate(places, 1):
        image = split[place]["image"]
        row = QueueRow(
            id=f"{number:04d}",
            place=place,
            video=split[place]["video"],
            forgery=split[place]["forgery"],
            frame=0,
            score=0.25,
            outside=0.5,
            reason="taken for real",
            sha256=queues.digest(image),
        )
        yield QueueCrop(row, image, image // 2)


@pytest.fixture
def queue(tmp_path, records, asked, places):
    return queues.write_queue(tmp_path / "queue", asked, SIZE, crops(records, places))


def paint(queue, number, mask):
    cv2.imwrite(str(queue.folder / f"masks/{number:04d}.png"), mask)


def white_square(side=SIZE):
    mask = np.zeros((side, side), np.uint8)
    mask[5:15, 10:20] = 255
    return mask


def test_a_queue_reads_back_as_it_was_written(queue):
    assert queues.read_queue(queue.folder) == queue
    assert queue_masks.missing(queue) == ["0001", "0002", "0003"]
    assert not queue.folder.with_name("queue.partial").exists()


def test_images_are_the_stored_crops_bit_for_bit(queue, records, places):
    split = Records(records, "train")
    for number, place in enumerate(places, 1):
        written = cv2.imread(str(queue.folder / f"images/{number:04d}.png"))[..., ::-1]
        np.testing.assert_array_equal(written, split[place]["image"])


def test_the_rows_name_their_files_for_other_programs(queue):
    rows = json.loads((queue.folder / "queue.json").read_text())["rows"]
    assert all((queue.folder / row["image"]).is_file() and (queue.folder / row["attention"]).is_file() for row in rows)
    assert [row["mask"] for row in rows] == ["masks/0001.png", "masks/0002.png", "masks/0003.png"]


def test_the_oracle_paints_the_ground_truth(queue, records, places):
    assert queue_masks.fill_from_records(queue, records) == 0
    masks = queue_masks.read_masks(queue, queue.selection.fingerprint)
    assert masks.places.tolist() == sorted(places)
    split = Records(records, "train")
    for place, mask in zip(masks.places, masks.masks, strict=True):
        assert mask.any()
        np.testing.assert_array_equal(mask, split[int(place)]["mask"])


def test_the_oracle_leaves_what_a_person_painted(queue, records):
    paint(queue, 2, white_square())
    queue_masks.fill_from_records(queue, records)
    written = cv2.imread(str(queue.folder / "masks/0002.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(written, white_square())


def test_the_oracle_counts_the_fakes_whose_mask_is_unknown(queue, records, monkeypatch):
    known = Records.__getitem__
    monkeypatch.setattr(
        Records, "__getitem__", lambda self, i: {**known(self, i), "has_mask": i == queue.rows[0].place}
    )
    assert queue_masks.fill_from_records(queue, records) == 2
    assert queue_masks.missing(queue) == ["0002", "0003"]


def test_masks_come_for_what_was_painted_in_the_order_of_the_records(queue, places):
    paint(queue, 1, white_square())
    paint(queue, 3, 255 - white_square())
    masks = queue_masks.read_masks(queue, queue.selection.fingerprint)
    assert masks.places.tolist() == sorted([places[0], places[2]])
    assert masks.places.dtype == np.int64
    np.testing.assert_array_equal(masks.masks[masks.places.tolist().index(places[0])], white_square())
    assert masks.masks.dtype == np.uint8


def test_without_masks_there_are_none(queue):
    assert queue_masks.read_masks(queue, queue.selection.fingerprint).masks.shape == (0, SIZE, SIZE)


@pytest.mark.parametrize(
    "as_painted",
    [
        lambda mask: mask // 255 * 128,
        lambda mask: np.where(mask, 255, 127).astype(np.uint8),
        lambda mask: np.stack([mask * 0, mask * 0, mask], axis=-1),
        lambda mask: np.stack([*[np.full_like(mask, 255)] * 3, mask], axis=-1),
        lambda mask: mask.astype(np.uint16) * 257,
        lambda mask: mask // 255,
    ],
    ids=["grey 128", "on grey 127", "red", "white on transparent", "16 bits", "0 and 1"],
)
def test_whatever_is_at_least_half_bright_or_the_one_value_on_black_is_forged(queue, as_painted):
    paint(queue, 1, as_painted(white_square()))
    masks = queue_masks.read_masks(queue, queue.selection.fingerprint)
    np.testing.assert_array_equal(masks.masks[0], white_square())


def test_files_in_the_way_of_a_missing_mask_are_named(queue):
    paint(queue, 2, white_square())
    for name in ("masks/0001.jpg", "masks/2_mask.png", "masks/notes.txt", "0003.png"):
        (queue.folder / name).touch()
    assert queue_masks.in_the_way(queue, queue_masks.missing(queue)) == {"0001": "masks/0001.jpg", "0003": "0003.png"}


def test_a_painter_declines_by_deleting_the_image(queue):
    paint(queue, 1, white_square())
    (queue.folder / "images/0002.png").unlink()
    assert queue_masks.missing(queue) == ["0003"]
    assert len(queue_masks.read_masks(queue, queue.selection.fingerprint)) == 1


def test_the_oracle_paints_no_image_that_was_declined(queue, records):
    (queue.folder / "images/0002.png").unlink()
    assert queue_masks.fill_from_records(queue, records) == 1
    assert not (queue.folder / "masks/0002.png").exists()


def refused(queue, match, kind=BadMediaError):
    with pytest.raises(kind, match=match) as error:
        queue_masks.read_masks(queue, queue.selection.fingerprint)
    assert "\n" not in str(error.value)


def test_a_mask_of_another_size_is_refused(queue):
    paint(queue, 2, white_square(SIZE + 8))
    refused(queue, r"0002\.png: expected a mask of 32 x 32 pixels.*found 40 x 40")


def test_a_mask_that_marks_nothing_is_refused(queue):
    paint(queue, 2, np.full((SIZE, SIZE), 127, np.uint8))
    refused(queue, r"0002\.png: expected white.*or delete the file")


@pytest.mark.parametrize("content", [b"", b"painted", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_a_file_that_is_no_picture_is_refused(queue, content):
    (queue.folder / "masks/0003.png").write_bytes(content)
    refused(queue, r"masks/0003\.png")


def test_a_mask_beside_another_picture_is_refused(queue):
    paint(queue, 1, white_square())
    cv2.imwrite(str(queue.folder / "images/0001.png"), white_square())
    refused(queue, r"images/0001\.png: expected the selected crop")


def test_a_crop_that_was_painted_over_is_no_mask(queue):
    crop = cv2.imread(str(queue.folder / "images/0001.png"))
    crop[5:15, 10:20] = 255
    paint(queue, 1, crop)
    refused(queue, r"masks/0001\.png: expected white on black, found the crop itself")


def test_a_mask_that_is_a_link_is_refused(queue, tmp_path):
    paint(queue, 1, white_square())
    mask = queue.folder / "masks/0001.png"
    mask.rename(tmp_path / "elsewhere.png")
    mask.symlink_to(tmp_path / "elsewhere.png")
    refused(queue, r"masks/0001\.png: expected a file of the queue itself, found a link")


def test_masks_never_land_on_other_data(queue):
    paint(queue, 1, white_square())
    with pytest.raises(RunError, match="selected from this data"):
        queue_masks.read_masks(queue, "0123456789abcdef")


def test_an_asked_for_queue_that_is_there_is_kept_with_its_masks(queue, asked):
    paint(queue, 1, white_square())
    assert queues.kept_queue(queue.folder, asked) == queue
    assert queue_masks.missing(queue) == ["0002", "0003"]


def test_a_queue_of_another_selection_is_refused_and_says_where_it_differs(queue, asked):
    with pytest.raises(RunError, match=r"strategy hardest \(requested: random\); name another folder"):
        queues.kept_queue(queue.folder, dataclasses.replace(asked, strategy="random"))


def test_no_queue_is_none(tmp_path, asked):
    assert queues.kept_queue(tmp_path, asked) is None


def test_writing_that_is_broken_off_leaves_nothing_and_can_be_done_again(tmp_path, records, asked, places):
    def broken():
        yield next(crops(records, places))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        queues.write_queue(tmp_path / "queue", asked, SIZE, broken())
    assert not (tmp_path / "queue").exists()
    queues.write_queue(tmp_path / "queue", asked, SIZE, crops(records, places))
    assert os.listdir(tmp_path) == ["queue"]


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path, records, asked, places):
    (tmp_path / "queue").mkdir()
    (tmp_path / "queue/letter.txt").write_text("mine")
    with pytest.raises(RunError, match="name another folder"):
        queues.write_queue(tmp_path / "queue", asked, SIZE, crops(records, places))
    assert os.listdir(tmp_path / "queue") == ["letter.txt"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda values: {**values, "version": 99},
        lambda values: {**values, "rows": [{**values["rows"][0], "id": "../../0001"}]},
        lambda values: {**values, "rows": [{**values["rows"][0], "place": "first"}]},
        lambda values: {**values, "rows": [{**values["rows"][0], "place": -1}]},
        lambda values: {**values, "rows": "rows"},
        lambda values: {**values, "rows": []},
        lambda values: {**values, "size": 10**9},
        lambda values: {**values, "selection": {}},
        lambda values: [],
    ],
    ids=["version", "path", "type", "negative", "rows", "no rows", "size", "no selection", "list"],
)
def test_a_queue_file_that_is_not_sound_is_refused(queue, damage):
    path = queue.folder / "queue.json"
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(RunError, match=r"queue\.json: expected a queue, found damage"):
        queues.read_queue(queue.folder)


def test_a_folder_without_a_queue_is_refused(tmp_path):
    with pytest.raises(RunError, match="expected a queue, found no"):
        queues.read_queue(tmp_path)


def answered(queue, item, answer):
    append(queue.folder, Entry(time="", annotator="ann", item=item, answer=answer))


def test_what_was_answered_without_a_mask_does_not_wait_for_one(queue):
    answered(queue, "0001", Answer.REAL)
    answered(queue, "0002", Answer.SKIP)
    assert queue_masks.missing(queue) == ["0002", "0003"]


def test_a_later_round_leaves_out_what_has_a_mask_or_can_have_none(queue, places):
    paint(queue, 1, white_square())
    answered(queue, "0003", Answer.UNSURE)
    masks, labelled = queue_masks.labelled(queue)
    assert masks.places.tolist() == [places[0]]
    assert labelled == sorted([places[0], places[2]])


def test_the_heat_reads_back_in_steps_of_one_in_255(tmp_path, asked, records, places):
    row, image, attention, *_ = next(crops(records, places))
    heat = np.linspace(0, 1, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    written = queues.write_queue(tmp_path / "q", asked, SIZE, [QueueCrop(row, image, attention, heat)])
    np.testing.assert_allclose(queue_masks.read_heat(written, row), heat, atol=0.5 / 255 + 1e-6)


def test_a_queue_of_an_earlier_version_has_no_heat(queue):
    assert queue_masks.read_heat(queue, queue.rows[0]) is None


def test_a_selection_of_an_earlier_version_is_of_the_first_round(queue):
    values = json.loads((queue.folder / "queue.json").read_text())
    del values["selection"]["after"]
    (queue.folder / "queue.json").write_text(json.dumps(values))
    assert queues.read_queue(queue.folder).selection.after == ""
