"""Which fakes a person should paint masks for: strategies by name, each a ranking of the training fakes.

The paper (Du et al., CIKM 2020) has an active learner pick the challenging candidates and gives no rule; the rules here
are ours but where a source is named. All are deterministic, and equals are ranked by their place in the records.
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
    "outside": (),
    "channels": ("evidence", "evidence_outside"),
}
# A clip's frames are near copies. One clip may give this many times its even part of the choice, so that a hard clip
# still counts for more than an easy one; past that the other clips come first.
CLIP_SHARE = 2
Ranking = tuple[np.ndarray, Callable[[int], str]]
"""A value for each candidate, float [N], the most wanted highest; and the reason for choosing a row, in words."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Candidates:
    """The training fakes as columns, N rows, as the stage-1 model sees them.

    Attributes:
        places: int64 [N], rising: where each stands in the records of its split.
        clips: str [N], the video or photograph that each is from.
        score: float [N] in [0, 1], p(fake).
        outside: float [N] in [0, 1], the share of attention that lies outside the face.
        features: float [N, D], the latent's absolute values averaged over its positions, or None.
        evidence: float [N, C], mean over positions of |z_c| / C, at least 0, for the C channels of the latent's fake
            half, or None. Zeroing channel c takes k times this from the mean of the positions' logits.
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
    """One chosen fake.

    Attributes:
        row: in the candidates.
        reason: in words, for the person who paints its mask.
    """

    row: int
    reason: str


def how_many(share: float, trained: int, fakes: int) -> int:
    """The size of the choice: share * trained, rounded down, but at least 1 and at most all fakes.

    Args:
        share: in (0, 1], of the training images.
        trained: training images, reals and fakes.
        fakes: training fakes.
    """
    wanted = math.floor(share * trained + 1e-9)  # 0.29 * 100 is a little less than 29 in binary
    return min(fakes, max(1, wanted))


def rank(candidates: Candidates, strategy: str, count: int, seed: int = 0) -> list[Choice]:
    """Ranks the candidates and takes the first `count`.

    Strategies: "hardest": lowest p(fake) first, those taken for real and those least sure. "random": the control.
    "entropy": highest entropy of p first. "core_set": see `k_centre`. "outside": most attention outside the face
    first. "channels": see `outside_evidence`.

    All but "random" and "core_set", which spread by themselves, put off further frames of a clip that has given
    `CLIP_SHARE` times its even part already.

    Args:
        candidates: with the columns that `NEEDS` names for the strategy.
        strategy: one of `STRATEGIES`.
        count: 1 to the number of candidates.
        seed: of "random".

    Returns:
        `count` choices, first come first.

    Raises:
        SettingsError: no such strategy.
        RunError: a column that it reads has values that are no numbers.
    """
    one_of("strategy", strategy, STRATEGIES)
    for name in ("score", "outside", *NEEDS[strategy]):
        if not np.isfinite(getattr(candidates, name)).all():
            raise RunError(f"expected numbers, found NaN or infinity in the fakes' {name}: this run has diverged")
    if strategy == "core_set":
        rows, distances = k_centre(_column(candidates.features, "features"), count)
        reasons = [_core_set_reason(distance) for distance in distances]
    elif strategy == "random":
        rows = np.random.default_rng(seed).permutation(len(candidates))[:count]
        reasons = ["chosen at random"] * count
    else:
        values, reason = _RANKED[strategy](candidates)
        rows = _spread(np.argsort(-values, kind="stable"), candidates.clips, count)
        reasons = [reason(row) for row in rows]
    return [Choice(int(row), words) for row, words in zip(rows, reasons, strict=True)]


def k_centre(features: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows so that no row is far from a chosen one: the greedy 2-approximation of the k-centre problem.

    Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach (ICLR 2018),
    algorithm 1: again and again takes the row that is farthest from all that were taken. Nothing is labelled at the
    start, so the first is the row nearest to the mean.

    Args:
        features: float [N, D].
        count: 1 to N.

    Returns:
        int64 [count], rows in the order taken; float64 [count], the distance of each to the nearest one taken before
        it, and of the first to the mean.
    """
    features = np.asarray(features, np.float64)
    features = features - features.mean(axis=0)
    squares = np.einsum("nd,nd->n", features, features)
    rows = [int(np.argmin(squares))]
    distances = [squares[rows[0]]]
    nearest = np.full(len(features), np.inf)
    while len(rows) < count:
        last = rows[-1]
        # |x - c|^2 = |x|^2 + |c|^2 - 2 x.c; by einsum, as equal rows must come out equal, and BLAS doesn't promise it.
        squared = squares + squares[last] - 2 * np.einsum("nd,d->n", features, features[last])
        nearest = np.minimum(nearest, squared)
        nearest[last] = -np.inf  # never taken twice, even where rows coincide
        rows.append(int(np.argmax(nearest)))
        distances.append(nearest[rows[-1]])
    return np.array(rows), np.sqrt(np.maximum(distances, 0))


def _column(values: np.ndarray | None, name: str) -> np.ndarray:
    if values is None:
        raise ValueError(f"expected the column {name}, which this strategy reads, found none; see NEEDS")
    return values


def outside_evidence(candidates: Candidates) -> np.ndarray:
    """How far each fake's evidence rests on channels that look outside the face: mean of o_c, weighted by evidence.

    o_c is the share of channel c's evidence, summed over all candidates, that comes from outside the face. (Ranking
    channels by what zeroing each does to the fake score is recalled of the paper and not verified; telling where a
    channel looks by its energy is our reading. It goes by degrees, since in a trained network often no channel looks
    mostly outside.)

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


# Each gives (float [N], higher is chosen first; row -> reason).
_RANKED = {"hardest": _by_score, "entropy": _by_entropy, "outside": _by_attention, "channels": _by_channels}


def _core_set_reason(distance: float) -> str:
    return f"unlike those chosen before it, at a distance of {distance:.3g} in the latent space"


def _spread(order: np.ndarray, clips: np.ndarray, count: int) -> np.ndarray:
    """The first `count` rows of `order`, where rows beyond their clip's part stand behind all others."""
    most = math.ceil(CLIP_SHARE * count / len(set(clips)))
    beyond = _occurrence(clips[order]) >= most
    return order[np.argsort(beyond, kind="stable")][:count]


def _occurrence(names: Sequence[str]) -> np.ndarray:
    """How many equal names stand before each: int64 [N]."""
    seen: dict[str, int] = {}
    counts = []
    for name in names:
        counts.append(seen.get(name, 0))
        seen[name] = counts[-1] + 1
    return np.array(counts)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, 0 where there is no whole."""
    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
