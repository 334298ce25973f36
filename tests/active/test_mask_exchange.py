import json

import cv2
import numpy as np
import pytest

from dfdetect_jax.active import queue_masks
from dfdetect_jax.active.journal import Answer, read_journal
from dfdetect_jax.active.mask_exchange import FORMATS, export_masks, import_masks
from dfdetect_jax.active.mask_store import save_answer
from dfdetect_jax.errors import BadMediaError, RunError
from tests.active.queues_on_disk import square_mask, write_drawn_queue

MASKS = {"0001": square_mask(), "0003": 255 - square_mask(top=2)}


@pytest.fixture
def painted(tmp_path):
    queue = write_drawn_queue(tmp_path / "painted")
    for item, mask in MASKS.items():
        save_answer(queue, item, "ann", Answer.MASK, mask)
    return queue


@pytest.fixture
def empty(tmp_path):
    return write_drawn_queue(tmp_path / "empty")


@pytest.mark.parametrize("form", FORMATS)
def test_masks_go_to_another_queue_exactly(painted, empty, tmp_path, form):
    assert export_masks(painted, tmp_path / "out", form) == 2
    imported = import_masks(empty, tmp_path / "out", "tool")
    assert imported.saved == ("0001", "0003")
    assert imported.refused == {}
    masks = queue_masks.read_masks(empty, empty.selection.fingerprint)
    for mask, expected in zip(masks.masks, MASKS.values(), strict=True):
        np.testing.assert_array_equal(mask, expected)
    assert {entry.annotator for entry in read_journal(empty.folder)} == {"tool"}


def test_pycocotools_reads_the_file(painted, tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="no pycocotools; pip install 'dfdetect_jax[test]'")
    export_masks(painted, tmp_path / "out.json", "coco")
    tree = coco.COCO(str(tmp_path / "out.json"))
    for annotation in tree.loadAnns(tree.getAnnIds()):
        mask = MASKS[f"{annotation['image_id']:04d}"]
        np.testing.assert_array_equal(tree.annToMask(annotation), mask > 0)
        assert annotation["bbox"] == list(cv2.boundingRect(mask))


def test_label_studios_own_export_is_read_by_its_names_and_several_regions_are_one_mask(empty, painted, tmp_path):
    export_masks(painted, tmp_path / "out.json", "label_studio")
    tasks = json.loads((tmp_path / "out.json").read_text())
    first, third = tasks[0]["annotations"][0]["result"], tasks[2]["annotations"][0]["result"]
    task = {"id": 7, "data": {"image": "/data/upload/1/a1b2c3d4-0002.png"}, "annotations": [{"result": first + third}]}
    (tmp_path / "theirs.json").write_text(json.dumps([task]))
    assert import_masks(empty, tmp_path / "theirs.json", "tool").saved == ("0002",)
    mask = cv2.imread(str(empty.folder / "masks/0002.png"), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(mask, np.maximum(*MASKS.values()))


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        ([[1, 1, 9, 1, 9, 9, 1, 9]], "a polygon"),
        ({"size": [48, 48], "counts": [48 * 48]}, "a mask of 48 x 48 pixels, its image has 24 x 24"),
        ({"size": [24, 24], "counts": [1, 2]}, "lengths that add up to 24 x 24"),
        ({"size": [24, 24], "counts": "~"}, "expected characters"),
    ],
)
def test_one_annotation_of_coco_that_can_not_be_read_costs_its_own_item_alone(
    painted, empty, tmp_path, segmentation, reason
):
    export_masks(painted, tmp_path / "out.json", "coco")
    tree = json.loads((tmp_path / "out.json").read_text())
    tree["annotations"] += [{"image_id": 1, "segmentation": segmentation}, tree["annotations"][0]]
    (tmp_path / "theirs.json").write_text(json.dumps(tree))
    imported = import_masks(empty, tmp_path / "theirs.json", "tool")
    assert imported.saved == ("0003",)
    assert reason in imported.refused["0001"]


def test_one_region_of_label_studio_that_can_not_be_read_costs_its_own_item_alone(painted, empty, tmp_path):
    export_masks(painted, tmp_path / "out.json", "label_studio")
    tasks = json.loads((tmp_path / "out.json").read_text())
    for task, size in zip(tasks, (48, 24, 24), strict=True):
        for annotation in task["annotations"]:
            annotation["result"][0] |= {"original_width": size}
            annotation["result"].append({"type": "relation", "from_id": "a", "to_id": "b"})
    polygon = {"type": "polygonlabels", "value": {"points": [[0, 0], [9, 0], [9, 9]], "polygonlabels": ["forged"]}}
    tasks[1]["annotations"] = [{"result": [polygon]}]
    (tmp_path / "theirs.json").write_text(json.dumps(tasks))
    imported = import_masks(empty, tmp_path / "theirs.json", "tool")
    assert imported.saved == ("0003",)
    assert "48 x 24" in imported.refused["0001"]
    assert "polygonlabels" in imported.refused["0002"]


def test_nothing_is_overwritten_silently(painted, empty, tmp_path):
    export_masks(painted, tmp_path / "out", "png")
    cv2.imwrite(str(empty.folder / "masks/0001.png"), square_mask(top=0))
    imported = import_masks(empty, tmp_path / "out", "tool")
    assert imported.saved == ("0003",)
    assert "put there by other means" in imported.refused["0001"]
    with pytest.raises(RunError, match="exists"):
        export_masks(painted, tmp_path / "out", "png")


def test_masks_of_another_size_or_of_no_item_are_named(empty, tmp_path):
    (tmp_path / "in").mkdir()
    cv2.imwrite(str(tmp_path / "in/0001.png"), square_mask(30))
    cv2.imwrite(str(tmp_path / "in/0099.png"), square_mask())
    (tmp_path / "in/0002.png").write_text("no picture")
    refused = import_masks(empty, tmp_path / "in", "tool").refused
    assert "24 x 24" in refused["0001"]
    assert "not an item" in refused["0099"]
    assert "0002.png" in refused["0002"]


@pytest.mark.parametrize("content", ["", "[", "{}", "[1]", '{"images": 1}', '[{"data": {}}]', "[" * 100_000])
def test_a_file_of_neither_form_is_one_line(empty, tmp_path, content):
    (tmp_path / "in.json").write_text(content)
    with pytest.raises(BadMediaError, match="expected a folder of PNG files, or JSON of COCO or Label Studio"):
        import_masks(empty, tmp_path / "in.json", "tool")
