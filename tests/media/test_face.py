from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.media.face import Face, overlap, track

# In skimage.data.astronaut(), read off by eye: eyes, nose, corners of the mouth.
POINTS = np.array([(203, 101), (246, 103), (222, 127), (203, 140), (245, 141)])


def face(x, y, side=40.0) -> Face:
    return Face(np.float32([x, y, x + side, y + side]), None, 1.0)


def test_the_face_and_its_five_points_are_found(mtcnn, astronaut):
    ((found,),) = mtcnn([astronaut])
    assert found.confidence > 0.95
    assert (found.box.dtype, found.landmarks.dtype, found.landmarks.shape) == (np.float32, np.float32, (5, 2))
    np.testing.assert_allclose(found.landmarks, POINTS, atol=4)
    x0, y0, x1, y1 = found.box
    assert ((x0, y0) < POINTS.min(axis=0) - 10).all()
    assert ((x1, y1) > POINTS.max(axis=0) + 10).all()
    assert 80 < x1 - x0 < 110


def test_no_face_is_found_where_there_is_none(mtcnn, temple):
    assert mtcnn([temple]) == [[]]
    assert load_face_detector("haar")([temple]) == [[]]


def test_a_picture_smaller_than_a_face_has_none(mtcnn):
    assert mtcnn([np.zeros((20, 30, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)]) == [[], []]
    assert mtcnn([]) == []


def test_a_batch_gives_what_each_frame_gives_alone(mtcnn, astronaut, temple):
    smaller = cv2.resize(astronaut, (400, 380), interpolation=cv2.INTER_AREA)
    frames = [smaller, temple, astronaut, smaller[:, ::-1].copy(), astronaut]
    together = mtcnn(frames)
    assert [len(faces) for faces in together] == [1, 0, 1, 1, 1]
    for frame, faces in zip(frames, together, strict=True):
        for one, other in zip(mtcnn([frame])[0], faces, strict=True):
            np.testing.assert_allclose(one.box, other.box, atol=0.01)
            np.testing.assert_allclose(one.landmarks, other.landmarks, atol=0.01)


def test_a_mirrored_picture_gives_mirrored_points_with_left_still_left(mtcnn, astronaut):
    ((found,),) = mtcnn([astronaut[:, ::-1].copy()])
    mirrored = np.stack([511 - POINTS[:, 0], POINTS[:, 1]], axis=1)[[1, 0, 2, 4, 3]]
    np.testing.assert_allclose(found.landmarks, mirrored, atol=4)


def test_several_faces_come_largest_first(mtcnn, astronaut):
    head = astronaut[20:220, 120:320]
    picture = np.full((240, 420, 3), 128, np.uint8)
    picture[20:140, 10:130] = cv2.resize(head, (120, 120), interpolation=cv2.INTER_AREA)
    picture[20:220, 200:400] = head
    (faces,) = mtcnn([picture])
    assert [found.box[0] > 190 for found in faces] == [True, False]


def test_min_face_leaves_small_faces_out(astronaut):
    assert load_face_detector("mtcnn", min_face=250)([astronaut]) == [[]]
    assert load_face_detector("haar", min_face=150)([astronaut]) == [[]]


def test_haar_finds_the_face_without_landmarks(astronaut):
    found = load_face_detector("haar")([astronaut])[0][0]
    assert found.landmarks is None
    assert ((found.box[:2] < POINTS.min(axis=0)) & (found.box[2:] > POINTS.max(axis=0))).all()


def test_threads_may_share_a_haar_detector(astronaut):
    haar = load_face_detector("haar")
    small = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    pictures = [small, small[:, ::-1].copy(), small[:150].copy()] * 4
    alone = [haar([picture])[0] for picture in pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: haar([picture])[0], pictures))
    assert any(alone)
    for faces, expected in zip(together, alone, strict=True):
        np.testing.assert_array_equal([face.box for face in faces], [face.box for face in expected])


@pytest.mark.parametrize(("name", "min_face"), [("retina", 40), ("mtcnn", 11), ("haar", 0)])
def test_an_unknown_detector_or_an_impossible_size_is_refused(name, min_face):
    with pytest.raises(SettingsError, match="expected"):
        load_face_detector(name, min_face)


def test_overlap_is_intersection_over_union():
    assert overlap(np.array([0, 0, 10, 10]), np.array([5, 0, 15, 10])) == pytest.approx(50 / 150)
    assert overlap(np.array([0, 0, 10, 10]), np.array([20, 0, 30, 10])) == 0
    assert overlap(np.array([5, 5, 5, 5]), np.array([5, 5, 5, 5])) == 0


def test_two_people_who_move_are_two_tracks():
    left = [face(10 + 5 * t, 20) for t in range(4)]
    right = [face(200 - 5 * t, 30, side=60) for t in range(4)]
    # The face detector's order changes with the sizes; the tracks don't.
    frames = [[left[0], right[0]], [right[1], left[1]], [right[2], left[2]], [left[3], right[3]]]
    assert track(frames) == [right, left]


def test_a_track_outlives_a_missed_frame():
    one, two, three = face(10, 10), face(14, 10), face(18, 10)
    assert track([[one], [], [two], [three]]) == [[one, None, two, three]]


def test_a_track_unseen_for_long_is_not_taken_up_again():
    early, late = face(10, 10), face(10, 10)
    tracks = track([[early], *[[]] * 6, [late]])
    assert sorted(len([f for f in seen if f]) for seen in tracks) == [1, 1]
    assert all(len(seen) == 8 for seen in tracks)


def test_each_face_is_in_one_track_only():
    old = face(10, 10)
    near, far = face(12, 10), face(30, 10)
    tracks = track([[old], [near, far]])
    assert tracks == [[old, near], [None, far]]


def test_the_person_seen_long_and_large_comes_first():
    extra = face(300, 10, side=90)
    main = [face(10, 10, side=60) for _ in range(5)]
    frames = [[person] for person in main]
    frames[2] = [extra, main[2]]
    tracks = track(frames)
    assert tracks[0] == main
    assert tracks[1] == [None, None, extra, None, None]


def test_no_faces_make_no_tracks():
    assert track([[], []]) == []
    assert track([]) == []
