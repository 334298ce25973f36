"""What a run is validated on: the data's fakes, or twins of reals where training uses no others."""

import numpy as np
import pytest

from dfdetect_jax.config import override
from dfdetect_jax.data import records
from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluation.validation_data import validation_batches
from tests.conftest import TINY_CAE
from tests.data.drawn import SIZE, real_example, write_records


@pytest.fixture(scope="module")
def reals(tmp_path_factory):
    root = tmp_path_factory.mktemp("reals")
    return write_records(root / f"drawn/{SIZE}px" / records.VERSION, {"train": 4, "val": 5}, example_of=real_example)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    root = tmp_path_factory.mktemp("drawn")
    return write_records(root / f"drawn/{SIZE}px" / records.VERSION, {"train": 8, "val": 9})


def settings(share, **changes):
    return override(TINY_CAE, {"data.image_size": SIZE, "augment.self_blend.share": share, **changes})


def batches(folder, given, processes=1, index=0):
    """Of four images in each process."""
    job = {"batch_size": 4 * processes, "process_index": index, "process_count": processes}
    return list(validation_batches(folder, given, **job))


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_fakes_of_the_data_are_validated_on_if_they_are_trained_on(drawn, share):
    expected = list(eval_batches(drawn, "val", batch_size=4, image_size=SIZE, forgeries=("paste",)))
    found = batches(drawn, settings(share, **{"data.train_forgeries": ("paste",)}))
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours["image"], theirs["image"])
        np.testing.assert_array_equal(ours["label"], theirs["label"])


def test_a_forgery_that_validation_lacks_is_passed_over_unless_it_lacks_all(drawn):
    expected = batches(drawn, settings(0.0, **{"data.train_forgeries": ("paste",)}))
    found = batches(drawn, settings(0.0, **{"data.train_forgeries": ("paste", "of training alone")}))
    np.testing.assert_array_equal([batch["label"] for batch in found], [batch["label"] for batch in expected])
    with pytest.raises(SettingsError, match="no fakes by 'of training alone' in split 'val'"):
        batches(drawn, settings(0.0, **{"data.train_forgeries": ("of training alone",)}))


def test_reals_alone_are_validated_on_beside_their_self_blended_twins(reals):
    found = batches(reals, settings(0.25))
    images, masks, labels, forgeries, valid, has_mask = (
        np.concatenate([batch[name] for batch in found])
        for name in ("image", "mask", "label", "forgery", "valid", "has_mask")
    )
    assert list(labels[valid > 0]) == [0, 1] * 5
    assert list(forgeries[valid > 0]) == ["", "self_blended"] * 5
    assert has_mask[valid > 0].all()
    videos = np.concatenate([batch["video"] for batch in found])
    assert not set(videos[labels == 1]) & set(videos[labels == 0])
    for real, twin, mask in zip(images[:10:2], images[1:10:2], masks[1:10:2], strict=True):
        assert (real != twin).any()
        assert mask.any()


def test_twins_are_the_same_each_time_and_in_any_number_of_processes(reals):
    once, again = batches(reals, settings(0.5)), batches(reals, settings(0.5))
    parts = [batches(reals, settings(0.5), processes=2, index=i) for i in range(2)]
    for number, (one, other) in enumerate(zip(once, again, strict=True)):
        np.testing.assert_array_equal(one["image"], other["image"])
        np.testing.assert_array_equal(one["image"], parts[number % 2][number // 2]["image"])


def test_half_of_every_batch_self_blended_leaves_no_fakes_of_the_data_to_validate_on(drawn):
    forgeries = {str(name) for batch in batches(drawn, settings(0.5)) for name in batch["forgery"]}
    assert forgeries == {"", "self_blended"}
