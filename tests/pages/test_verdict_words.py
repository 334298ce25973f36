import dataclasses

import numpy as np
import pytest

from dfdetect_jax.pages.verdict_words import HEADLINES, explain, false_alarms_in_words, share_in_words
from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.scoring.decision import DecisionRule, Verdict
from tests import trained
from tests.pictures.test_verdict_picture import result, view

RULE = DecisionRule(
    fake_from=0.6, real_below=0.4, false_alarms=FalseAlarms.of(np.linspace(0.01, 0.7, 200)), temperature=1.0
)


def explained(score, **more):
    each = dataclasses.replace(result([view(score=score)]), rule=RULE, **more)
    return explain(trained.opened(), each, 0.02)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0.01, "about 1 in 100"),
        (0.3, "about 30 in 100"),
        (0.004, "about 4 in 1,000"),
        (0.0003, "about 3 in 10,000"),
        (0, "fewer than 1 in 10,000"),
    ],
)
def test_shares_are_said_as_people_say_them(share, words):
    assert share_in_words(share) == words


@pytest.mark.parametrize(("score", "verdict"), [(0.9, Verdict.FAKE), (0.5, Verdict.UNCERTAIN), (0.1, Verdict.REAL)])
def test_the_headline_is_of_the_verdict(score, verdict):
    words = explained(score)
    assert (words.verdict, words.headline) == (verdict, HEADLINES[verdict])


def test_the_score_the_thresholds_the_probability_and_the_false_alarms_are_given():
    text = " ".join(explained(0.9).sentences)
    for words in (
        "0.90",
        "fake from 0.60",
        "real below 0.40",
        "probability of a fake: 90%",
        "2 in 100",
        "200 real ones",
    ):
        assert words in text


def test_how_many_reals_score_as_high_is_what_validation_saw():
    share = np.mean(np.linspace(0.01, 0.7, 200) >= 0.5)
    assert f"{share_in_words(share)} score this high" in " ".join(explained(0.5).sentences)


def test_a_score_above_all_reals_gets_no_share_that_so_few_cannot_show():
    text = " ".join(explained(0.9).sentences)
    assert "None of the 200 real pictures" in text
    assert "10,000" not in text


def test_without_figures_none_is_claimed():
    rule = DecisionRule(fake_from=0.5, real_below=0.5)
    each = dataclasses.replace(result([view()]), rule=rule)
    text = " ".join(explain(trained.opened(), each, 0.01).sentences)
    assert "not measured" in text
    assert "probability" not in text
    assert "not measured" in false_alarms_in_words(rule, 0.01)


def test_it_never_claims_proof_and_names_what_is_in_the_way():
    cautions = " ".join(explained(0.9, notes=("the face is 12 pixels across",)).cautions)
    assert "not proof" in cautions
    assert "The face is 12 pixels across." in cautions
    assert "demonstration" in cautions  # the run of the tests was trained on rendered faces
    assert "can miss others" in cautions


def test_without_a_face_there_is_no_opinion():
    words = explained(0.9, faces=())
    assert words.headline == "No face was found"
    assert "no opinion" in " ".join(words.sentences)
