"""What a detector's verdicts were on the photographs and clips that it was measured on."""

from typing import NamedTuple

import numpy as np

from dfdetect_jax.evaluation.metrics.frame_scores import FrameScores
from dfdetect_jax.evaluation.metrics.videos import groups_of, video_scores
from dfdetect_jax.scoring.decision import DecisionRule, Verdict


class VerdictShares(NamedTuple):
    """Shares of the verdicts on one data set's reals, or its fakes of one forgery.

    Attributes:
        dataset: name of the data set.
        forgery: of the fakes; "" for reals.
        clips: photographs and clips; a clip's score is the mean of its frames.
        fake, uncertain, real: share of each verdict, in [0, 1].
    """

    dataset: str
    forgery: str
    clips: int
    fake: float
    uncertain: float
    real: float


def verdict_shares(frames: FrameScores, rule: DecisionRule) -> list[VerdictShares]:
    """The verdicts by data set and forgery, in order of first appearance.

    Raises:
        RecordsError, RunError: as `video_scores`.
    """
    clips = video_scores(frames)
    verdicts = np.array([rule.verdict(score) for score in clips.score.tolist()], np.str_)
    first, group = groups_of(clips.dataset, clips.forgery)
    shares = []
    for number, place in enumerate(first):
        own = verdicts[group == number]
        fake, uncertain, real = (
            float(np.mean(own == verdict.value)) for verdict in (Verdict.FAKE, Verdict.UNCERTAIN, Verdict.REAL)
        )
        shares.append(
            VerdictShares(str(clips.dataset[place]), str(clips.forgery[place]), len(own), fake, uncertain, real)
        )
    return shares
