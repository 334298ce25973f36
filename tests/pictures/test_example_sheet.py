import numpy as np

from dfdetect_jax.methods import Prediction
from dfdetect_jax.pictures import canvas
from dfdetect_jax.pictures.example_sheet import example_sheet


def sheet(n, attention=None, masks=None, reconstruction=True):
    prediction = Prediction(
        score=np.full(n, 0.9),
        attention=attention,
        reconstruction=np.zeros((n, 8, 8, 3), np.float32) if reconstruction else None,
    )
    images = np.full((n, 8, 8, 3), 128, np.uint8)
    return example_sheet(images, masks or [None] * n, prediction, ["swap\nfake 0.9"] * n)


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
