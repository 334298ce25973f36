"""The settings files: each preset is allowed, and is what its name says."""

import pytest

from configs import cae
from dfdetect_jax.config import check, to_dict
from dfdetect_jax.errors import SettingsError


@pytest.mark.parametrize("preset", cae.PRESETS)
def test_every_preset_of_the_cae_is_allowed(preset):
    check(cae.get_config(preset))


def test_the_single_branch_differs_from_the_cae_in_lambda_alone():
    joint, single = to_dict(cae.get_config()), to_dict(cae.get_config("single_branch"))
    assert joint["loss"]["reconstruction_weight"] > 0
    assert single["loss"]["reconstruction_weight"] == 0
    single["loss"]["reconstruction_weight"] = joint["loss"]["reconstruction_weight"]
    assert joint == single


def test_faceforensics_is_at_the_scale_of_the_paper():
    settings = cae.get_config("faceforensics")
    assert (settings.data.name, settings.data.image_size) == ("faceforensics", 299)
    assert (settings.model.width, settings.model.middle_blocks) == (1.0, 8)
    assert settings.train.batch_size == 32


def test_an_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(SettingsError, match="single_branch, faceforensics"):
        cae.get_config("celebdf")
