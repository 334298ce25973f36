import dataclasses

import jax
import numpy as np
import pytest

from dfdetect_jax.errors import BadMediaError, RunError
from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.video import read_frames
from dfdetect_jax.methods import Prediction
from dfdetect_jax.scoring import steps
from dfdetect_jax.scoring.views import heat_maps, heat_shows, video_views
from tests import trained


@pytest.fixture(scope="module")
def run():
    return trained.opened()


@pytest.fixture(scope="module")
def face_detector(run):
    return load_face_detector(run.crop.face_detector)


def scored_by_hand(run, face_detector, image):
    face = face_detector([image])[0][0]
    crop = warp(image, crop_matrix(face, run.crop), run.settings.data.image_size)
    return float(run.predict(crop[None]).score[0])


def test_a_photograph_is_scored_on_the_crop_that_training_would_make(run, face_detector, tmp_path):
    path = trained.write_photo(tmp_path / "a.png", trained.one_face())
    result, views = steps.score_photo(run, face_detector, path)
    assert result.score == pytest.approx(scored_by_hand(run, face_detector, read_image(path)), abs=1e-6)
    assert result.verdict == ("fake" if result.score >= run.threshold else "real")
    assert (result.frames_used, result.notes) == (1, ())
    assert views[0].crop.shape == (40, 40, 3)
    assert views[0].heat.shape == (40, 40)


def test_of_several_faces_the_highest_counts(run, face_detector, tmp_path):
    path = trained.write_photo(tmp_path / "two.png", trained.two_faces())
    result, views = steps.score_photo(run, face_detector, path)
    assert len(result.faces) == len(views) == 2
    assert result.score == result.faces[0].score == max(face.score for face in result.faces)
    assert "2 faces" in result.notes[0]


def test_without_a_face_there_is_no_score(run, face_detector, tmp_path):
    result, views = steps.score_photo(run, face_detector, trained.write_photo(tmp_path / "t.png", trained.no_face()))
    assert (result.score, result.verdict, result.faces, views) == (None, "no face", (), [])
    assert result.notes == ("no face was found",)


def test_a_video_scores_the_mean_over_evenly_spaced_frames(run, face_detector, tmp_path):
    clip = trained.write_clip(tmp_path / "pan.avi", [trained.one_face(2 * i) for i in range(15)])
    result = steps.score_video(run, face_detector, clip, frames=8)
    by_hand = [scored_by_hand(run, face_detector, image) for _, image in read_frames(clip, range(0, 15, 2))]
    assert result.score == pytest.approx(np.mean(by_hand), abs=1e-5)
    assert [sighting.frame for sighting in result.faces[0].sightings] == list(range(0, 15, 2))
    assert (result.frames_declared, result.frames_read, result.frames_used) == (15, 8, 8)
    assert result.fps == trained.FPS
    assert result.notes == ()


def test_a_short_video_is_scored_on_all_its_frames(run, face_detector, tmp_path):
    clip = trained.write_clip(tmp_path / "short.avi", [trained.one_face(i) for i in range(8)])
    result = steps.score_video(run, face_detector, clip)
    assert (result.frames_used, result.notes) == (8, ())


def test_a_video_cut_short_is_reported_partial_and_still_scored(run, face_detector, tmp_path):
    clip = trained.write_clip(tmp_path / "cut.avi", [trained.one_face()] * 40)
    result = steps.score_video(run, face_detector, trained.cut_short(clip, 0.5), frames=8)
    assert result.frames_declared == 40
    assert 0 < result.frames_read < 8
    assert result.notes[0].startswith("partial: declared 40 frames, but of the 8 asked for only")
    assert result.score is not None


def test_a_face_seen_briefly_is_listed_but_does_not_decide(run, face_detector, tmp_path):
    frames = [trained.two_faces() if i == 5 else trained.one_face(100) for i in range(8)]
    result = steps.score_video(run, face_detector, trained.write_clip(tmp_path / "brief.avi", frames))
    assert [face.decides for face in result.faces][:1] == [True]
    assert not result.faces[-1].decides
    assert result.score == result.faces[0].score
    assert "seen too briefly" in result.notes[-1]


def test_the_views_of_a_video_are_its_most_suspicious_frames_in_order(run, face_detector, tmp_path):
    clip = trained.write_clip(tmp_path / "pan.avi", [trained.one_face(4 * i) for i in range(8)])
    result = steps.score_video(run, face_detector, clip)
    views = video_views(run, result, 3)
    highest = sorted(result.faces[0].sightings, key=lambda sighting: -sighting.score)[:3]
    assert [view.sighting.frame for view in views] == sorted(sighting.frame for sighting in highest)
    assert max(view.sighting.score for view in views) == pytest.approx(highest[0].score, abs=1e-6)


def test_a_video_without_a_face_says_in_how_many_frames(run, face_detector, tmp_path):
    result = steps.score_video(run, face_detector, trained.write_clip(tmp_path / "t.avi", [trained.no_face()] * 8))
    assert (result.verdict, result.score, result.notes) == ("no face", None, ("no face was found in 8 frames",))
    assert video_views(run, result, 4) == []


def test_a_broken_photograph_is_bad_media(run, face_detector, tmp_path):
    path = trained.cut_short(trained.write_photo(tmp_path / "a.jpg", trained.one_face()), 0.5)
    with pytest.raises(BadMediaError, match=r"a\.jpg"):
        steps.score_photo(run, face_detector, path)


def test_a_run_that_diverged_is_refused(run, face_detector, tmp_path):
    diverged = dataclasses.replace(run, variables=jax.tree.map(lambda a: np.full_like(a, np.nan), run.variables))
    path = trained.write_photo(tmp_path / "a.png", trained.one_face())
    with pytest.raises(RunError, match="diverged"):
        steps.score_photo(diverged, face_detector, path)


def test_heat_is_the_mean_difference_to_the_reconstruction():
    crops = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(3, axis=-1)
    reconstruction = np.array([[-1.0, 0.0, 0.5], [1.0, 1.0, 0.4]], np.float32).reshape(1, 1, 2, 3)
    prediction = Prediction(np.zeros(1), None, reconstruction)
    heat = heat_maps(prediction, crops)
    assert heat_shows(prediction) == "reconstruction error"
    np.testing.assert_allclose(heat, [[[(0 + 1 + 1.5) / 3, 0.6 / 3]]], rtol=1e-6)


def test_heat_is_the_attention_of_a_method_that_has_one():
    attention = np.float32([[[0.2, 0.9]]])
    crops = np.zeros((1, 1, 2, 3), np.uint8)
    prediction = Prediction(np.zeros(1), attention, np.ones((1, 1, 2, 3), np.float32))
    heat = heat_maps(prediction, crops)
    assert heat_shows(prediction) == "attention"
    np.testing.assert_array_equal(heat, attention)


def test_an_lae_looks_where_its_attention_is(face_detector, tmp_path):
    lae = trained.opened_lae()
    _, (view, *_) = steps.score_photo(lae, face_detector, trained.write_photo(tmp_path / "a.png", trained.one_face()))
    attention = lae.predict(view.crop[None]).attention[0]
    assert view.shows == "attention"
    inside = view.heat > 0
    assert inside.any()
    np.testing.assert_allclose(view.heat[inside], attention[inside], atol=1e-5)


def test_attention_that_saw_no_masks_is_told_apart(face_detector, tmp_path):
    path = trained.write_photo(tmp_path / "a.png", trained.one_face())
    lae = trained.opened_lae()
    result, _ = steps.score_photo(lae, face_detector, path)
    assert "learnt from no masks" in result.notes[-1]
    taught = dataclasses.replace(lae, info={**lae.info, "checkpoint": {**lae.info["checkpoint"], "stage": 2}})
    assert steps.score_photo(taught, face_detector, path)[0].notes == ()


def test_heat_is_zero_beyond_the_edge_of_the_picture(run, face_detector, tmp_path):
    close = np.ascontiguousarray(trained.one_face()[45:, 100:])
    _, (view, *_) = steps.score_photo(run, face_detector, trained.write_photo(tmp_path / "close.png", close))
    beyond = warp(np.full_like(close, 255), view.matrix, 40)[..., 0] < 128
    assert beyond.any()
    assert (view.heat[beyond] == 0).all()
    assert (view.heat[~beyond] > 0).any()
