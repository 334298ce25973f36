import dataclasses

import numpy as np
import pytest
from matplotlib.text import Text

from dfdetect_jax.config import Crop
from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.face import Face
from dfdetect_jax.pictures import canvas, verdict_picture
from dfdetect_jax.scoring.decision import DecisionRule
from dfdetect_jax.scoring.result import HeatKind, Result, ScoredFace, Sighting, View

HEIGHT, WIDTH, SIZE = 120, 160, 32
BOX = (40.0, 30.0, 80.0, 80.0)


def view(score=0.9, frame=0, hot=True, heat_kind=HeatKind.RECONSTRUCTION_ERROR, scale=1.0, class_activation=None):
    """A grey picture whose face reconstructs to itself but for its upper left quarter, if `hot`."""
    image = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    face = Face(np.float32(BOX), None, 1.0)
    matrix = crop_matrix(face, Crop(size=SIZE, align="box", face_detector="haar"))
    heat = np.zeros((SIZE, SIZE), np.float32)
    heat[: SIZE // 2, : SIZE // 2] = hot
    return View(
        sighting=Sighting(frame=frame, face=face, score=score),
        image=image[:: round(1 / scale), :: round(1 / scale)],
        scale=scale,
        matrix=matrix,
        crop=warp(image, matrix, SIZE),
        heat=heat,
        heat_kind=heat_kind,
        reconstruction=np.full((SIZE, SIZE, 3), 128, np.uint8),
        class_activation=class_activation,
    )


def result(views, kind="image", **more):
    mean = float(np.mean([each.sighting.score for each in views]))
    tracks = (ScoredFace(sightings=tuple(each.sighting for each in views), score=mean, views=tuple(views)),)
    rule = DecisionRule(fake_from=0.6, real_below=0.4)
    return Result(path=f"a $file$ 日本 \udcff\n.{kind}", kind=kind, rule=rule, faces=tracks, **more)


def colourful(picture):
    """Share of pixels that are far from grey."""
    return np.mean(np.ptp(picture.astype(int), axis=-1) > 60)


def has_colour(picture, name):
    rgb = np.array([int(canvas.COLOURS[name][i : i + 2], 16) for i in (1, 3, 5)])
    return (np.abs(picture.astype(int) - rgb).max(axis=-1) < 8).sum() > 50


@pytest.mark.parametrize(
    ("score", "name", "other"), [(0.9, "fake", "real"), (0.1, "real", "fake"), (0.5, "uncertain", "fake")]
)
def test_the_box_has_the_colour_of_its_verdict(score, name, other):
    picture = verdict_picture.photo_picture(result([view(score, hot=False)]))
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert has_colour(picture, name)
    assert not has_colour(picture, other)


@pytest.fixture
def written(monkeypatch):
    """The texts of all pictures drawn so far."""
    texts, render = [], verdict_picture.rendered

    def noted(figure):
        texts.extend(text.get_text() for text in figure.findobj(Text))
        return render(figure)

    monkeypatch.setattr(verdict_picture, "rendered", noted)
    return texts


@pytest.mark.parametrize(
    ("heat_kind", "title", "never"),
    [
        (HeatKind.ATTENTION, "most suspicious places", "fails"),
        (HeatKind.RECONSTRUCTION_ERROR, "where the reconstruction fails", "suspicious"),
        (HeatKind.CLASS_ACTIVATION, "what raises the score", "fails"),
    ],
)
@pytest.mark.parametrize("kind", ["image", "video"])
def test_pictures_explain_their_colours(written, heat_kind, title, never, kind):
    verdict_picture.picture_of(result([view(frame=3, heat_kind=heat_kind)], kind))
    words = "; ".join(written)
    assert title in words
    assert never not in words
    assert heat_kind in words


@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_is_called_real_is_not_headed_suspicious_and_boxes_have_a_key(written, kind):
    verdict_picture.picture_of(result([view(0.1, frame=3, heat_kind=HeatKind.ATTENTION)], kind))
    words = "; ".join(written)
    assert "suspicious" not in words
    assert "attention" in words
    assert [word for word in written if word.startswith("■")] == ["■ real"]


def test_what_raises_the_score_stands_beside_the_heat_on_a_scale_of_its_own(written):
    faint = np.zeros((SIZE, SIZE), np.float32)
    faint[:, : SIZE // 2] = 1e-3
    plain = verdict_picture.photo_picture(result([view(hot=False)]))
    assert "what raises the score" not in written
    both = verdict_picture.photo_picture(result([view(hot=False, class_activation=faint)]))
    assert "what raises the score" in written
    assert "where it fails" in written
    assert colourful(both) > colourful(plain)


def test_a_video_shows_its_scores_and_frames():
    with_frames, cold = (
        verdict_picture.video_picture(result([view(0.9, frame, hot=hot) for frame in (3, 7)], "video", fps=10.0))
        for hot in (True, False)
    )
    assert has_colour(with_frames, "fake")
    assert colourful(with_frames) > colourful(cold)


def extents(figure, words):
    """Where texts that begin with `words` lie, in pixels: (left, bottom, right, top) each."""
    boxes = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text().startswith(words)]
    return [box.extents for box in boxes]


@pytest.fixture
def drawn(monkeypatch):
    """The figures drawn so far, with their pages."""
    figures, render = [], verdict_picture.rendered

    def noted(figure):
        page = render(figure)
        figures.append(figure)
        return page

    monkeypatch.setattr(verdict_picture, "rendered", noted)
    return figures


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_long_name_and_many_notes_stay_on_the_page_beside_the_verdict(drawn, kind):
    notes = tuple(f"note {number}: the picture is damaged in its lower rows" for number in range(6))
    long = dataclasses.replace(result([view(0.9, frame=3)], kind, notes=notes), path="n" * 57 + ".jpg")
    verdict_picture.picture_of(long)
    (figure,) = drawn
    width = figure.get_figwidth() * canvas.DPI
    (name,), (verdict,), (note,) = (extents(figure, words) for words in ("nnn", "FAKE", "note 0"))
    assert name[2] < verdict[0]
    assert note[2] < width
    titles = [box for words in ("faces and scores", "3.0 s", "where") for box in extents(figure, words)]
    assert all(title[3] < note[1] for title in titles)


@pytest.mark.parametrize("corner", [(0.0, 0.0), (110.0, 0.0), (110.0, 70.0), (0.0, 70.0)])
def test_the_score_of_a_face_at_an_edge_can_be_read(drawn, corner):
    x, y = corner
    plain = view()
    face = dataclasses.replace(plain.sighting.face, box=np.float32([x, y, x + 50, y + 50]))
    verdict_picture.photo_picture(
        result([dataclasses.replace(plain, sighting=dataclasses.replace(plain.sighting, face=face))])
    )
    (figure,) = drawn
    (label,), axes = extents(figure, "fake 0.90"), figure.axes[0].get_window_extent()
    assert axes.x0 - 1 <= label[0] < label[2] <= axes.x1 + 1
    assert axes.y0 - 1 <= label[1] < label[3] <= axes.y1 + 1
