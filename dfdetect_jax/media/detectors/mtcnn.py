"""MTCNN's cascade: proposals over an image pyramid, refined twice.

Pictures are scaled and patches cropped on the host (OpenCV); the networks run in JAX, on the accelerator if there is
one. Their shapes are rounded up, so that few programs are compiled: pyramid levels to multiples of 32 pixels, batches
to powers of two.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import cv2
import jax
import numpy as np

from dfdetect_jax.batching import padded_batches
from dfdetect_jax.devices.kept_program import KeptProgram
from dfdetect_jax.media.crop import warp
from dfdetect_jax.media.detectors import mtcnn_nets
from dfdetect_jax.media.face import Face

THRESHOLDS = (0.6, 0.7, 0.7)  # least probability of a face after each network, as in the paper's code
_WINDOW, _STRIDE = 12, 2  # of the proposal network, pixels
_PYRAMID_STEP = 0.709  # area halves from level to level
_LEVEL_MULTIPLE = 32
_FRAMES_AT_ONCE = 8
# Frames and patches per call of a network. On a CPU one frame or 32 patches stay in the cache: measured on two cores, a
# patch takes the last network 0.4 ms among 32 and 2.4 ms among 256. An accelerator is fastest with all of them.
_BATCHES_ON_CPU, _BATCHES_ELSEWHERE = (1, 32), (_FRAMES_AT_ONCE, 256)
_SMALLEST_BATCH_OF_PATCHES = 8
_MOST_PROPOSALS = 2000  # per level of one frame: what a crowd needs, and a bound on the work for any picture

_Network = Callable[[np.ndarray], Sequence[jax.Array]]
"""From images, uint8 [N, h, w, 3], to its outputs, float32 [N, ...] each."""


class _Candidates(NamedTuple):
    """Boxes in edge coordinates (pixel i spans i to i + 1), float64 [N, 4], and probabilities of a face [N]."""

    boxes: np.ndarray
    scores: np.ndarray


_NONE = _Candidates(np.zeros((0, 4)), np.zeros(0, np.float32))


class Mtcnn:
    """A face detector: called with frames, it returns their faces, the largest first.

    Args:
        min_face: side of the smallest face searched for, pixels; one a little smaller may still be found.

    Raises:
        SettingsError: as `mtcnn_nets.load_weights`.
    """

    def __init__(self, min_face: int = 40):
        weights = mtcnn_nets.load_weights()
        self._min_face = min_face
        batches = _BATCHES_ON_CPU if jax.default_backend() == "cpu" else _BATCHES_ELSEWHERE
        self._frames_at_once, self._patches_at_once = batches
        self._pnet = KeptProgram(functools.partial(mtcnn_nets.pnet, weights["pnet"]), "pnet")
        self._rnet = KeptProgram(functools.partial(mtcnn_nets.rnet, weights["rnet"]), "rnet")
        self._onet = KeptProgram(functools.partial(mtcnn_nets.onet, weights["onet"]), "onet")

    def __call__(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """Finds faces.

        Args:
            frames: uint8 [H, W, 3] RGB each; frames of one size are batched.

        Returns:
            Per frame its faces, by descending area of the box.
        """
        faces_in: list[list[Face]] = [[] for _ in frames]
        by_shape: dict[tuple[int, ...], list[int]] = {}
        for index, frame in enumerate(frames):
            by_shape.setdefault(frame.shape, []).append(index)
        for indices in by_shape.values():
            for start in range(0, len(indices), _FRAMES_AT_ONCE):
                chunk = indices[start : start + _FRAMES_AT_ONCE]
                for index, faces in zip(chunk, self._detect([frames[i] for i in chunk]), strict=True):
                    faces_in[index] = faces
        return faces_in

    def _detect(self, frames: list[np.ndarray]) -> list[list[Face]]:
        """Faces in frames of one size, uint8 [H, W, 3] each."""
        candidates, kept = self._propose(frames), []
        shifts, scores = self._run(self._rnet, frames, candidates, 24)
        for boxes, shift, score in zip((c.boxes for c in candidates), shifts, scores, strict=True):
            refined = _above(_shift(_square(boxes), shift), score, THRESHOLDS[1])
            kept.append(_take(refined, suppress(*refined, 0.7)))
        shifts, points, scores = self._run(self._onet, frames, kept, 48)
        faces = []
        for boxes, shift, point, score in zip((c.boxes for c in kept), shifts, points, scores, strict=True):
            squares = _square(boxes)
            faces.append(_faces(_Candidates(_shift(squares, shift), score), _landmarks(squares, point)))
        return faces

    def _propose(self, frames: list[np.ndarray]) -> list[_Candidates]:
        """Windows that may hold a face, per frame; the frames are uint8 [H, W, 3] of one size."""
        height, width = frames[0].shape[:2]
        proposals: list[list[_Candidates]] = [[] for _ in frames]
        for level in _levels(frames, self._min_face):
            h, w = level.shape[1:3]
            padded = np.zeros((len(frames), _round_up(h), _round_up(w), 3), np.uint8)
            padded[:, :h, :w] = level
            shifts, scores = _in_batches(self._pnet, padded, self._frames_at_once, 1)
            scores = scores[:, : _windows_along(h), : _windows_along(w)]
            for index in range(len(frames)):
                windows = _windows(scores[index], shifts[index], (w / width, h / height))
                proposals[index].append(_take(windows, suppress(*windows, 0.5)))
        merged = [_merged([_NONE, *levels]) for levels in proposals]
        return [_take(windows, suppress(*windows, 0.7)) for windows in merged]

    def _run(
        self, network: _Network, frames: list[np.ndarray], candidates: list[_Candidates], size: int
    ) -> list[list[np.ndarray]]:
        """Runs a network on the patches of all frames, scaled to `size` pixels; per output, a list over the frames."""
        patches = [
            warp(frame, _patch_matrix(square, size), size)
            for frame, windows in zip(frames, candidates, strict=True)
            for square in _square(windows.boxes)
        ]
        stacked = np.reshape(patches, (-1, size, size, 3)).astype(np.uint8)
        outputs = _in_batches(network, stacked, self._patches_at_once, _SMALLEST_BATCH_OF_PATCHES)
        ends = np.cumsum([len(windows.scores) for windows in candidates])[:-1]
        return [np.split(output, ends) for output in outputs]


def _in_batches(network: _Network, images: np.ndarray, most: int, least: int) -> list[np.ndarray]:
    """A network's outputs, [N, ...] each, for images, uint8 [N, h, w, 3], in batches of powers of two."""
    outputs = [
        [np.asarray(array)[:count] for array in network(batch["image"])]
        for batch, count in padded_batches({"image": images}, most, least=least)
    ]
    return [np.concatenate(parts) for parts in zip(*outputs, strict=True)]


def pyramid(height: int, width: int, min_face: int) -> list[float]:
    """The scales of the image pyramid, falling.

    Args:
        height: of the picture, pixels.
        width: of the picture, pixels.
        min_face: side of the smallest face, pixels: the first scale brings it to the 12 pixel window.

    Returns:
        Scales, each 0.709 times the one before, down to the last at which the shorter side holds a window.
    """
    scales, scale = [], _WINDOW / min_face
    while round(min(height, width) * scale) >= _WINDOW:
        scales.append(scale)
        scale *= _PYRAMID_STEP
    return scales


def _levels(frames: list[np.ndarray], min_face: int) -> Iterator[np.ndarray]:
    """The pyramid: uint8 [N, h, w, 3] for each scale, each pixel the mean over its area."""
    height, width = frames[0].shape[:2]
    for scale in pyramid(height, width, min_face):
        h, w = round(height * scale), round(width * scale)
        while frames[0].shape[0] >= 2 * h and frames[0].shape[1] >= 2 * w:  # halving is the fast case of the next line
            frames = [_resize(frame, frame.shape[0] // 2, frame.shape[1] // 2) for frame in frames]
        yield np.stack([_resize(frame, h, w) for frame in frames])


def _resize(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _windows_along(side: int) -> int:
    """How many of the proposal network's windows fit into a level's side; further ones lie over the padding."""
    return math.ceil((side - 2) / 2) - 4


def suppress(boxes: np.ndarray, scores: np.ndarray, most: float, by_smaller: bool = False) -> np.ndarray:
    """Greedy non-maximum suppression: the best box stays, and those that overlap it by more than `most` go.

    Args:
        boxes: float [N, 4], x0, y0, x1, y1.
        scores: float [N].
        most: overlap that is still allowed, intersection over union.
        by_smaller: intersection over the smaller box instead, so that a box within another goes.

    Returns:
        int [M], indices of the boxes that stay, best first.
    """
    areas = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    rest, kept = np.argsort(-scores, kind="stable"), []
    while rest.size:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        sides = np.minimum(boxes[best, 2:], boxes[rest, 2:]) - np.maximum(boxes[best, :2], boxes[rest, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        whole = np.minimum(areas[best], areas[rest]) if by_smaller else areas[best] + areas[rest] - shared
        rest = rest[shared <= most * whole]
    return np.array(kept, int)


def _windows(scores: np.ndarray, shifts: np.ndarray, scale: tuple[float, float]) -> _Candidates:
    """The proposal network's windows above its threshold, in coordinates of the picture.

    Args:
        scores: float32 [h, w], probability of a face per window.
        shifts: float32 [h, w, 4], box regression as shares of the window's side.
        scale: (x, y), the level's size over the picture's.
    """
    rows, columns = np.nonzero(scores > THRESHOLDS[0])
    if rows.size > _MOST_PROPOSALS:
        best = np.argpartition(-scores[rows, columns], _MOST_PROPOSALS)[:_MOST_PROPOSALS]
        rows, columns = rows[best], columns[best]
    corners = np.stack([columns, rows], axis=-1).astype(np.float64) * _STRIDE
    boxes = np.concatenate([corners, corners + _WINDOW], axis=-1) + shifts[rows, columns] * _WINDOW
    return _Candidates(boxes / np.array(scale * 2), scores[rows, columns])


def _shift(squares: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Squares, [N, 4], moved by a box regression, [N, 4], as shares of their sides."""
    return squares + shift * (squares[:, 2:3] - squares[:, 0:1])


def _square(boxes: np.ndarray) -> np.ndarray:
    """The squares around the boxes' centres with the longer side: [N, 4] to [N, 4]."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.maximum((boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True), 1) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def _patch_matrix(square: np.ndarray, size: int) -> np.ndarray:
    """From picture to patch, float64 [2, 3], (0, 0) at the first pixel's centre; `square`, [4], in edge coordinates."""
    scale = size / (square[2] - square[0])
    return np.array([[scale, 0, scale * (0.5 - square[0]) - 0.5], [0, scale, scale * (0.5 - square[1]) - 0.5]])


def _landmarks(squares: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Landmarks in edge coordinates, [N, 5, 2], from squares, [N, 4], and shares of their sides, [N, 10]."""
    points = shares.reshape(-1, 2, 5).transpose(0, 2, 1)
    return squares[:, None, :2] + points * (squares[:, 2] - squares[:, 0])[:, None, None]


def _faces(candidates: _Candidates, landmarks: np.ndarray) -> list[Face]:
    """The candidates above the last threshold, largest first; landmarks [N, 5, 2] in edge coordinates."""
    boxes, scores = candidates
    sure = np.flatnonzero(scores > THRESHOLDS[2])
    kept = sure[suppress(boxes[sure], scores[sure], 0.7, by_smaller=True)]
    areas = np.prod(boxes[kept, 2:] - boxes[kept, :2], axis=1)
    return [
        Face((boxes[i] - 0.5).astype(np.float32), (landmarks[i] - 0.5).astype(np.float32), float(scores[i]))
        for i in kept[np.argsort(-areas, kind="stable")]
    ]


def _above(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> _Candidates:
    return _take(_Candidates(boxes, scores), np.flatnonzero(scores > threshold))


def _take(candidates: _Candidates, indices: np.ndarray) -> _Candidates:
    return _Candidates(candidates.boxes[indices], candidates.scores[indices])


def _merged(candidates: Sequence[_Candidates]) -> _Candidates:
    boxes, scores = zip(*candidates, strict=True)
    return _Candidates(np.concatenate(boxes), np.concatenate(scores))


def _round_up(side: int) -> int:
    return math.ceil(side / _LEVEL_MULTIPLE) * _LEVEL_MULTIPLE
