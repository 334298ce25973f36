import dataclasses
import itertools
import threading

import av
import numpy as np
import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import BadMediaError, RunError
from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.detectors import whole_pictures
from dfdetect_jax.media.video import evenly_spaced, read_frames
from dfdetect_jax.scoring import media_frames, stream
from dfdetect_jax.scoring.channel import Clock
from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.stream import Limits, score_files, score_images
from tests import trained
from tests.media.clips import write_clip

ANY = (Verdict.REAL, Verdict.FAKE)


@pytest.fixture(scope="module")
def plain(run):
    """A run that takes whole pictures, so that no faces are searched for."""
    return dataclasses.replace(run, crop=Crop(size=40, margin=1.0, align="box", face_detector="none"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """70 small photographs of noise."""
    folder, noise = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    pictures = noise.integers(0, 256, (70, 24, 24, 3), np.uint8)
    return [str(trained.write_photo(folder / f"{i}.png", picture)) for i, picture in enumerate(pictures)]


@pytest.fixture
def calls(plain, photos, monkeypatch):
    """How often photographs are decoded, and the sizes of the batches that are scored and predicted."""
    counts = {"decoded": [], "scored": [], "predicted": []}
    read, score, predict = media_frames.read_photograph, plain.predictor.score, plain.predictor.predict
    monkeypatch.setattr(media_frames, "read_photograph", lambda path: counts["decoded"].append(path) or read(path))
    monkeypatch.setattr(plain.predictor, "score", lambda x: counts["scored"].append(len(x)) or score(x))
    monkeypatch.setattr(plain.predictor, "predict", lambda x: counts["predicted"].append(len(x)) or predict(x))
    return counts


def scored_by_hand(run, face_detector, image):
    face = face_detector([image])[0][0]
    crop = warp(image, crop_matrix(face, run.crop), run.settings.data.image_size)
    return float(run.predict(crop[None]).score[0])


def test_a_photograph_is_scored_on_the_crop_that_training_would_make(score, run, face_detector, media):
    result = score(media["one"])
    assert result.score == pytest.approx(scored_by_hand(run, face_detector, trained.one_face()), abs=1e-5)
    assert (result.path, result.kind, result.frames_used, result.views) == (media["one"], "image", 1, ())


def test_a_video_is_scored_in_evenly_spaced_frames(score, run, face_detector, media):
    result = score(media["pan"], frames=8)
    by_hand = [scored_by_hand(run, face_detector, frame.image) for frame in read_frames(media["pan"], range(0, 15, 2))]
    assert result.score == pytest.approx(np.mean(by_hand), abs=1e-5)
    assert [sighting.frame for sighting in result.faces[0].sightings] == list(range(0, 15, 2))
    assert (result.frames_declared, result.frames_read, result.frames_used, result.fps) == (15, 8, 8, trained.FPS)
    assert result.notes == ()


def test_a_short_video_is_scored_on_all_its_frames(score, media):
    assert score(media["pan"]).frames_used == 15


def test_a_video_cut_short_is_scored_as_far_as_it_can_be_read(score, tmp_path):
    clip = trained.write_clip(tmp_path / "cut.avi", [trained.one_face()] * 40)
    result = score(trained.cut_short(clip, 0.5), frames=8)
    assert 8 < result.frames_declared < 40
    assert result.frames_read == 8
    assert result.notes[0].startswith("partial: the file is cut short, it can be read up to")
    assert result.score is not None


def test_a_video_with_a_hole_is_scored_on_evenly_spaced_frames_of_those_that_decode(score, tmp_path):
    path = write_clip(tmp_path / "hole.mp4", [trained.one_face()] * 40)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    content[places[25] : places[30]] = bytes(places[30] - places[25])
    path.write_bytes(content)
    result = score(path, frames=8)
    assert (result.frames_declared, result.frames_read, result.frames_lost) == (35, 8, 5)
    assert result.notes[0] == "damage inside the stream: 5 frames can't be decoded"
    assert [sighting.frame for sighting in result.faces[0].sightings][:4] == evenly_spaced(35, 8)[:4]


def test_files_scored_together_score_as_they_do_alone(score, run, face_detector, media):
    alone = {path: score(path, frames=12) for path in media.values()}
    together = dict(score_files(run, face_detector, media.values(), frames=12, limits=Limits(detectors=2)))
    assert list(together) == list(alone)
    for path, result in together.items():
        assert same(result, alone[path])


def same(result, other):
    """Whether two results are equal, scores to rounding."""
    assert [len(face.sightings) for face in result.faces] == [len(face.sightings) for face in other.faces]
    sightings, others = (
        [(s.frame, *s.face.box, s.score) for face in each.faces for s in face.sightings] for each in (result, other)
    )
    np.testing.assert_allclose(sightings, others, atol=1e-5)
    return dataclasses.replace(result, faces=()) == dataclasses.replace(other, faces=())


def test_arrays_score_as_files_do(score, run, face_detector, media):
    images = [trained.one_face(), trained.no_face(), trained.two_faces()]
    results = score_images(run, face_detector, images, views=ANY)
    assert [len(result.views) for result in results] == [1, 0, 2]
    for result, name in zip(results, ("one", "none", "two"), strict=True):
        assert same(result, dataclasses.replace(score(media[name]), path=""))


@pytest.mark.parametrize("image", [np.zeros((9, 9, 3)), np.zeros((9, 9), np.uint8), np.zeros((0, 9, 3), np.uint8)])
def test_arrays_that_are_no_photographs_are_refused(plain, image):
    with pytest.raises(BadMediaError, match=r"image 1: expected RGB as uint8 \[H, W, 3\], found"):
        score_images(plain, whole_pictures, [np.zeros((9, 9, 3), np.uint8), image])


def test_a_photograph_is_decoded_once_and_predicted_once_with_its_views(plain, photos, calls):
    results = dict(score_files(plain, whole_pictures, photos, views=ANY))
    assert all(len(result.views) == 1 for result in results.values())
    assert sorted(calls["decoded"]) == sorted(photos)
    assert calls["predicted"] == [32, 32, 6]
    assert calls["scored"] == []


def test_without_views_maps_are_not_computed(plain, photos, calls):
    results = list(score_files(plain, whole_pictures, photos[:3]))
    assert not any(result.views for _, result in results)
    assert (len(calls["decoded"]), calls["scored"], calls["predicted"]) == (3, [3], [])


def test_only_results_of_the_requested_verdicts_carry_views(plain, photos):
    scores = [result.score for _, result in score_files(plain, whole_pictures, photos[:8])]
    halfway = dataclasses.replace(plain, threshold=float(np.median(scores)))
    results = [result for _, result in score_files(halfway, whole_pictures, photos[:8], views=[Verdict.FAKE])]
    assert 0 < sum(result.verdict == "fake" for result in results) < 8
    assert [bool(result.views) for result in results] == [result.verdict == "fake" for result in results]


def test_a_video_that_can_not_be_read_again_for_its_views_keeps_its_score_with_a_note(score, media, monkeypatch):
    def gone(path, indices, expected):
        raise BadMediaError(f"{path}: gone")

    before = score(media["pan"])
    monkeypatch.setattr("dfdetect_jax.scoring.views.read_frames", gone)
    result = score(media["pan"], views=ANY)
    assert (result.score, result.views) == (before.score, ())
    assert result.notes[-1].startswith("without its picture: ")


def test_faces_of_many_files_share_full_batches(plain, photos, calls):
    assert len(list(score_files(plain, whole_pictures, photos))) == 70
    assert calls["scored"] == [32, 32, 6]


def test_a_bad_file_is_one_answer_and_stops_nothing(plain, photos, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    bad = [str(tmp_path / "text.jpg"), "absent.mp4", str(tmp_path), "nul\0.jpg"]
    paths = [path for pair in zip(bad, photos, strict=False) for path in pair]
    answers = list(score_files(plain, whole_pictures, paths))
    assert [path for path, _ in answers] == paths
    assert [isinstance(answer, BadMediaError) for _, answer in answers] == [True, False] * 4


def test_paths_are_read_as_they_are_needed(plain, photos):
    count = itertools.count()
    endless = (photos[next(count) % 70] for _ in itertools.repeat(None))
    answers = score_files(plain, whole_pictures, endless, limits=Limits(readers=3, files=8))
    for _ in range(50):
        next(answers)
    answers.close()
    assert next(count) <= 50 + 8 + 3


def test_a_slow_path_does_not_hold_up_the_files_before_it(plain, photos):
    more = threading.Event()

    def paths():
        yield photos[0]
        more.wait(30)
        yield photos[1]

    answers = score_files(plain, whole_pictures, paths(), limits=Limits(patience=0.05))
    assert next(answers)[0] == photos[0]
    more.set()
    assert next(answers)[0] == photos[1]


def test_an_error_in_a_thread_reaches_the_caller(plain, photos):
    def paths():
        yield photos[0]
        raise OSError("the list is gone")

    def broken(frames):
        raise ZeroDivisionError("the face detector is broken")

    with pytest.raises(OSError, match="the list is gone"):
        list(score_files(plain, whole_pictures, paths()))
    with pytest.raises(ZeroDivisionError, match="the face detector is broken"):
        list(score_files(plain, broken, photos))


def test_a_run_that_diverged_is_refused(plain, photos, monkeypatch):
    monkeypatch.setattr(plain.predictor, "score", lambda images: np.full(len(images), np.nan))
    with pytest.raises(RunError, match="diverged"):
        list(score_files(plain, whole_pictures, photos[:2]))


def test_threads_end_with_the_iteration_or_when_it_is_closed(plain, photos):
    before = threading.active_count()
    list(score_files(plain, whole_pictures, photos[:3]))
    closed = score_files(plain, whole_pictures, photos)
    next(closed)
    closed.close()
    assert threading.active_count() == before


def test_frames_wait_in_bounded_memory(plain, tmp_path):
    chunk = 3 * trained.HEIGHT * trained.WIDTH * 8
    clip = trained.write_clip(tmp_path / "long.avi", [trained.no_face()] * 120)
    may_detect, clock = threading.Event(), Clock()

    def slow(frames):
        may_detect.wait(30)
        return whole_pictures(frames)

    answers = score_files(
        plain, slow, [str(clip)], frames=120, clock=clock, limits=Limits(readers=1, bytes_waiting=chunk)
    )
    thread = threading.Thread(target=lambda: list(answers))
    thread.start()
    thread.join(0.5)  # time to decode all, were it allowed
    decoded = clock.seconds["decode"]
    thread.join(0.2)
    assert clock.seconds["decode"] == decoded
    may_detect.set()
    thread.join(30)
    assert clock.seconds["decode"] > decoded


def test_all_stages_are_on_the_clock(plain, photos):
    clock = Clock()
    list(score_files(plain, whole_pictures, photos, clock=clock))
    assert set(clock.seconds) == set(stream.STAGES)
