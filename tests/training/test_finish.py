"""The sheet of examples that a finished run writes."""

import numpy as np

from dfdetect_jax.data.records import Records
from dfdetect_jax.training import finish
from tests import trained


def test_the_sheet_shows_every_forgery_with_the_masks_that_are_known(monkeypatch):
    sheet = {}

    def arguments_of(images, masks, prediction, captions):
        sheet.update(images=images, masks=masks, prediction=prediction, captions=captions)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(finish, "example_sheet", arguments_of)
    folder = trained.lae_folders()[1]
    finish.examples_of(trained.opened_lae(), folder, "test")
    records = Records(folder, "test")
    names = [caption.split("\n")[0] for caption in sheet["captions"]]
    assert set(names) == {forgery or "real" for forgery in records.forgeries}
    assert max(names.count(name) for name in names) <= finish.PER_FORGERY
    by_image = {records[i]["image"].tobytes(): records[i]["mask"] for i in range(len(records))}
    for name, image, mask in zip(names, sheet["images"], sheet["masks"], strict=True):
        np.testing.assert_array_equal(mask, by_image[image.tobytes()])
        assert mask.any() == (name != "real")
    assert sheet["prediction"].attention.shape == sheet["images"].shape[:3]
