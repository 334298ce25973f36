"""The model card: it states what was recorded and measured, and says what was not."""

import pytest

from dfdetect_jax.exchange.card import UNMEASURED, CardFacts, model_card, read_card
from dfdetect_jax.scoring.decision import DecisionRule
from tests import trained

DETECTION = {"n_real": 1000, "n_fake": 500, "auc": 0.9, "auc_ci": [0.85, 0.95], "eer": 0.2, "balanced_accuracy": None}
MEASURED = {
    "frame": DETECTION,
    "video": {"auc": 0.95},
    "by_forgery": {"a|b": {"seen": False, "frame": DETECTION, "video": {}}},
    "localization": {"pixel_auc": 0.8, "pixel_ap": 0.7, "iou_best": 0.5},
    "leakage": {"warning": "shares 2 identities with its training data: results are optimistic"},
    "robustness": {"n": 200, "of": 1500, "clean": DETECTION, "corruptions": {"jpeg": [{"auc": 0.7}, {"auc": 0.6}]}},
}


def card(metrics):
    rule = DecisionRule(fake_from=0.9, real_below=0.5, notes=("fake from 0.900",))
    facts = CardFacts(
        name="mine",
        date="2030-01-02",
        rule=rule,
        metrics=metrics,
        files={"w": "weights"},
        notes=("licence: none",),
    )
    return model_card(trained.opened(), facts)


@pytest.mark.parametrize(
    "line",
    [
        "# mine",
        "- fake from 0.900",
        "| celebdf | all | 1,500 | 0.900 [0.850, 0.950] | 0.950 | 0.200 | – |",
        r"| celebdf | a\|b (unseen) | 1,500 | 0.900 [0.850, 0.950] | – | 0.200 | – |",
        "| data | forgery | frames | AUC, frames | AUC, videos | EER | balanced accuracy at 0.400 |",
        "| celebdf | 0.800 | 0.700 | 0.500 | – | – |",
        "AUC of 200 of the 1,500 frames of celebdf under corruptions, by level:",
        "| jpeg | 0.700 | 0.600 |  |  |  |",
        "| none | 0.900 |  |  |  |  |",
        "celebdf: shares 2 identities with its training data: results are optimistic.",
        "- licence: none",
        "| crop | mtcnn, landmarks, margin 1.3, 40 px |",
    ],
)
def test_a_fact_stands_in_the_card(line):
    assert line in card({"threshold": 0.4, "data": {"celebdf": MEASURED}}).splitlines()


def test_what_was_not_measured_is_said():
    assert UNMEASURED in card({})
    assert trained.opened().info["data"]["fingerprint"] in card({})


def test_the_sections_of_a_card_that_outlive_an_export_are_read_from_it():
    text = card({"data": {"celebdf": MEASURED}})
    title, kept = read_card(text)
    assert title == "mine"
    assert list(kept) == ["Verdicts", "Figures", "Training"]
    assert kept["Verdicts"] == ["- fake from 0.900"]
    assert kept["Training"][-1] == "- licence: none"
    assert "| jpeg | 0.700 | 0.600 |  |  |  |" in kept["Figures"]


@pytest.mark.parametrize("text", ["", "no title", "## Files\n\nFigures"])
def test_a_card_by_somebody_else_may_have_none_of_them(text):
    assert read_card(text) == ("", {})
