"""Runs without training: detectors that can be computed by hand, on synthetic records."""

import dataclasses

import numpy as np

from dfdetect_jax.config import Settings
from dfdetect_jax.data import records
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.methods import Prediction
from dfdetect_jax.run.folder import Run
from tests.conftest import tiny_settings
from tests.data.drawn import SIZE, clip_example, write_records


class Reconstructing(Run):
    """A detector whose score is the brightness and whose reconstruction is grey."""

    localizes = False

    def score(self, images):
        return images.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32) / 255

    def predict(self, images):
        grey = np.zeros(images.shape, np.float32)
        return Prediction(score=self.score(images), attention=None, reconstruction=grey)


class Attending(Run):
    """A detector whose attention is the brightness."""

    localizes = True

    def localize(self, images):
        attention = images.mean(axis=-1, dtype=np.float32) / 255
        return Prediction(score=attention.mean(axis=(1, 2)), attention=attention, reconstruction=None)

    def predict(self, images):
        return self.localize(images)

    def score(self, images):
        return self.localize(images).score


def person_example(split, number):
    """As `clip_example`, with a real clip and a clip of each forgery per person; people and clips are in one split."""
    example = clip_example(split, number)
    return dataclasses.replace(example, video=f"{split}/{example.video}", identity=f"{split}{number // 8}")


def drawn_records(folder, name="drawn", example_of=person_example, **splits):
    """Records of `splits` (name: number of examples), 16 examples in each of the three if none are given."""
    counts = splits or {"train": 16, "val": 16, "test": 16}
    place = write_records(folder / name / f"{SIZE}px/1.0.0", counts, example_of=example_of)
    (place / records.CLIPS).touch()
    return place


def fake_run(folder, trained_on, kind=Reconstructing, size=SIZE, **changes):
    """A run of `kind` that was trained on the records `trained_on`, seen forgery "paste"; `folder` is made."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest = read_manifest(trained_on)
    given = {
        "folder": folder,
        "settings": with_image_size(tiny_settings(), size),
        "variables": {},
        "crop": manifest.crop,
        "threshold": 0.5,
        "seen": ("paste",),
        "info": {
            "data": {"folder": str(trained_on), "fingerprint": manifest.fingerprint},
            "checkpoint": {"step": 2, "stage": 1},
        },
    }
    return kind(**given | changes)


def with_image_size(settings: Settings, size: int) -> Settings:
    return dataclasses.replace(settings, data=dataclasses.replace(settings.data, image_size=size))


def moved_away(run):
    """The run, but its training data are not where they were."""
    data = {**run.info["data"], "folder": "/nowhere/gone/40px/1.0.0"}
    return dataclasses.replace(run, info={**run.info, "data": data})
