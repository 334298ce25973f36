"""A detector trained for two steps on a small embedded set, and media to point it at: made once per test session."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from sklearn.datasets import load_sample_image

from dfdetect_jax.config import Settings, check, override
from dfdetect_jax.run.folder import Run, open_run
from dfdetect_jax.training import loop
from dfdetect_jax.training.source import find_records
from tests.conftest import TINY_CAE, tiny_lae_settings

HEIGHT, WIDTH = 240, 320  # of all pictures here: the face detector compiles once
FPS = 10.0


@functools.cache
def folders() -> tuple[Path, Path]:
    """(run folder, folder of the records it was trained on)."""
    return _trained_two_steps(TINY_CAE)


@functools.cache
def opened() -> Run:
    return open_run(folders()[0])


@functools.cache
def lae_folders() -> tuple[Path, Path]:
    """As `folders`, of an LAE in its first stage."""
    # A decoder without gradient compiles in half the time.
    return _trained_two_steps(tiny_lae_settings(loss__pixel=0.0, active__masks="none"))


@functools.cache
def opened_lae() -> Run:
    return open_run(lae_folders()[0])


def _trained_two_steps(settings: Settings) -> tuple[Path, Path]:
    root = Path(tempfile.mkdtemp(prefix="dfdetect_jax-test-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    two_steps = dict.fromkeys(("train.steps", "train.eval_every", "train.log_every"), 2)
    settings = override(settings, {"data.data_dir": str(root / "data"), **two_steps})
    records = find_records(settings.data)
    loop.train(check(settings), root / "run", records)
    return root / "run", records


def one_face(shift: int = 0) -> np.ndarray:
    """uint8 [HEIGHT, WIDTH, 3] of a woman looking at us; a larger `shift` pans to the right."""
    return np.ascontiguousarray(skimage.data.astronaut()[20 : 20 + HEIGHT, 50 + shift : 50 + shift + WIDTH])


def two_faces() -> np.ndarray:
    half = skimage.data.astronaut()[20 : 20 + HEIGHT, 140 : 140 + WIDTH // 2]
    return np.concatenate([half, half[:, ::-1]], axis=1)


def no_face() -> np.ndarray:
    return np.ascontiguousarray(load_sample_image("china.jpg")[:HEIGHT, :WIDTH])


def write_photo(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


def write_clip(path: Path, frames: list[np.ndarray]) -> Path:
    """An AVI whose every frame stands alone, so that a file cut short can be read up to the cut."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def cut_short(path: Path, share: float) -> Path:
    """Keeps the first part of a file's bytes."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    return path
