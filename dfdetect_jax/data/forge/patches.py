"""Fills a hole with pixels from elsewhere in the picture, chosen by their surroundings.

Randomised correspondences after Barnes et al., "PatchMatch" (SIGGRAPH 2009), coarse to fine as in Wexler, Shechtman
and Irani, "Space-Time Completion of Video" (PAMI 2007), with all pixels of the hole updated at once.
"""

import cv2
import numpy as np

RADIUS = 2  # of a patch, pixels
LEVELS = 3
ROUNDS = (4, 2, 1)  # from coarse to fine


def fill(picture: np.ndarray, hole: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fills `hole`.

    Args:
        picture: uint8 [H, W, 3].
        hole: bool [H, W].
        allowed: bool [H, W], where pixels may be taken from (the hole is left out by itself).
        rng: source of the random search.

    Returns:
        uint8 [H, W, 3], equal to `picture` outside the hole.
    """
    guess = cv2.inpaint(picture, hole.astype(np.uint8) * 255, 2, cv2.INPAINT_TELEA)
    offsets = None
    for level in reversed(range(LEVELS)):
        size = (picture.shape[1] >> level, picture.shape[0] >> level)
        image = picture if level == 0 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        small_hole = cv2.resize(hole.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        small_allowed = cv2.resize(allowed.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
        guess = np.where(small_hole[..., None], cv2.resize(guess, size, interpolation=cv2.INTER_LINEAR), image)
        sources = _sources(small_hole, small_allowed)
        if not small_hole.any() or not sources.any():
            continue
        guess, offsets = _fill_level(guess, small_hole, sources, offsets, ROUNDS[LEVELS - 1 - level], rng)
    return np.where(hole[..., None], guess, picture).astype(np.uint8)


def _sources(hole: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Centres of patches that lie inside the picture and outside the hole."""
    known = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RADIUS + 1,) * 2, np.uint8)) == 0
    inner = np.zeros_like(known)
    inner[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    return known & inner & (allowed if (known & inner & allowed).any() else True)


def _fill_level(guess, hole, sources, coarse, rounds, rng):
    """One level of the pyramid; returns the picture and each pixel's offset to its source, int [H, W, 2]."""
    rows, columns = np.nonzero(hole)
    pool = np.argwhere(sources)
    limit = np.array(hole.shape) - 1
    here = np.stack([rows, columns], axis=1)
    if coarse is None:
        found = pool[rng.integers(len(pool), size=len(here))]
    else:
        near = np.minimum(here // 2, np.array(coarse.shape[:2]) - 1)
        found = _onto(sources, np.clip(here + 2 * coarse[near[:, 0], near[:, 1]], 0, limit), pool, rng)
    field = np.zeros((*hole.shape, 2), np.int64)
    for _ in range(rounds):
        windows = _windows(guess)
        target = windows[rows, columns].astype(np.float32)
        cost = _cost(windows, target, found)
        for step in ((0, 1), (0, -1), (1, 0), (-1, 0), None, None, 8, 2):
            if step is None:
                candidate = pool[rng.integers(len(pool), size=len(here))]
            elif isinstance(step, int):
                candidate = found + rng.integers(-step, step + 1, size=found.shape)
            else:
                field[rows, columns] = found - here
                beside = np.clip(here + step, 0, limit)
                candidate = here + field[beside[:, 0], beside[:, 1]]
            candidate = _onto(sources, np.clip(candidate, 0, limit), found, None)
            price = _cost(windows, target, candidate)
            better = price < cost
            found = np.where(better[:, None], candidate, found)
            cost = np.where(better, price, cost)
        guess = guess.copy()
        guess[rows, columns] = guess[found[:, 0], found[:, 1]]
    field[rows, columns] = found - here
    return guess, field


def _onto(sources, candidate, fallback, rng):
    """Replaces candidates that are no sources: by the same row of `fallback`, or by a random one of it."""
    valid = sources[candidate[:, 0], candidate[:, 1]]
    other = fallback if rng is None else fallback[rng.integers(len(fallback), size=len(candidate))]
    return np.where(valid[:, None], candidate, other)


def _windows(image: np.ndarray) -> np.ndarray:
    padded = cv2.copyMakeBorder(image, *(RADIUS,) * 4, cv2.BORDER_REFLECT_101)
    view = np.lib.stride_tricks.sliding_window_view(padded, (2 * RADIUS + 1, 2 * RADIUS + 1), axis=(0, 1))
    return view[..., ::2]


def _cost(windows: np.ndarray, target: np.ndarray, at: np.ndarray) -> np.ndarray:
    difference = windows[at[:, 0], at[:, 1]] - target
    return np.einsum("nchw,nchw->n", difference, difference)
