"""Masks of a queue to and from other annotation tools: Label Studio's JSON, COCO's, and folders of PNG files.

What is read goes through `mask_store`, as an annotator's answers do, so that nothing is overwritten silently.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from dfdetect_jax import files
from dfdetect_jax.active import run_lengths
from dfdetect_jax.active.journal import Answer
from dfdetect_jax.active.mask_store import save_answer
from dfdetect_jax.active.queue import IMAGES, MASKS, Queue
from dfdetect_jax.active.queue_masks import read_mask
from dfdetect_jax.errors import BadMediaError, RunError
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.mask import WHITE, binary_mask, two_valued

FORMATS = ("png", "coco", "label_studio")
LABEL = "forged"
_NAME = re.compile(r"(?:^|[-_/\\=])([0-9]{4,})\.[A-Za-z]+$")  # Label Studio puts a prefix before an upload's name
_SHAPES = ("polygonlabels", "rectanglelabels", "ellipselabels", "polygon", "rectangle", "ellipse")  # Label Studio's
_LARGEST = 512_000_000  # bytes of a JSON file


class Imported(NamedTuple):
    """What became of the masks of another tool.

    Attributes:
        saved: items whose mask was saved.
        refused: why others were not, by item.
    """

    saved: tuple[str, ...]
    refused: dict[str, str]


def export_masks(queue: Queue, out: Path, form: str) -> int:
    """Writes the queue's masks for another tool.

    Args:
        queue: an opened queue.
        out: a folder for "png", else a file; must not exist.
        form: one of `FORMATS`. Label Studio's file lists all images, so that the others can be painted there.

    Returns:
        The number of masks.

    Raises:
        RunError: `out` exists, or can't be written.
        BadMediaError: a mask can't be used.
    """
    if out.exists():
        raise RunError(f"{out}: expected a new file or folder, found that it exists; name another")
    masks = {row.id: read_mask(queue, row) for row in queue.rows if (queue.folder / row.file(MASKS)).exists()}
    try:
        if form == "png":
            out.mkdir(parents=True)
            for item, mask in masks.items():
                files.write_bytes(out / f"{item}.png", cv2.imencode(".png", mask)[1].tobytes())
        else:
            files.write_json(out, (_as_coco if form == "coco" else _as_label_studio)(queue, masks))
    except OSError as error:
        raise RunError(f"{out}: can't be written ({error.strerror or error}); name another") from error
    return len(masks)


def import_masks(queue: Queue, source: Path, annotator: str, *, replace: bool = False) -> Imported:
    """Saves masks that were painted with another tool, as answers of one annotator.

    Args:
        queue: an opened queue.
        source: a folder of PNG files named as the images, or a JSON file of COCO or Label Studio.
        annotator: a name, see `journal.check_annotator`.
        replace: as for `save_answer`.

    Raises:
        BadMediaError: the file is neither.
        SettingsError, RunError: as `save_answer`.
    """
    saved, refused = [], {}
    known = {row.id for row in queue.rows}
    for item, mask in _read(source, queue.size):
        try:
            if item not in known:
                raise BadMediaError("not an item of this queue")
            if isinstance(mask, Exception):
                raise mask
            conflict = save_answer(queue, item, annotator, Answer.MASK, mask, replace=replace).conflict
        except BadMediaError as error:
            conflict = str(error)
        if conflict:
            refused[item] = conflict
        else:
            saved.append(item)
    return Imported(tuple(saved), refused)


def _read(source: Path, size: int) -> Iterator[tuple[str, np.ndarray | Exception]]:
    if source.is_dir():
        for path in sorted(source.glob("*.png")):
            if name := _NAME.search(path.name):
                yield name[1], _read_png(path)
        return
    try:
        if source.stat().st_size > _LARGEST:
            raise ValueError(f"more than {_LARGEST:,} bytes")
        content = json.loads(source.read_text(encoding="utf-8"))
        masks = _of_label_studio(content, size) if isinstance(content, list) else _of_coco(content, size)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadMediaError(
            f"{source}: expected a folder of PNG files, or JSON of COCO or Label Studio, found neither ({error})"
        ) from error
    yield from masks.items()


def _read_png(path: Path) -> np.ndarray | Exception:
    try:
        picture = read_image(path)
    except BadMediaError as error:
        return error
    return binary_mask(picture, (picture.shape[0], picture.shape[1]), two_valued([picture.max(axis=-1)]) or WHITE)


def _as_coco(queue: Queue, masks: Mapping[str, np.ndarray]) -> dict[str, Any]:
    return {
        "images": [
            {"id": int(row.id), "file_name": row.file(IMAGES), "width": queue.size, "height": queue.size}
            for row in queue.rows
        ],
        "annotations": [_coco_annotation(number, item, mask) for number, (item, mask) in enumerate(masks.items(), 1)],
        "categories": [{"id": 1, "name": LABEL}],
    }


def _coco_annotation(number: int, item: str, mask: np.ndarray) -> dict[str, Any]:
    text = run_lengths.coco_text(run_lengths.coco_counts(mask))
    return {
        "id": number,
        "image_id": int(item),
        "category_id": 1,
        "iscrowd": 1,
        "area": int((mask > 0).sum()),
        "bbox": list(cv2.boundingRect(mask)),
        "segmentation": {"size": list(mask.shape), "counts": text},
    }


def _of_coco(content: Mapping[str, Any], size: int) -> dict[str, np.ndarray | Exception]:
    names = {image["id"]: _item_of(image["file_name"]) for image in content["images"]}
    masks: dict[str, np.ndarray | Exception] = {}
    for each in content["annotations"]:
        item, segmentation = names[each["image_id"]], each["segmentation"]
        if isinstance(segmentation, list):
            _refuse(masks, item, "a polygon")
            continue
        counts = segmentation["counts"]
        try:
            height, width = segmentation["size"]
            shape = _checked(height, width, size)
            counts = run_lengths.from_coco_text(counts) if isinstance(counts, str) else counts
            _add(masks, item, run_lengths.from_coco_counts(counts, *shape))
        except ValueError as error:
            _refuse(masks, item, str(error))
    return masks


def _as_label_studio(queue: Queue, masks: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    return [
        {
            "data": {"image": f"/data/local-files/?d={row.file(IMAGES)}"},
            "annotations": [{"result": [_label_studio_region(row.id, masks[row.id])]}] if row.id in masks else [],
        }
        for row in queue.rows
    ]


def _label_studio_region(item: str, mask: np.ndarray) -> dict[str, Any]:
    return {
        "id": f"mask-{item}",
        "from_name": "tag",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": mask.shape[1],
        "original_height": mask.shape[0],
        "image_rotation": 0,
        "value": {"format": "rle", "rle": run_lengths.label_studio_runs(mask), "brushlabels": [LABEL]},
    }


def _of_label_studio(content: list[Any], size: int) -> dict[str, np.ndarray | Exception]:
    masks: dict[str, np.ndarray | Exception] = {}
    for task in content:
        item = _item_of(next((value for value in task["data"].values() if isinstance(value, str)), ""))
        regions = [region for each in task.get("annotations", ())[-1:] for region in each["result"]]
        for region in regions:
            value = region.get("value", {})  # relations of regions have none
            if value.get("format") == "rle":
                try:
                    shape = _checked(region["original_height"], region["original_width"], size)
                    _add(masks, item, run_lengths.from_label_studio(value["rle"], *shape))
                except ValueError as error:
                    _refuse(masks, item, str(error))
            elif region.get("type") in _SHAPES:
                _refuse(masks, item, f"a region of the type {region['type']}")
    return masks


def _checked(height: Any, width: Any, size: int) -> tuple[int, int]:
    if (height, width) != (size, size):
        raise ValueError(f"a mask of {width} x {height} pixels, its image has {size} x {size}")
    return size, size


def _add(masks: dict[str, np.ndarray | Exception], item: str, mask: np.ndarray) -> None:
    """Several regions of one image are one mask; none where one of them can't be read."""
    before = masks.get(item, mask)
    masks[item] = np.maximum(before, mask) if isinstance(before, np.ndarray) else before


def _refuse(masks: dict[str, np.ndarray | Exception], item: str, reason: str) -> None:
    masks[item] = BadMediaError(
        f"expected run lengths of the image's size, found others ({reason}); export it so, or as PNG"
    )


def _item_of(name: str) -> str:
    found = _NAME.search(name)
    if not found:
        raise ValueError(f"expected a name such as {IMAGES}/0001.png, found {name[:80]!r}")
    return found[1]
