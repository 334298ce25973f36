"""The embedded data set: its contents, and that each unit depends on nothing else."""

import pickle

import numpy as np
import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data import forge
from dfdetect_jax.data.example import SPLITS, Label

CROP = Crop(size=48)


@pytest.fixture(scope="session")
def test_examples():
    (unit,) = [unit for unit in forge.plan_units(40) if unit.split == "test"]
    return forge.render_unit(unit, CROP)


def test_each_task_has_one_seen_and_one_unseen_forgery():
    tasks = {task for task, _ in forge.FORGERIES.values()}
    assert tasks == {"swap", "attribute", "inpainting"}
    for task in tasks:
        assert sorted(seen for of, seen in forge.FORGERIES.values() if of == task) == [False, True]


def test_splits_have_their_sizes_and_half_of_each_is_real():
    units = forge.plan_units(4000)
    sizes = {split: 2 * sum(unit.portraits for unit in units if unit.split == split) for split in SPLITS}
    assert sizes == {"train": 4000, "val": 600, "test": 1600}


def test_units_cover_each_portrait_once():
    for split in SPLITS:
        numbers = [n for u in forge.plan_units(1000) if u.split == split for n in range(u.first, u.first + u.portraits)]
        assert numbers == list(range(len(numbers)))


def test_training_and_validation_hold_seen_forgeries_and_test_holds_all():
    seen = {name for name, (_, seen) in forge.FORGERIES.items() if seen}
    assert set(forge.forgeries_of("train")) == set(forge.forgeries_of("val")) == seen
    assert set(forge.forgeries_of("test")) == set(forge.FORGERIES)


def test_a_unit_renders_a_real_and_a_forged_example_of_each_portrait(test_examples):
    assert {example.forgery for example in test_examples} == {"", *forge.FORGERIES}
    for real, fake in zip(test_examples[::2], test_examples[1::2], strict=True):
        assert (real.label, fake.label) == (Label.REAL, Label.FAKE)
        assert fake.source == real.video
        assert fake.identity == real.identity
        assert not real.mask.any()
        assert 0.002 < (fake.mask == 255).mean() < 0.4
        assert set(np.unique(fake.mask)) == {0, 255}
        assert real.image.shape == (48, 48, 3)
        assert real.image.dtype == real.mask.dtype == np.uint8


def test_example_names_are_unique(test_examples):
    assert len({example.key for example in test_examples}) == len(test_examples)


def test_a_unit_renders_the_same_whenever_and_wherever_it_is_rendered():
    units = forge.plan_units(60)
    np.random.seed(1)
    first = [forge.render_unit(units[i], CROP) for i in (0, 1)]
    np.random.seed(2)
    again = [forge.render_unit(pickle.loads(pickle.dumps(units[i])), CROP) for i in (1, 0)][::-1]
    for a, b in zip([*first[0], *first[1]], [*again[0], *again[1]], strict=True):
        np.testing.assert_array_equal(a.image, b.image)
        np.testing.assert_array_equal(a.mask, b.mask)
        assert a.key == b.key
