import dataclasses
import itertools
import threading

import jax
import numpy as np
import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import BadMediaError, RunError
from dfdetect_jax.media.detectors import load_face_detector, whole_pictures
from dfdetect_jax.scoring import stream
from dfdetect_jax.scoring.channel import Clock
from dfdetect_jax.scoring.steps import score_photo, score_video
from dfdetect_jax.scoring.stream import score_files
from tests import trained


@pytest.fixture(scope="module")
def run():
    """A run that takes whole pictures, so that no face detector compiles."""
    return dataclasses.replace(trained.opened(), crop=Crop(size=40, margin=1.0, align="box", face_detector="none"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """70 small photographs of noise."""
    folder, noise = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    pictures = noise.integers(0, 256, (70, 24, 24, 3), np.uint8)
    return [str(trained.write_photo(folder / f"{i}.png", picture)) for i, picture in enumerate(pictures)]


def test_files_scored_together_score_as_they_do_alone(tmp_path):
    run = trained.opened()
    face_detector = load_face_detector(run.crop.face_detector)
    two = trained.write_photo(tmp_path / "two.png", trained.two_faces())
    none = trained.write_photo(tmp_path / "none.png", trained.no_face())
    pan = trained.write_clip(tmp_path / "pan.avi", [trained.one_face(2 * i) for i in range(20)])
    cut = trained.cut_short(trained.write_clip(tmp_path / "cut.avi", [trained.one_face()] * 40), 0.5)
    alone = {str(p): score_photo(run, face_detector, p)[0] for p in (two, none)}
    alone |= {str(p): score_video(run, face_detector, p, frames=12) for p in (pan, cut)}
    together = dict(score_files(run, face_detector, list(alone), frames=12, detectors=2))
    assert list(together) == list(alone)
    for path, result in together.items():
        assert same(result, alone[path])


def same(result, other):
    """Whether two results are equal, scores to rounding."""
    assert [len(face.sightings) for face in result.faces] == [len(face.sightings) for face in other.faces]
    seen = [(s.frame, *s.face.box, s.score) for face in result.faces for s in face.sightings]
    seen_alone = [(s.frame, *s.face.box, s.score) for face in other.faces for s in face.sightings]
    np.testing.assert_allclose(seen, seen_alone, atol=1e-5)
    return dataclasses.replace(result, faces=()) == dataclasses.replace(other, faces=())


def test_faces_of_many_files_share_full_batches(run, photos, monkeypatch):
    score, batches = run.predictor.score, []
    monkeypatch.setattr(run.predictor, "score", lambda images: batches.append(len(images)) or score(images))
    assert len(list(score_files(run, whole_pictures, photos))) == 70
    assert batches == [32, 32, 6]


def test_a_bad_file_is_one_answer_and_stops_nothing(run, photos, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    bad = [str(tmp_path / "text.jpg"), "absent.mp4", str(tmp_path), "nul\0.jpg"]
    paths = [path for pair in zip(bad, photos, strict=False) for path in pair]
    answers = list(score_files(run, whole_pictures, paths))
    assert [path for path, _ in answers] == paths
    assert [isinstance(answer, BadMediaError) for _, answer in answers] == [True, False] * 4


def test_paths_are_read_as_they_are_needed(run, photos, monkeypatch):
    monkeypatch.setattr(stream, "_FILES_AHEAD", 8)
    count = itertools.count()
    endless = (photos[next(count) % 70] for _ in itertools.repeat(None))
    answers = score_files(run, whole_pictures, endless, readers=3)
    for _ in range(50):
        next(answers)
    answers.close()
    assert next(count) <= 50 + 8 + 3


def test_a_slow_path_does_not_hold_up_what_came_before(run, photos, monkeypatch):
    monkeypatch.setattr(stream, "_PATIENCE", 0.05)
    more = threading.Event()

    def paths():
        yield photos[0]
        more.wait(30)
        yield photos[1]

    answers = score_files(run, whole_pictures, paths())
    assert next(answers)[0] == photos[0]
    more.set()
    assert next(answers)[0] == photos[1]


def test_what_goes_wrong_in_a_thread_reaches_the_caller(run, photos):
    def paths():
        yield photos[0]
        raise OSError("the list is gone")

    def broken(frames):
        raise ZeroDivisionError("the face detector is broken")

    with pytest.raises(OSError, match="the list is gone"):
        list(score_files(run, whole_pictures, paths()))
    with pytest.raises(ZeroDivisionError, match="the face detector is broken"):
        list(score_files(run, broken, photos))


def test_a_run_that_diverged_is_refused(run, photos):
    diverged = dataclasses.replace(run, variables=jax.tree.map(lambda a: np.full_like(a, np.nan), run.variables))
    with pytest.raises(RunError, match="diverged"):
        list(score_files(diverged, whole_pictures, photos[:2]))


def test_threads_end_with_the_work_or_when_it_is_given_up(run, photos):
    before = threading.active_count()
    list(score_files(run, whole_pictures, photos[:3]))
    given_up = score_files(run, whole_pictures, photos)
    next(given_up)
    given_up.close()
    assert threading.active_count() == before


def test_frames_wait_in_bounded_memory(run, tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "_BYTES_WAITING", 3 * trained.HEIGHT * trained.WIDTH * 8)
    clip = trained.write_clip(tmp_path / "long.avi", [trained.no_face()] * 120)
    may_detect, clock = threading.Event(), Clock()

    def slow(frames):
        may_detect.wait(30)
        return whole_pictures(frames)

    answers = score_files(run, slow, [str(clip)], frames=120, readers=1, clock=clock)
    thread = threading.Thread(target=lambda: list(answers))
    thread.start()
    thread.join(1)  # time to decode all, were it allowed
    decoded = clock.seconds["decode"]
    thread.join(0.2)
    assert clock.seconds["decode"] == decoded
    may_detect.set()
    thread.join(30)
    assert clock.seconds["decode"] > decoded


def test_all_stages_are_on_the_clock(run, photos):
    clock = Clock()
    list(score_files(run, whole_pictures, photos, clock=clock))
    assert set(clock.seconds) == set(stream.STAGES)
