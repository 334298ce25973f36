"""Active learning: strategies by name, each a ranking of the training fakes by the value of a mask.

The paper (Du et al., CIKM 2020) has an active learner pick the challenging candidates and gives no rule; the rules here
are ours except where a source is named. All are deterministic; ties are ranked by index in the records.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from dfdetect_jax.config.active import STRATEGIES
from dfdetect_jax.config.rules import one_of
from dfdetect_jax.errors import RunError

# Which columns from the latent a strategy reads; the others need not be computed.
NEEDS = {
    "hardest": (),
    "random": (),
    "entropy": (),
    "core_set": ("features",),
    "diverse": ("features",),
    "outside": (),
    "channels": ("evidence", "evidence_outside"),
}
# The frames of a clip are near-duplicates. One clip may contribute this many times its even share of the selection, so
# that a hard clip still counts for more than an easy one; frames beyond that rank behind those of other clips.
CLIP_SHARE = 2
HARDEST_PART = 10  # "diverse" chooses among this many times as many of the hardest as it takes
NOTHING = np.zeros(0, np.int64)  # no rows
Ranking = tuple[np.ndarray, Callable[[int], str]]
"""A value for each candidate, float [N], the highest selected first; and row -> the reason for selecting it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidates:
    """The training fakes as columns of N rows, computed by the stage-1 model.

    Attributes:
        places: int64 [N], ascending indices in the records of the split.
        clips: str [N], the video or photograph that each is from.
        score: float [N] in [0, 1], p(fake).
        outside: float [N] in [0, 1], the share of attention outside the face.
        features: float [N, D], the latent's absolute values averaged over its positions, or None.
        evidence: float [N, C], mean over positions of |z_c| / C, at least 0, for the C channels of the latent's fake
            half, or None. Zeroing channel c lowers the mean of the positions' logits by k times this.
        evidence_outside: float [N, C], the part of `evidence` from positions outside the face, or None.
    """

    places: np.ndarray
    clips: np.ndarray
    score: np.ndarray
    outside: np.ndarray
    features: np.ndarray | None = None
    evidence: np.ndarray | None = None
    evidence_outside: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.places)


@dataclasses.dataclass(frozen=True)
class Choice:
    """One selected fake.

    Attributes:
        row: index in the candidates.
        reason: why it was selected, a phrase for the annotator.
    """

    row: int
    reason: str


def how_many(share: float, trained: int, fakes: int) -> int:
    """The size of the selection: share * trained, rounded down, at least 1 and at most all fakes.

    Args:
        share: in (0, 1], of the training images.
        trained: number of training images, reals and fakes.
        fakes: number of training fakes.
    """
    wanted = math.floor(share * trained + 1e-9)  # 0.29 * 100 is a little less than 29 in binary
    return min(fakes, max(1, wanted))


def rank(
    candidates: Candidates, strategy: str, count: int, seed: int = 0, labelled: np.ndarray = NOTHING
) -> list[Choice]:
    """Ranks the candidates that are not labelled yet and takes the first `count`.

    Strategies: "hardest": lowest p(fake) first, the fakes classified as real and the least certain ones. "random": the
    control. "entropy": highest entropy of p first. "core_set": see `k_centre`; what is labelled counts as taken.
    "diverse": the same among the `HARDEST_PART` * count fakes with the lowest p(fake), so that what is taken is hard
    and no two are alike. "outside": most attention outside the face first. "channels": see `outside_evidence`.

    All but "random", "core_set" and "diverse", which are diverse by construction, defer further frames of a clip that
    has contributed `CLIP_SHARE` times its even share.

    Args:
        candidates: with the columns that `NEEDS` names for the strategy.
        strategy: one of `STRATEGIES`.
        count: 1 to the number of candidates that are not labelled.
        seed: of "random".
        labelled: int [L], rows that have a label from an earlier round and are never taken.

    Returns:
        `count` choices, by rank.

    Raises:
        SettingsError: no such strategy.
        RunError: a column that the strategy reads has values that are not finite.
    """
    one_of("strategy", strategy, STRATEGIES)
    for name in ("score", "outside", *NEEDS[strategy]):
        if not np.isfinite(getattr(candidates, name)).all():
            raise RunError(f"expected numbers, found NaN or infinity in the fakes' {name}: this run has diverged")
    free = np.setdiff1d(np.arange(len(candidates)), labelled)
    if strategy in ("core_set", "diverse"):
        pool = free if strategy == "core_set" else _hardest_part(candidates, free, count)
        rows, distances = k_centre(_column(candidates.features, "features"), count, pool, labelled)
        reasons = [_core_set_reason(distance) for distance in distances]
    elif strategy == "random":
        rows = free[np.random.default_rng(seed).permutation(len(free))[:count]]
        reasons = ["chosen at random"] * count
    else:
        values, reason = _RANKED[strategy](candidates)
        order = free[np.argsort(-values[free], kind="stable")]
        rows = _spread(order, candidates.clips, count)
        reasons = [reason(row) for row in rows]
    return [Choice(int(row), words) for row, words in zip(rows, reasons, strict=True)]


def _hardest_part(candidates: Candidates, free: np.ndarray, count: int) -> np.ndarray:
    """The rows among `free` that "diverse" chooses from, ascending: those with the lowest p(fake)."""
    order = free[np.argsort(np.asarray(candidates.score)[free], kind="stable")]
    return np.sort(order[: HARDEST_PART * count])


def k_centre(
    features: np.ndarray, count: int, pool: np.ndarray | None = None, labelled: np.ndarray = NOTHING
) -> tuple[np.ndarray, np.ndarray]:
    """Selects rows such that no row is far from a selected one: the greedy 2-approximation of the k-centre problem.

    Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach (ICLR 2018),
    algorithm 1: repeatedly takes the row farthest from all rows taken so far. Those labelled at the start count as
    taken; where there are none, the first is the row nearest to the mean of the pool.

    Args:
        features: float [N, D].
        count: 1 to the size of the pool.
        pool: int [P], ascending rows to take from, none of them labelled; None for all.
        labelled: int [L], rows that are taken already.

    Returns:
        int64 [count], rows in the order taken; float64 [count], the distance of each to the nearest row taken before
        it, or, of a first row without any before it, to the mean.
    """
    pool = np.arange(len(features)) if pool is None else pool
    features = np.asarray(features, np.float64)
    features = features - features[pool].mean(axis=0)
    squares = np.einsum("nd,nd->n", features, features)
    nearest = np.full(len(pool), np.inf)
    for row in labelled:
        nearest = np.minimum(nearest, _squared_distances(features, squares, pool, int(row)))
    taken: list[int] = []
    distances: list[float] = []
    while len(taken) < count:
        first = not taken and not len(labelled)
        place = int(np.argmin(squares[pool])) if first else int(np.argmax(nearest))
        distances.append(squares[pool[place]] if first else nearest[place])
        taken.append(int(pool[place]))
        nearest = np.minimum(nearest, _squared_distances(features, squares, pool, taken[-1]))
        nearest[place] = -np.inf  # never taken twice, even where rows coincide
    return np.array(taken), np.sqrt(np.maximum(distances, 0))


def _squared_distances(features: np.ndarray, squares: np.ndarray, pool: np.ndarray, row: int) -> np.ndarray:
    """Of each row of the pool to one row: float64 [P]."""
    # |x - c|^2 = |x|^2 + |c|^2 - 2 x.c; einsum gives equal rows equal results; BLAS does not guarantee it.
    return squares[pool] + squares[row] - 2 * np.einsum("nd,d->n", features[pool], features[row])


def _column(values: np.ndarray | None, name: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"expected the column {name}, which this strategy reads, found none; see NEEDS")
    return values


def outside_evidence(candidates: Candidates) -> np.ndarray:
    """How much of each fake's evidence is in channels active outside the face: mean of o_c, weighted by evidence.

    o_c is the share of channel c's evidence, summed over all candidates, that comes from outside the face. (Ranking
    channels by the effect of zeroing each on the fake score is attributed to the paper from memory, not verified;
    locating a channel by its energy is our interpretation. The measure is continuous, since in a trained network often
    no channel is mostly active outside.)

    Args:
        candidates: with `evidence` and `evidence_outside`.

    Returns:
        float64 [N] in [0, 1]; 0 where there is no evidence at all.
    """
    evidence = _column(candidates.evidence, "evidence").astype(np.float64)
    away = _column(candidates.evidence_outside, "evidence_outside").astype(np.float64).sum(axis=0)
    looks_outside = _ratio(away, evidence.sum(axis=0))
    return _ratio(np.einsum("nc,c->n", evidence, looks_outside), evidence.sum(axis=1))


def _by_score(candidates: Candidates) -> Ranking:
    score = candidates.score
    words = "taken for real, p(fake) {:.3f}", "among the least sure fakes, p(fake) {:.3f}"
    return -np.asarray(score), lambda row: words[bool(score[row] >= 0.5)].format(score[row])


def _by_entropy(candidates: Candidates) -> Ranking:
    p = np.clip(np.asarray(candidates.score, np.float64), 1e-12, 1 - 1e-12)
    entropy = -(p * np.log2(p) + (1 - p) * np.log2(1 - p))
    return entropy, lambda row: f"undecided, p(fake) {p[row]:.3f}, entropy {entropy[row]:.2f} bit"


def _by_attention(candidates: Candidates) -> Ranking:
    return np.asarray(candidates.outside), lambda row: f"{candidates.outside[row]:.0%} of the attention is off the face"


def _by_channels(candidates: Candidates) -> Ranking:
    share = outside_evidence(candidates)
    return share, lambda row: f"its evidence for fake is in channels that lie off the face by {share[row]:.1%}"


# Each returns (float [N], the highest selected first; row -> reason).
_RANKED = {"hardest": _by_score, "entropy": _by_entropy, "outside": _by_attention, "channels": _by_channels}


def _core_set_reason(distance: float) -> str:
    return f"unlike those chosen before it, at a distance of {distance:.3g} in the latent space"


def _spread(order: np.ndarray, clips: np.ndarray, count: int) -> np.ndarray:
    """The first `count` of `order` (int64 [N]) with rows beyond their clip's share moved to the end; int64 [count]."""
    most = math.ceil(CLIP_SHARE * count / len(set(clips[order])))
    beyond = _occurrence(clips[order]) >= most
    return order[np.argsort(beyond, kind="stable")][:count]


def _occurrence(names: Sequence[str]) -> np.ndarray:
    """For each name the number of equal names before it: int64 [N]."""
    seen: dict[str, int] = {}
    counts = []
    for name in names:
        counts.append(seen.get(name, 0))
        seen[name] = counts[-1] + 1
    return np.array(counts)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where `whole` is 0; float [N] each."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
