"""From scored faces to the result of a file."""

import dataclasses

import numpy as np
import pytest

from dfdetect_jax.media.face import Face
from dfdetect_jax.run.false_alarms import FalseAlarms
from dfdetect_jax.scoring.aggregation import result_of
from dfdetect_jax.scoring.decision import DecisionRule
from dfdetect_jax.scoring.media_frames import MediaHeader
from dfdetect_jax.scoring.people import FrameFaces
from dfdetect_jax.scoring.result import as_json
from tests import trained

PHOTO = MediaHeader("a.png", "image")


REALS = FalseAlarms.of((np.arange(400) + 0.5) / 400)  # so that a score is a rate: 1 - score


def face(x=10.0, side=40.0, confidence=1.0, seen=""):
    return Face(np.array([x, 10, x + side, 10 + side], np.float32), None, confidence, seen=seen)


def video(frames):
    return MediaHeader("b.avi", "video", len(frames), len(frames), 25.0)


def one_threshold(run):
    return DecisionRule(fake_from=run.threshold, real_below=run.threshold)


def scored(run, header, frames, rule=None):
    """The result of frames that are lists of (face, score)."""
    score_of = dict(pair for frame in frames for pair in frame)
    rule = rule or one_threshold(run)
    faces = [FrameFaces(i, [f for f, _ in frame]) for i, frame in enumerate(frames)]
    return result_of(run, rule, header, faces, score_of)


def test_of_several_faces_in_a_photograph_the_highest_score_counts(run):
    result = scored(run, PHOTO, [[(face(), 0.2), (face(100), 0.7)]])
    assert result.score == result.faces[0].score == 0.7
    assert [each.score for each in result.faces] == [0.7, 0.2]
    assert result.notes == ("2 faces: the highest score counts",)


def test_a_photograph_without_a_face_has_no_score(run):
    result = scored(run, PHOTO, [[]])
    assert (result.score, result.verdict, result.faces) == (None, "no face", ())
    assert result.notes == ("no face was found, nor after brightening, turning and enlarging",)


def test_the_verdict_is_fake_from_the_threshold_on(run):
    for score, verdict in ((run.threshold, "fake"), (run.threshold - 0.01, "real")):
        assert scored(run, PHOTO, [[(face(), score)]]).verdict == verdict


def test_a_face_in_a_video_has_the_mean_score_of_its_track(run):
    frames = [[(face(10 + i), score)] for i, score in enumerate((0.2, 0.4, 0.9))]
    result = scored(run, video(frames), frames)
    assert result.score == pytest.approx(0.5)
    assert [sighting.frame for sighting in result.faces[0].sightings] == [0, 1, 2]
    assert result.faces[0].most_suspicious.frame == 2
    np.testing.assert_array_equal(result.faces[0].box, frames[2][0][0].box)
    assert (result.frames_used, result.notes) == (3, ())


def test_a_face_seen_briefly_is_listed_but_does_not_decide(run):
    frames = [[(face(), 0.3)] for _ in range(8)]
    frames[5].append((face(200), 0.9))
    result = scored(run, video(frames), frames)
    assert [(each.score, each.decides) for each in result.faces] == [(pytest.approx(0.3), True), (0.9, False)]
    assert result.score == pytest.approx(0.3)
    assert result.notes == ("1 face is doubtful and not counted: small or brief beside the others",)


def test_a_piece_of_a_building_taken_for_a_face_does_not_decide_over_the_speaker(run):
    frames = [[(face(side=100), 0.2)] for _ in range(12)]
    for frame in frames[:4]:
        frame.append((face(300, 45, 0.83), 0.99))
    result = scored(run, video(frames), frames)
    assert (result.score, result.verdict) == (pytest.approx(0.2), "real")
    assert result.faces[1].doubt == "perhaps no face (mean confidence 0.83)"


def test_where_every_face_is_doubtful_the_verdict_is_uncertain(run):
    result = scored(run, PHOTO, [[(face(confidence=0.8), 0.99)]])
    assert (result.verdict, result.score) == ("uncertain", 0.99)
    assert result.notes == ("every face is doubtful: perhaps no face",)


def test_the_highest_of_many_faces_is_lowered_for_their_number(run):
    rule = DecisionRule(fake_from=0.95, real_below=0.8, false_alarms=REALS)
    crowd = [(face(100 * i), 0.96 if i == 3 else 0.5) for i in range(10)]
    alone, among = scored(run, PHOTO, [[crowd[3]]], rule), scored(run, PHOTO, [crowd], rule)
    assert (alone.verdict, among.verdict) == ("fake", "real")
    assert among.score == pytest.approx(0.96**10, abs=0.02)  # 1 - (1 - p) ** 10 with p = 1 - score
    assert among.faces[0].score == 0.96
    assert among.notes == ("10 faces: the highest score counts, lowered from 0.960 for their number",)


def test_detections_of_low_confidence_weigh_less_in_a_face_score(run):
    frames = [[(face(confidence=1.0), 0.2)], [(face(confidence=1.0), 0.2)], [(face(confidence=0.71), 0.9)]]
    assert scored(run, video(frames), frames).score == pytest.approx(0.2, abs=0.02)


def test_a_small_face_and_one_that_took_a_second_look_are_noted(run):
    size = run.settings.data.image_size
    (note,) = scored(run, PHOTO, [[(face(side=size / run.crop.margin / 2), 0.3)]]).notes
    assert "enlarged 2.0 times" in note
    (note,) = scored(run, PHOTO, [[(face(seen="turned by 90 degrees"), 0.3)]]).notes
    assert note == "found in the picture turned by 90 degrees"


def test_frames_without_a_face_are_noted(run):
    frames = [[(face(), 0.3)], [], [(face(), 0.3)], []]
    assert scored(run, video(frames), frames).notes == ("a face was found in 2 of 4 frames",)
    (note,) = scored(run, video(frames), [[]] * 4).notes
    assert note.startswith("no face was found in 4 frames")


def test_a_video_that_ends_early_is_noted_as_partial(run):
    frames = [FrameFaces(index, [], index / 25) for index in range(8)]
    header = MediaHeader("b.avi", "video", 8, 8, 25.0, cut_short=True, frames_lost=2)
    notes = result_of(run, one_threshold(run), header, frames, {}).notes
    assert notes[0] == "partial: the file is cut short, it can be read up to 0.3 s"
    assert notes[1] == "damage inside the stream: 2 frames can't be decoded"


@pytest.mark.parametrize(("damaged", "score"), [({2, 3}, 0.25), ({0, 1, 2, 3}, 0.5)])
def test_damaged_frames_count_only_where_there_are_no_others(run, damaged, score):
    faces = [face(10 + i) for i in range(4)]
    frames = [FrameFaces(i, [faces[i]], i / 25, damaged=i in damaged) for i in range(4)]
    score_of = dict(zip(faces, (0.2, 0.3, 0.7, 0.8), strict=True))
    result = result_of(run, one_threshold(run), video(frames), frames, score_of)
    assert result.score == pytest.approx(score)
    assert result.notes[0].startswith(
        f"damage inside the stream: {len(damaged)} of 4 frames that were read are damaged"
    )
    (listed,) = as_json(result)["faces"]
    assert listed["seconds"] == listed["frame"] / 25


def test_attention_that_was_trained_without_masks_is_noted():
    lae = trained.opened_lae()
    (note,) = scored(lae, PHOTO, [[(face(), 0.3)]]).notes
    assert "masks" in note
    second_stage = dataclasses.replace(lae, info={**lae.info, "checkpoint": {**lae.info["checkpoint"], "stage": 2}})
    assert scored(second_stage, PHOTO, [[(face(), 0.3)]]).notes == ()
    assert note not in scored(lae, PHOTO, [[]]).notes


def test_a_damaged_photograph_counts_and_is_noted(run):
    seen = face()
    result = result_of(run, one_threshold(run), PHOTO, [FrameFaces(0, [seen], 0.0, damaged=True)], {seen: 0.3})
    assert result.score == 0.3
    assert result.notes[0].startswith("damage inside the file: ")
