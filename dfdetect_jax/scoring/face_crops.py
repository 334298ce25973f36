"""The face crops of a frame, cropped as the run's training data was."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from dfdetect_jax.media.appearance import appearance
from dfdetect_jax.media.crop import crop_matrix, resize, resized_matrix, warp, warp_mask
from dfdetect_jax.media.face import Face
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.scoring.media_frames import Frames

if TYPE_CHECKING:  # brings JAX, which a wrong command line need not wait for
    from dfdetect_jax.run.folder import Run

LONGEST_SIDE = 1000  # pixels of a photograph or frame that is kept for a picture


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """The photograph or frame around a crop, kept only for pictures.

    Attributes:
        image: uint8 [H, W, 3], shrunk to at most `LONGEST_SIDE`; all faces of a frame share it.
        scale: the size of `image` over that of the file, at most 1.
        inside: bool [S, S], where the crop shows the image and not the black beyond its edge.
    """

    image: np.ndarray
    scale: float
    inside: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FaceCrop:
    """A face as the network takes it.

    Attributes:
        frame: index of its frame.
        seconds: time of its frame.
        face: where it is, in pixels of the frame.
        pixels: uint8 [S, S, 3].
        matrix: float64 [2, 3], from the frame to the crop.
        surroundings: for pictures; None unless requested.
        appearance: see `media.appearance`; None for a face without landmarks, and unless requested.
    """

    frame: int
    face: Face
    pixels: np.ndarray
    matrix: np.ndarray
    surroundings: Surroundings | None = None
    seconds: float = 0.0
    appearance: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class FrameCrops:
    """The faces of one frame, largest first, with their crops; its index and time, and whether it is damaged."""

    index: int
    crops: list[FaceCrop]
    seconds: float = 0.0
    damaged: bool = False

    @property
    def faces(self) -> list[Face]:
        """Where they are."""
        return [crop.face for crop in self.crops]


def crop_faces(
    run: Run,
    frames: Frames,
    faces: Sequence[Sequence[Face]],
    *,
    surroundings: bool = False,
    appearances: bool = False,
) -> list[FrameCrops]:
    """Crops the faces that a face detector found.

    Args:
        run: whose crops are wanted.
        frames: decoded frames.
        faces: for each frame its faces.
        surroundings: whether crops carry their `Surroundings`.
        appearances: whether crops carry the appearance of the face, by which people are recognised after a cut.
    """
    return [
        FrameCrops(
            frame.index,
            crop_frame(run, frame, in_frame, surroundings=surroundings, appearances=appearances),
            frame.seconds,
            frame.damaged,
        )
        for frame, in_frame in zip(frames.frames, faces, strict=True)
    ]


def crop_frame(
    run: Run, frame: Frame, faces: Sequence[Face], *, surroundings: bool = False, appearances: bool = False
) -> list[FaceCrop]:
    """Crops the faces of one frame; as `crop_faces`."""
    crops = []
    for face in faces:
        pixels, matrix = crop_face(run, frame.image, face)
        described = appearance(frame.image, face) if appearances else None
        crops.append(
            FaceCrop(
                frame=frame.index,
                seconds=frame.seconds,
                face=face,
                pixels=pixels,
                matrix=matrix,
                appearance=described,
            )
        )
    return _with_surroundings(frame.image, crops) if surroundings and crops else crops


def crop_face(run: Run, image: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """Crops a face by the same two steps as for training: to the records' size, then to the network's.

    Args:
        run: whose crop is wanted.
        image: uint8 [H, W, 3].
        face: where it is in `image`.

    Returns:
        The crop, uint8 [S, S, 3], and the matrix from the image to it, float64 [2, 3].
    """
    matrix, size = crop_matrix(face, run.crop), run.settings.data.image_size
    crop = warp(image, matrix, run.crop.size)
    return resize(crop, size), resized_matrix(matrix, run.crop.size, size)


def shrunk(image: np.ndarray) -> tuple[np.ndarray, float]:
    """A photograph or frame as pictures show it.

    Args:
        image: uint8 [H, W, 3].

    Returns:
        uint8 [h, w, 3], no side longer than `LONGEST_SIDE`, the image itself if it fits; and its size over that of
        `image`.
    """
    scale = min(1.0, LONGEST_SIDE / max(image.shape[:2]))
    if scale == 1.0:
        return image, scale
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), scale


def _with_surroundings(image: np.ndarray, crops: Sequence[FaceCrop]) -> list[FaceCrop]:
    small, scale = shrunk(image)
    whole = np.full(image.shape[:2], 255, np.uint8)
    insides = [warp_mask(whole, crop.matrix, len(crop.pixels)) > 0 for crop in crops]
    return [
        dataclasses.replace(crop, surroundings=Surroundings(image=small, scale=scale, inside=inside))
        for crop, inside in zip(crops, insides, strict=True)
    ]
