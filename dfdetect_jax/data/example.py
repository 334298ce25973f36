"""The record that every part of the library exchanges: one face crop with its label, mask and origin."""

import dataclasses
import enum
import functools
from pathlib import Path
from typing import Any

import numpy as np


class Label(enum.IntEnum):
    """The class of an example."""

    REAL = 0
    FAKE = 1


SPLITS = ("train", "val", "test")
ALL_SPLITS = "all"
"""In place of a split: the examples of all of them."""
Media = str | tuple[str, ...]
"""A photograph or video, or the pictures that are the frames of a clip ("": none)."""
_LARGEST_FRAME = 2**31 - 1  # records have 32 bits for the index of a frame


@dataclasses.dataclass(frozen=True, kw_only=True)
class Origin:
    """What an example is and where it comes from.

    Attributes:
        has_mask: whether the mask is known. Reals have one (empty); a fake without a mask of its own has not.
        label: 0 real, 1 fake.
        dataset: name of the data set.
        forgery: how it was forged, such as "Face2Face"; `""` for reals.
        video: the clip that the frame is from, unique within the data set (two forgeries never share one).
        identity: the person shown (the target, for swaps); splits are disjoint in it.
        frame: index of the frame in its clip, 0 for photographs.
        split: "train", "val" or "test".
        source: the clip or photograph that it was forged from, `""` for reals or where unknown.
    """

    has_mask: bool
    label: int
    dataset: str
    forgery: str
    video: str
    identity: str
    frame: int
    split: str
    source: str

    @property
    def key(self) -> str:
        """Unique name of the example within its data set."""
        return f"{self.split}/{self.video}/{self.frame:06d}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Example(Origin):
    """One crop of a face.

    Attributes:
        image: uint8 [H, W, 3], RGB.
        mask: uint8 [H, W] in {0, 255}; 255 marks a forged pixel. All zero for reals and where `has_mask` is False.
    """

    image: np.ndarray
    mask: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class LandmarkedExample(Example):
    """One crop of a face that says where its landmarks are.

    Attributes:
        landmarks: float32 [5, 2] of x, y, pixels of the crop, in the order of `media.face.Face.landmarks`; not a number
            where they were not found.
    """

    landmarks: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True)
class LinkedExample(Origin):
    """One crop of a face that stays in its file.

    Attributes:
        image: path of the picture, from the data set's root.
        mask: path of the mask likewise, `""` where there is none.
    """

    image: str
    mask: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Clip:
    """One video or photograph, before cropping.

    Attributes:
        path: the media file, absolute.
        video: unique name within the data set, used in records and score files (e.g. "Deepfakes/c23/519_515").
        label: 0 real, 1 fake.
        forgery: how it was forged, such as "Face2Face"; `""` for reals.
        split: "train", "val" or "test".
        identity: the person shown; splits are disjoint in it.
        source: name of the clip that it was forged from, `""` for reals or where unknown.
        source_path: that clip's file, or None where it is not on disk.
        mask_path: the data set's own mask (a video or photograph), or None.
        compression: the data set's name for the compression level, `""` where there is none.
        donor: the person whose face was put in, for swaps; `""` where there is none, or it is unknown.
        frames: files of the pictures that are the clip's frames, in order, where it is a folder of pictures; `path` is
            then that folder.
        masks: beside `frames`, file of the mask of each, `""` where it has none.
    """

    path: str
    video: str
    label: int
    forgery: str
    split: str
    identity: str
    source: str = ""
    source_path: str | None = None
    mask_path: str | None = None
    compression: str = ""
    donor: str = ""
    frames: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[str, ...]:
        """The person shown, and the donor where there is one."""
        return (self.identity, self.donor) if self.donor else (self.identity,)

    @property
    def origin(self) -> dict[str, Any]:
        """The fields of `Origin` that its examples take from it."""
        names = ("label", "forgery", "video", "identity", "split", "source")
        return {name: getattr(self, name) for name in names}

    @property
    def media(self) -> Media:
        """The file to read, or the pictures."""
        return self.frames or self.path

    @property
    def mask_media(self) -> Media | None:
        """The file of its mask, or one for each picture; None where it has none."""
        return self.masks if any(self.masks) else self.mask_path

    def frame_number(self, position: int) -> int:
        """Index of the frame at a position: the number in its file's name, else the position.

        Names count where all are numbers, each another, and none has more than 31 bits, as time stamps have.
        """
        return self._numbers[position] if self._numbers else position

    @functools.cached_property
    def _numbers(self) -> list[int]:
        stems = [Path(file).stem for file in self.frames]
        numbers = [int(stem) for stem in stems if stem.isdecimal()]
        unique = len(set(numbers)) == len(stems)
        return numbers if unique and max(numbers, default=0) <= _LARGEST_FRAME else []
