import cv2
import numpy as np
import pytest
from matplotlib.text import Text

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import RunError
from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.drawing import is_drawing
from dfdetect_jax.media.face import Face
from dfdetect_jax.methods import Prediction
from dfdetect_jax.pictures import canvas, sheets
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
    rgb = np.array([int(sheets.COLOURS[name][i : i + 2], 16) for i in (1, 3, 5)])
    return (np.abs(picture.astype(int) - rgb).max(axis=-1) < 8).sum() > 50


@pytest.mark.parametrize(
    ("score", "name", "other"), [(0.9, "fake", "real"), (0.1, "real", "fake"), (0.5, "uncertain", "fake")]
)
def test_the_box_has_the_colour_of_its_verdict(score, name, other):
    picture = sheets.photo_picture(result([view(score, hot=False)]))
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert has_colour(picture, name)
    assert not has_colour(picture, other)


@pytest.fixture
def written(monkeypatch):
    """The texts of all pictures drawn so far."""
    texts, render = [], sheets.rendered

    def noted(figure):
        texts.extend(text.get_text() for text in figure.findobj(Text))
        return render(figure)

    monkeypatch.setattr(sheets, "rendered", noted)
    return texts


@pytest.mark.parametrize("shrink", [1.0, 0.5])
def test_heat_is_laid_where_the_face_is_in_the_photograph(shrink):
    each = view(scale=shrink)
    over = sheets.heat_overlay([each], canvas.heat_scale(each.heat_kind, each.heat))
    assert over.shape == each.image.shape
    coloured = np.ptp(over.astype(int), axis=-1) > 20
    # The crop is the square of 1.3 x 50 pixels around (60, 55); its upper left quarter is hot.
    rows, columns = np.nonzero(coloured)
    assert (columns.min() / shrink, rows.min() / shrink) == pytest.approx((60 - 32.5, 55 - 32.5), abs=2.5)
    assert (columns.max() / shrink, rows.max() / shrink) == pytest.approx((60, 55), abs=2.5)


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
    sheets.picture_of(result([view(frame=3, heat_kind=heat_kind)], kind))
    words = "; ".join(written)
    assert title in words
    assert never not in words
    assert heat_kind in words


@pytest.mark.parametrize("kind", ["image", "video"])
def test_what_is_called_real_is_not_headed_suspicious_and_boxes_have_a_key(written, kind):
    sheets.picture_of(result([view(0.1, frame=3, heat_kind=HeatKind.ATTENTION)], kind))
    words = "; ".join(written)
    assert "suspicious" not in words
    assert "attention" in words
    assert [word for word in written if word.startswith("■")] == ["■ real"]


def test_what_raises_the_score_stands_beside_the_heat_on_a_scale_of_its_own(written):
    faint = np.zeros((SIZE, SIZE), np.float32)
    faint[:, : SIZE // 2] = 1e-3
    plain = sheets.photo_picture(result([view(hot=False)]))
    assert "what raises the score" not in written
    both = sheets.photo_picture(result([view(hot=False, class_activation=faint)]))
    assert "what raises the score" in written
    assert "where it fails" in written
    assert colourful(both) > colourful(plain)


def test_a_video_shows_its_scores_and_frames():
    with_frames, cold = (
        sheets.video_picture(result([view(0.9, frame, hot=hot) for frame in (3, 7)], "video", fps=10.0))
        for hot in (True, False)
    )
    assert has_colour(with_frames, "fake")
    assert colourful(with_frames) > colourful(cold)


def sheet(n, attention=None, masks=None, reconstruction=True):
    prediction = Prediction(
        score=np.full(n, 0.9),
        attention=attention,
        reconstruction=np.zeros((n, 8, 8, 3), np.float32) if reconstruction else None,
    )
    images = np.full((n, 8, 8, 3), 128, np.uint8)
    return sheets.example_sheet(images, masks or [None] * n, prediction, ["swap\nfake 0.9"] * n)


def test_the_sheet_grows_by_a_row_per_example():
    one, three = sheet(1), sheet(3)
    assert one.shape[1] == three.shape[1]
    assert 2.2 < three.shape[0] / one.shape[0] < 3


def test_the_sheet_shows_attention_beside_the_true_mask():
    mask = np.zeros((8, 8), np.uint8)
    mask[:4] = 255
    attention = np.float32(mask[None] > 0)
    plain, right = sheet(1), sheet(1, attention, [mask])
    wrong = sheet(1, attention, [255 - mask])
    assert right.shape[0] == plain.shape[0]
    assert right.shape[1] > plain.shape[1]
    # The mask is all that differs, and its column is black and white.
    columns = np.flatnonzero((right != wrong).any(axis=(0, 2)))
    assert 1.4 * canvas.DPI < np.ptp(columns) < 1.7 * canvas.DPI
    differing = right[:, columns][(right != wrong).any(axis=-1)[:, columns]]
    assert np.ptp(differing.astype(int), axis=-1).max() == 0
    assert sheet(1, attention, [None]).shape == right.shape
    assert sheet(1, attention, [mask], reconstruction=False).shape[1] < right.shape[1]


def test_a_picture_is_written_whole_in_its_own_colours(tmp_path):
    picture = np.zeros((4, 5, 3), np.uint8)
    picture[..., 0] = 200
    for drawing in (False, True):
        sheets.write_png(tmp_path / "deeper" / "a.png", picture, drawing=drawing)
        assert cv2.imread(str(tmp_path / "deeper" / "a.png"))[0, 0].tolist() == [0, 0, 200]
        assert [path.name for path in (tmp_path / "deeper").iterdir()] == ["a.png"]
        assert is_drawing(tmp_path / "deeper" / "a.png") == drawing


def test_a_place_that_cant_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a place to write"):
        sheets.write_png(tmp_path / "file" / "a.png", np.zeros((2, 2, 3), np.uint8))
