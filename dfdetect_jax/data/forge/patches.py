"""Fills a hole with pixels from similar patches of the picture.

Randomised correspondence search after Barnes et al., "PatchMatch" (SIGGRAPH 2009), coarse to fine as in Wexler,
Shechtman and Irani, "Space-Time Completion of Video" (PAMI 2007), with all pixels of the hole updated at once.
"""

import cv2
import numpy as np

RADIUS = 2  # of a patch, pixels
LEVELS = 3
ROUNDS = (4, 2, 1)  # from coarse to fine
# Candidates in each round: the neighbour's source shifted, random positions near the current source, and anywhere.
_NEIGHBOURS, _REACHES, _ANYWHERE, _GUESSES = ((0, 1), (0, -1), (1, 0), (-1, 0)), (8, 2), None, 2


def fill(picture: np.ndarray, hole: np.ndarray, allowed: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fills `hole`.

    Args:
        picture: uint8 [H, W, 3].
        hole: bool [H, W], True in the hole.
        allowed: bool [H, W], True where pixels may be copied from (the hole is always excluded).
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
        guess, offsets = _fill_level(guess, small_hole, sources, offsets, ROUNDS[-1 - level], rng)
    return np.where(hole[..., None], guess, picture).astype(np.uint8)


def _sources(hole: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """Centres of the patches inside the picture and outside the hole; bool [H, W], as both arguments."""
    known = cv2.dilate(hole.astype(np.uint8), np.ones((2 * RADIUS + 1,) * 2, np.uint8)) == 0
    inner = np.zeros_like(known)
    inner[RADIUS:-RADIUS, RADIUS:-RADIUS] = True
    return known & inner & (allowed if (known & inner & allowed).any() else True)


def _fill_level(
    guess: np.ndarray,
    hole: np.ndarray,
    sources: np.ndarray,
    coarse: np.ndarray | None,
    rounds: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """One level of the pyramid.

    Args:
        guess: uint8 [H, W, 3].
        hole: bool [H, W].
        sources: bool [H, W].
        coarse: offsets of the coarser level, int [H/2, W/2, 2], or None at the coarsest.
        rounds: of the search.
        rng: source of the random search.

    Returns:
        The picture, uint8 [H, W, 3], and each pixel's offset to its source, int [H, W, 2].
    """
    here, pool = np.argwhere(hole), np.argwhere(sources)
    rows, columns = here.T
    limit = np.array(hole.shape) - 1
    places = pool[rng.integers(len(pool), size=len(here))]
    if coarse is not None:
        near = np.minimum(here // 2, np.array(coarse.shape[:2]) - 1)
        places = _if_source(sources, np.clip(here + 2 * coarse[near[:, 0], near[:, 1]], 0, limit), places)
    field = np.zeros((*hole.shape, 2), np.int64)
    for _ in range(rounds):
        windows = _windows(guess)
        target = windows[rows, columns].astype(np.float32)
        cost = _cost(windows, target, places)
        for step in (*_NEIGHBOURS, *_REACHES, *[_ANYWHERE] * _GUESSES):
            if step is _ANYWHERE:
                candidate = pool[rng.integers(len(pool), size=len(here))]
            elif isinstance(step, int):
                candidate = places + rng.integers(-step, step + 1, size=places.shape)
            else:
                field[rows, columns] = places - here
                beside = np.clip(here + step, 0, limit)
                candidate = here + field[beside[:, 0], beside[:, 1]]
            candidate = _if_source(sources, np.clip(candidate, 0, limit), places)
            price = _cost(windows, target, candidate)
            places = np.where((price < cost)[:, None], candidate, places)
            cost = np.minimum(price, cost)
        guess = guess.copy()
        guess[rows, columns] = guess[places[:, 0], places[:, 1]]
    field[rows, columns] = places - here
    return guess, field


def _if_source(sources: np.ndarray, candidate: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Rows of `candidate` where they are sources, else those of `otherwise`; int [N, 2]."""
    return np.where(sources[candidate[:, 0], candidate[:, 1]][:, None], candidate, otherwise)


def _windows(image: np.ndarray) -> np.ndarray:
    """The patch around each pixel of uint8 [H, W, 3], uint8 [H, W, 3, 5, 3]: every second column, for speed."""
    padded = cv2.copyMakeBorder(image, *(RADIUS,) * 4, cv2.BORDER_REFLECT_101)
    view = np.lib.stride_tricks.sliding_window_view(padded, (2 * RADIUS + 1, 2 * RADIUS + 1), axis=(0, 1))
    return view[..., ::2]


def _cost(windows: np.ndarray, target: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Squared distance between target patches, float32 [N, 3, 5, 3], and those of `windows` at `at`, int [N, 2];
    float32 [N].
    """
    difference = windows[at[:, 0], at[:, 1]] - target
    return np.einsum("nchw,nchw->n", difference, difference)
