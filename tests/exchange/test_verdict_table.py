"""Verdicts on what a detector was measured on."""

import pytest

from dfdetect_jax.evaluation.metrics.frame_scores import from_columns
from dfdetect_jax.exchange.verdict_table import verdict_shares
from dfdetect_jax.scoring.decision import DecisionRule


def test_a_clip_has_one_verdict_and_each_forgery_its_shares():
    frames = from_columns(
        {
            "dataset": ["a"] * 6,
            "split": ["test"] * 6,
            "forgery": ["", "", "", "swap", "swap", "swap"],
            "video": ["r1", "r1", "r2", "f1", "f2", "f3"],
            "identity": ["p"] * 6,
            "frame": [0, 1, 0, 0, 0, 0],
            "label": [0, 0, 0, 1, 1, 1],
            "score": [0.0, 0.2, 0.95, 0.9, 0.5, 0.6],
        }
    )
    reals, fakes = verdict_shares(frames, DecisionRule(fake_from=0.9, real_below=0.4))
    assert reals[:5] == ("a", "", 2, 0.5, 0.0)
    assert fakes[:3] == ("a", "swap", 3)
    assert fakes[3:] == pytest.approx((1 / 3, 2 / 3, 0.0))
