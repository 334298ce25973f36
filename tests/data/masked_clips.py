"""Fakes with masks of every kind, for tests."""

import cv2
import numpy as np

from tests.data.photographs import write_video
from tests.data.scenes import clip_of, save, scene

BLACK = np.zeros((96, 128), np.uint8)


def ellipse(value=255):
    return cv2.ellipse(BLACK.copy(), (64, 48), (20, 30), 20, 0, 360, value, -1)


def photograph(folder, mask, name="a.png", forgery="swap", suffix=".png"):
    path = save(folder / forgery / name, scene(1))
    mask_path = save((folder / "masks" / forgery / name).with_suffix(suffix), mask)
    return clip_of(path, forgery, mask_path=str(mask_path))


def video(folder, masks, frames=12):
    write_video(folder / "a.mp4", [scene(1)] * frames)
    write_video(folder / "m.mp4", masks)
    return clip_of(folder / "a.mp4", "swap", mask_path=str(folder / "m.mp4"))


def folder_clip(folder, masks):
    frames = tuple(str(save(folder / f"f/{i}.png", scene(i))) for i in range(len(masks)))
    paths = ("" if mask is None else str(save(folder / f"m/{i}.png", mask)) for i, mask in enumerate(masks))
    return clip_of(folder / "f", "swap", frames=frames, masks=tuple(paths))
