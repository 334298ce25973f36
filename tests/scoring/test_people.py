"""People in a video: tracks joined across cuts, and faces too doubtful to decide."""

import numpy as np
import pytest

from dfdetect_jax.media.face import Face
from dfdetect_jax.scoring.people import FrameFaces, doubt, people_in, trust


def face(x, side=100.0, confidence=1.0):
    return Face(np.array([x, 10, x + side, 10 + side], np.float32), None, confidence)


def looks(angle):
    """A description at that angle, in degrees, to another: their likeness is its cosine."""
    return np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], np.float32)


def frames(*faces):
    return [FrameFaces(index, list(each)) for index, each in enumerate(faces)]


def places(people):
    return [[index for index, _ in person.faces] for person in people]


def test_one_person_across_cuts_is_one_person():
    shots = [face(0), face(5), face(400), face(405), face(800)]
    appearance_of = {each: looks(angle) for each, angle in zip(shots, (0, 10, 20, 5, 25), strict=True)}
    assert places(people_in(frames(*[[each] for each in shots]), appearance_of)) == [[0, 1, 2, 3, 4]]


def test_people_who_look_different_stay_apart():
    shots = [face(0), face(400), face(800)]
    appearance_of = {each: looks(angle) for each, angle in zip(shots, (0, 40, 80), strict=True)}
    assert len(people_in(frames(*[[each] for each in shots]), appearance_of)) == 3


def test_two_faces_of_one_frame_are_two_people_however_alike():
    twins, later = (face(0), face(400)), face(800)
    appearance_of = dict.fromkeys((*twins, later), looks(0))
    people = people_in(frames(twins, [later]), appearance_of)
    assert sorted(places(people)) == [[0], [0, 1]]


def test_the_most_alike_are_joined_first():
    one, other, later = face(0), face(400), face(800)
    appearance_of = {one: looks(0), other: looks(30), later: looks(20)}
    people = people_in(frames([one, other], [later]), appearance_of)
    assert [f for person in people if len(person.faces) == 2 for _, f in person.faces] == [other, later]


def test_without_appearance_boxes_alone_join():
    assert len(people_in(frames([face(0)], [face(5)], [face(800)]))) == 2


@pytest.mark.parametrize(
    ("beside", "reason"),
    [
        ([face(500, 90)] * 8, ""),
        ([face(500, 20)] * 8, "too small"),
        ([face(500, 40)] * 3, "small or brief beside the others"),
        ([face(500, 90)] * 2, "small or brief beside the others"),
        ([face(500, 90, 0.83)] * 8, "perhaps no face"),
        ([face(500, 60, 0.952)] * 3, "small or brief beside the others"),
    ],
)
def test_size_time_and_confidence_weigh(beside, reason):
    """Beside a speaker of 100 pixels in each of 8 frames."""
    seen = [[face(0)] for _ in range(8)]
    for here, other in zip(seen, beside, strict=False):
        here.append(Face(other.box, None, other.confidence))
    speaker, other = people_in(frames(*seen))
    assert (speaker.prominence, doubt(speaker)) == (1.0, "")
    assert doubt(other).partition(" (")[0] == reason


def test_a_lonely_false_alarm_is_doubtful():
    (person,) = people_in(frames([face(0, confidence=0.85)]))
    assert doubt(person) == "perhaps no face (mean confidence 0.85)"


def test_trust_rises_with_confidence():
    assert [round(trust(face(0, confidence=c)), 2) for c in (0.5, 0.7, 0.825, 0.95, 1.0)] == [0, 0, 0.5, 1, 1]


def test_a_crowd_is_joined_in_seconds():
    random = np.random.default_rng(0)
    crowd = [[face(200 * i, 100 + j % 3) for i in range(20)] for j in range(30)]
    crowd = [crowd[j] if j % 2 else [face(200 * i + 100, 100) for i in range(20)] for j in range(30)]
    appearance_of = {each: random.random(944, np.float32) / 18 for here in crowd for each in here}
    assert len(people_in(frames(*crowd), appearance_of)) >= 20
