"""The masks in a queue: which are there, which are waited for, which files may be misnamed ones, and reading them."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dfdetect_jax.active.journal import read_journal, without_mask
from dfdetect_jax.active.queue import HEAT, IMAGES, MASKS, Queue, QueueRow, as_picture, digest
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.errors import BadMediaError, RunError
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.mask import WHITE, binary_mask, two_valued
from dfdetect_jax.pictures.picture_files import write_png


def read_heat(queue: Queue, row: QueueRow) -> np.ndarray | None:
    """A row's attention, float32 [size, size] in [0, 1] in steps of 1/255; None where the queue has none or another."""
    try:
        heat = read_image(queue.folder / row.file(HEAT))
    except BadMediaError:
        return None
    return heat[..., 0].astype(np.float32) / 255 if heat.shape[:2] == (queue.size, queue.size) else None


def labelled(queue: Queue) -> tuple[Masks, list[int]]:
    """What the annotators of an earlier round have answered.

    Returns:
        Its masks; and the places of all that need not be chosen again, ascending: those with a mask, those that are
        real after all, and those of which nobody could tell.

    Raises:
        BadMediaError: a mask can't be used.
    """
    masks = read_masks(queue, queue.selection.fingerprint)
    answered = without_mask(read_journal(queue.folder))
    places = {row.place for row in queue.rows if row.id in answered}
    return masks, sorted(places | set(masks.places.tolist()))


def missing(queue: Queue) -> list[str]:
    """The ids that wait for a mask, by rank.

    Not those whose image the annotator deleted, nor those answered on the page as real or as impossible to tell.
    """
    answered = without_mask(read_journal(queue.folder))
    waiting = [row for row in _unpainted(queue) if row.id not in answered]
    return [row.id for row in waiting if (queue.folder / row.file(IMAGES)).exists()]


def in_the_way(queue: Queue, waiting: Sequence[str]) -> dict[str, str]:
    """Files in the queue that may be masks of items without one, by the item's id: another type, folder or name.

    Such as masks/0003.jpg, masks/3.png, masks/0003_mask.png or 0003.png beside the folder, in place of masks/0003.png.
    """
    files = [path for folder in (queue.folder / MASKS, queue.folder) if folder.is_dir() for path in folder.iterdir()]
    numbers = {int(name): name for name in waiting}
    candidates: dict[str, str] = {}
    for path in sorted(path for path in files if path.is_file()):
        digits = sorted(re.findall("[0-9]+", path.stem), key=len, reverse=True)
        if name := next((numbers[int(number)] for number in digits if int(number) in numbers), None):
            candidates.setdefault(name, path.relative_to(queue.folder).as_posix())
    return candidates


def fill_from_records(queue: Queue, records: str | Path) -> int:
    """The oracle: writes the ground-truth mask of each crop that has one and has not been painted.

    Args:
        queue: chosen from `records`.
        records: folder of prepared records.

    Returns:
        The number of crops left without a mask, because the records have none or an empty one.

    Raises:
        RunError: the queue was chosen from other data, or can't be written to.
        RecordsError: the records can't be read.
    """
    _check_data(queue, read_manifest(records).fingerprint)
    examples, to_paint = Records(records, "train"), set(missing(queue))
    for row in queue.rows:
        if row.id in to_paint:
            example = examples[row.place]
            if example["has_mask"] and example["mask"].any():
                write_png(queue.folder / row.file(MASKS), as_picture(example["mask"]))
    return len(_unpainted(queue))


def read_masks(queue: Queue, fingerprint: str) -> Masks:
    """Reads the masks painted so far; `missing` lists the others.

    A pixel is forged where the strongest channel of the mask is at least 128, or, in a mask of 0 and one value below
    that, such as 1, where it has this value.

    Args:
        queue: the queue.
        fingerprint: of the training data, whose records `Masks.places` are indices of.

    Returns:
        places int64 [N], ascending, and masks uint8 [N, size, size] in {0, 255}.

    Raises:
        RunError: the queue was chosen from other data.
        BadMediaError: a mask can't be read, has another size than its crop, shows the crop or marks nothing; or the
            crop beside it is no longer the selected one.
    """
    _check_data(queue, fingerprint)
    unpainted = set(_unpainted(queue))
    painted = sorted((row for row in queue.rows if row not in unpainted), key=lambda row: row.place)
    masks = np.zeros((len(painted), queue.size, queue.size), np.uint8)
    for mask, row in zip(masks, painted, strict=True):
        mask[:] = read_mask(queue, row)
    return Masks(places=np.array([row.place for row in painted], np.int64), masks=masks)


def _unpainted(queue: Queue) -> list[QueueRow]:
    return [row for row in queue.rows if not (queue.folder / row.file(MASKS)).exists()]


def read_mask(queue: Queue, row: QueueRow) -> np.ndarray:
    """The mask of one row: uint8 [size, size] in {0, 255}.

    Raises:
        BadMediaError: as `read_masks`.
    """
    path, image_path = queue.folder / row.file(MASKS), queue.folder / row.file(IMAGES)
    if linked := next((each for each in (path, path.parent, image_path) if each.is_symlink()), None):
        raise BadMediaError(f"{linked}: expected a file of the queue itself, found a link; put a copy there")
    picture = read_image(path)
    height, width = picture.shape[:2]
    if (height, width) != (queue.size, queue.size):
        raise BadMediaError(
            f"{path}: expected a mask of {queue.size} x {queue.size} pixels, as its image, found {width} x {height}; "
            "save it in the image's size"
        )
    if image_path.exists():
        crop = read_image(image_path)
        if digest(crop) != row.sha256:
            raise BadMediaError(
                f"{image_path}: expected the selected crop, found another picture, so that its mask may belong to "
                "another one, too; restore the crop, or delete the mask"
            )
        if _painted_over(picture, crop):
            raise BadMediaError(
                f"{path}: expected white on black, found the crop itself with something painted over it; "
                "save the painted layer alone"
            )
    mask = binary_mask(picture, picture.shape[:2], two_valued([picture.max(axis=-1)]) or WHITE)
    if not mask.any():
        raise BadMediaError(
            f"{path}: expected white where the fake was forged, found no pixel of 128 or more; "
            "paint it, or delete the file"
        )
    return mask


def _painted_over(picture: np.ndarray, crop: np.ndarray) -> bool:
    """Whether a mask, uint8 [H, W, 3], shows its crop: over 10% has the crop's colours, not near black or white."""
    near = np.abs(picture.astype(np.int16) - crop).max(axis=-1) <= 8
    between = (picture.max(axis=-1) > 32) & (picture.min(axis=-1) < 224)
    return bool((near & between).mean() > 0.1)


def _check_data(queue: Queue, fingerprint: str) -> None:
    if queue.selection.fingerprint != fingerprint:
        raise RunError(
            f"{queue.folder}: expected a queue selected from this data (fingerprint {fingerprint[:12]}), found one of "
            f"other data ({queue.selection.fingerprint[:12]}); select again into another folder"
        )
