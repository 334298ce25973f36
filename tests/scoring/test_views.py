import numpy as np
import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.media.crop import warp
from dfdetect_jax.media.face import Face
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.methods import Prediction
from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.face_crops import crop_frame
from dfdetect_jax.scoring.result import HeatKind
from dfdetect_jax.scoring.views import VIDEO_VIEWS, check_finite, heat_kind, heat_kinds, heat_maps, to_uint8, views_of
from tests import trained

ANY = (Verdict.REAL, Verdict.FAKE)


def test_heat_is_the_mean_difference_to_the_reconstruction():
    crops = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1).repeat(3, axis=-1)
    reconstruction = np.array([[-1.0, 0.0, 0.5], [1.0, 1.0, 0.4]], np.float32).reshape(1, 1, 2, 3)
    prediction = Prediction(np.zeros(1), None, reconstruction)
    assert heat_kind(prediction) == "reconstruction error"
    np.testing.assert_allclose(heat_maps(prediction, crops), [[[(0 + 1 + 1.5) / 3, 0.6 / 3]]], rtol=1e-6)


def test_heat_is_the_attention_of_a_method_that_has_one():
    attention = np.float32([[[0.2, 0.9]]])
    prediction = Prediction(np.zeros(1), attention, np.ones((1, 1, 2, 3), np.float32))
    assert heat_kind(prediction) == "attention"
    np.testing.assert_array_equal(heat_maps(prediction, np.zeros((1, 1, 2, 3), np.uint8)), attention)


def test_where_the_reconstruction_fails_is_shown_before_what_raises_the_score():
    activation = np.float32([[[3.0, 0.5]]])
    prediction = Prediction(np.zeros(1), None, np.zeros((1, 1, 2, 3), np.float32), class_activation=activation)
    crops = np.full((1, 1, 2, 3), 255, np.uint8)
    assert heat_kinds(prediction) == ("reconstruction error", "class activation")
    np.testing.assert_array_equal(heat_maps(prediction, crops), [[[1, 1]]])
    np.testing.assert_array_equal(heat_maps(prediction, crops, HeatKind.CLASS_ACTIVATION), activation)
    alone = prediction._replace(reconstruction=None)
    assert heat_kind(alone) == "class activation"
    np.testing.assert_array_equal(heat_maps(alone, crops), activation)
    assert heat_kinds(alone._replace(class_activation=None)) == ()


def test_reconstructions_become_pictures_in_their_own_colours():
    values = np.float32([[-1, 0, 1], [-1.2, 0.5, 1.3]])
    np.testing.assert_array_equal(to_uint8(values), [[0, 128, 255], [0, 191, 255]])
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 3), np.uint8)
    np.testing.assert_array_equal(to_uint8(images / np.float32(127.5) - 1), images)


def test_a_view_of_a_photograph_is_its_prediction(score, run, media):
    (face,) = score(media["one"], views=ANY).faces
    prediction = run.predict(face.view.crop[None])
    assert face.score == face.view.sighting.score == pytest.approx(prediction.score[0], abs=1e-5)
    inside = face.view.heat > 0
    np.testing.assert_allclose(
        face.view.heat[inside], heat_maps(prediction, face.view.crop[None])[0][inside], atol=1e-4
    )
    np.testing.assert_allclose(
        face.view.class_activation[inside], prediction.class_activation[0][inside], rtol=1e-3, atol=1e-5
    )
    difference = face.view.reconstruction.astype(int) - to_uint8(prediction.reconstruction)[0]
    assert np.abs(difference).max() <= 1
    np.testing.assert_array_equal(face.view.crop, warp(trained.one_face(), face.view.matrix, 40))
    np.testing.assert_array_equal(face.view.image, trained.one_face())
    assert face.view.scale == 1


def test_the_views_of_a_video_are_its_most_suspicious_frames_in_order(score, media):
    result = score(media["pan"], views=ANY)
    highest = sorted(result.faces[0].sightings, key=lambda sighting: -sighting.score)[:VIDEO_VIEWS]
    assert [view.sighting.frame for view in result.views] == sorted(sighting.frame for sighting in highest)
    assert result.faces[0].view.sighting.score == pytest.approx(highest[0].score, abs=1e-6)


def test_an_lae_shows_its_attention(face_detector):
    lae, image = trained.opened_lae(), trained.one_face()
    (view,) = views_of(lae, crop_frame(lae, Frame(0, 0.0, image), face_detector([image])[0], surroundings=True))
    assert view.heat_kind == "attention"
    inside = view.heat > 0
    assert inside.any()
    np.testing.assert_allclose(view.heat[inside], lae.predict(view.crop[None]).attention[0][inside], atol=1e-5)


def test_heat_is_zero_beyond_the_edge_of_the_picture(run, face_detector):
    image = trained.one_face()
    close = np.ascontiguousarray(image[45:, 100:])
    (face,) = face_detector([image])[0]
    moved = Face(face.box - np.float32([100, 45, 100, 45]), face.landmarks - np.float32([100, 45]), 1.0)
    (view,) = views_of(run, crop_frame(run, Frame(0, 0.0, close), [moved], surroundings=True))
    beyond = warp(np.full_like(close, 255), view.matrix, 40)[..., 0] < 128
    assert beyond.any()
    assert (view.heat[beyond] == 0).all()
    assert (view.class_activation[beyond] == 0).all()
    assert (view.heat[~beyond] > 0).any()


def test_no_crops_make_no_views(run):
    assert views_of(run, []) == []


def test_scores_that_are_not_finite_are_refused():
    check_finite(np.array([0.0, 1.0]))
    with pytest.raises(RunError, match="this run diverged"):
        check_finite(np.array([0.5, np.nan]))
