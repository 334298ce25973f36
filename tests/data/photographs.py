"""Small media with a real face, for tests: an astronaut's photograph, forged where a mask says so."""

import cv2
import numpy as np
from skimage import data

FORGED = (slice(132, 156), slice(146, 182))  # rows and columns of `face_picture` that a forgery changes


def face_picture(shift: int = 0) -> np.ndarray:
    """uint8 [200, 360, 3] RGB: head and shoulders, moved to the right by `shift` pixels."""
    astronaut = data.astronaut()[0:200, 60:420]
    return np.roll(astronaut, shift, axis=1)


def forged_picture(shift: int = 0) -> np.ndarray:
    """`face_picture` with another brightness inside `FORGED`, moved along."""
    picture = face_picture().astype(np.int16)
    picture[FORGED] += 40
    return np.roll(np.clip(picture, 0, 255).astype(np.uint8), shift, axis=1)


def mask_picture(shift: int = 0) -> np.ndarray:
    """uint8 [200, 360] in {0, 255}."""
    mask = np.zeros((200, 360), np.uint8)
    mask[FORGED] = 255
    return np.roll(mask, shift, axis=1)


def write_image(path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture if picture.ndim == 2 else picture[..., ::-1])


def write_video(path, pictures) -> None:
    """An MP4 of uint8 [H, W, 3] RGB or [H, W] pictures at 25 frames/s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, -1) for picture in pictures]
    height, width = pictures[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 25, (width, height))
    for picture in pictures:
        writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()


def write_damaged_jpeg(path, picture: np.ndarray):
    """A JPEG whose coded pixels end half way, which decoders fill up without an error."""
    write_image(path, picture)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + b"\xff\xd9")
    return path
