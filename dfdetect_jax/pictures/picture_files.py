"""Pictures as PNG files: written whole, under names of their own, in a folder that can be written to."""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np

from dfdetect_jax import files
from dfdetect_jax.errors import RunError
from dfdetect_jax.media.drawing import marked

_NAME_BYTES = 255 - len(".12345678.png")  # of an input's name in its picture's


def picture_name(path: str) -> str:
    """The picture's file name: the input's name and eight digits of a hash of its absolute path.

    So that `a/x.jpg` and `b/x.jpg`, or `x.jpg` and `x.mp4`, never overwrite each other, in one call or in several. A
    long name is cut, so that the whole has at most 255 bytes, as file systems require.
    """
    digest = hashlib.sha256(os.path.abspath(path).encode(errors="surrogateescape")).hexdigest()
    name = Path(path).name[:100]
    while len(os.fsencode(name)) > _NAME_BYTES:
        name = name[:-1]
    return f"{name}.{digest[:8]}.png"


def check_folder(folder: Path) -> None:
    """Refuses a folder that can't be written to or made, before the work rather than after each file.

    Raises:
        RunError: there is no place for pictures.
    """
    place = next((each for each in (folder, *folder.parents) if os.path.exists(each)), folder)
    effective = os.access in os.supports_effective_ids
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK, effective_ids=effective):
        raise RunError(
            f"{folder}: expected a place to write pictures to, found that {place} can't be written to; give another "
            "--out, or --pictures none"
        )


def write_png(path: str | os.PathLike[str], picture: np.ndarray, *, drawing: bool = False) -> None:
    """Writes a picture as PNG, atomically; makes the folder.

    Args:
        path: of the file.
        picture: uint8 [H, W, 3] RGB.
        drawing: whether it was drawn for people; it is marked then, so that it is not scored, see `media.drawing`.

    Raises:
        RunError: the folder can't be written to.
    """
    content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
    try:
        files.write_bytes(path, marked(content) if drawing else content)
    except OSError as error:
        raise RunError(f"{path}: expected a place to write a picture to; {error.strerror or error}") from error
