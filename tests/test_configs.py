"""The settings files: each preset is valid and matches its name."""

import pytest

from configs import cae, classifier, forensic_transfer, lae, mesoinception4, multi_task, recce
from dfdetect_jax.config import check, to_dict
from dfdetect_jax.data import catalog
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
    settings = cae.get_config("faceforensics_scratch")
    assert (settings.data.name, settings.data.image_size) == ("faceforensics", 299)
    assert (settings.model.width, settings.model.middle_blocks) == (1.0, 8)
    assert settings.train.batch_size == 32


def test_faceforensics_starts_from_published_weights_and_is_else_as_published():
    pretrained, scratch = (to_dict(cae.get_config(f"faceforensics{form}")) for form in ("", "_scratch"))
    assert pretrained.pop("model")["pretrained"] == "imagenet"
    assert scratch.pop("model")["encoder"] == "xception"
    assert pretrained == scratch


@pytest.mark.parametrize("settings", [cae.get_config("faces"), lae.get_config("faces"), lae.get_config("dfdc_faces")])
def test_faces_of_ones_own_are_augmented_and_blended_and_start_from_published_weights(settings):
    check(settings)
    assert [source.network for source in settings.required_weights] == ["efficientnet_lite0"]
    assert settings.augment.preset == "strong"
    assert settings.augment.self_blend.share > 0


@pytest.mark.parametrize("preset", lae.EMBEDDED)
def test_the_embedded_presets_of_the_lae_need_no_download(preset):
    settings = check(lae.get_config(preset))
    assert settings.data.name == "forge"
    assert settings.loss.perceptual == 0
    assert len(settings.data.train_forgeries) == (1 if preset else 3)
    assert settings.active.share <= 0.03


@pytest.mark.parametrize("preset", lae.PAPER)
def test_the_papers_presets_of_the_lae_have_every_term_and_name_the_weights_it_needs(preset):
    settings = check(lae.get_config(preset))
    assert [source.network for source in settings.required_weights] == ["vgg16"]
    loss = settings.loss
    assert min(loss.latent, loss.pixel, loss.perceptual, loss.adversarial, loss.attention) > 0


@pytest.mark.parametrize("preset", lae.PAPER)
def test_the_papers_presets_of_the_lae_read_what_prepare_writes_without_a_name(preset):
    assert lae.get_config(preset).data.name in catalog.NAMES


RIVALS = (classifier, forensic_transfer, mesoinception4, multi_task, recce)


@pytest.mark.parametrize(("config", "preset"), [(config, preset) for config in RIVALS for preset in config.PRESETS])
def test_every_preset_of_the_rivals_is_allowed_and_says_by_its_name_what_it_reads(config, preset):
    settings = check(config.get_config(preset))
    assert settings.method == config.__name__.rpartition(".")[2]
    assert settings.data.name == ("faceforensics" if preset.startswith("faceforensics") else "forge")
    assert (settings.augment.self_blend.share == 0.5) == preset.endswith("self_blended")


@pytest.mark.parametrize("config", RIVALS)
def test_the_rivals_need_no_download_and_refuse_a_preset_that_they_lack(config):
    assert not config.get_config().required_weights
    with pytest.raises(SettingsError, match="faceforensics"):
        config.get_config("celebdf")


def test_an_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(SettingsError, match="single_branch, faces"):
        cae.get_config("celebdf")
    with pytest.raises(SettingsError, match="swap, attribute, inpainting"):
        lae.get_config("swapp")
