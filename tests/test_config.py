"""Settings: allowed values, and the messages for others."""

import dataclasses
import json

import jax
import pytest

from dfdetect_jax.config import (
    CAEModel,
    CAESettings,
    ClassifierSettings,
    Crop,
    ForensicTransferSettings,
    LAESettings,
    MesoInception4Settings,
    RECCESettings,
    Settings,
    check,
    check_crop,
    from_dict,
    override,
    to_dict,
)
from dfdetect_jax.config.augment import PRESETS
from dfdetect_jax.config.describe import describe
from dfdetect_jax.config.lae import PERCEPTUAL_LAYERS
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.methods import read_settings
from dfdetect_jax.models import vgg


def lae() -> LAESettings:
    """The defaults without the term that needs a file."""
    return changed("loss.perceptual", 0.0, LAESettings())


def changed(path: str, value, settings: Settings = CAESettings()) -> Settings:  # noqa: B008 (frozen)
    """A copy with one other value, of whatever type."""
    name, _, rest = path.partition(".")
    return dataclasses.replace(settings, **{name: changed(rest, value, getattr(settings, name)) if rest else value})


def test_the_defaults_are_allowed():
    check(CAESettings())
    check_crop(Crop())


def test_settings_survive_json():
    settings = changed("data.train_forgeries", ("a", "b"))
    assert from_dict(CAESettings, json.loads(json.dumps(to_dict(settings)))) == settings


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("seed", -1, "at least 0"),
        ("data.image_size", 8, "at least 32"),
        ("data.image_size", 10**9, "at most 1024"),
        ("seed", 10**30, "at most 4294967295, found a larger integer"),
        ("data.workers", -1, "at least 0"),
        ("data.forge_images", 0, "at least"),
        ("augment.preset", "benchmrk", 'did you mean "benchmark"'),
        ("augment.jitter", 1.5, "0 to 1"),
        ("augment.jitter_probability", -0.1, "0 to 1"),
        ("augment.hue.degrees", 270.0, "0 to 180"),
        ("augment.hue.saturation", 1.5, "0 to 1"),
        ("augment.pca.strength", -1.0, "0 to 1"),
        ("augment.warp.rotate", 200.0, "0 to 180"),
        ("augment.warp.scale", 1.0, "0 to 0.5"),
        ("augment.warp.shift", 0.7, "0 to 0.5"),
        ("augment.blur.sigma", (2.0, 1.0), "two rising numbers from 0 to 20"),
        ("augment.downscale.factor", (0.0, 1.0), "two rising numbers from 0.05 to 1"),
        ("augment.noise.sigma", (5.0,), "two rising numbers"),
        ("augment.jpeg.probability", 2.0, "0 to 1"),
        ("augment.jpeg.quality", (0, 100), "two rising numbers from 1 to 100"),
        ("augment.jpeg.chroma", "422", "420, 444"),
        ("augment.erase.area", (0.1, 0.9), "two rising numbers from 0 to 0.5"),
        ("augment.self_blend.share", 0.6, "0 to 0.5"),
        ("augment.self_blend.strength", 3.0, "0 to 2"),
        ("augment.self_blend.face", 3.0, "0 to 2"),
        ("model.width", 0.0, "0.01 to 8"),
        ("model.middle_blocks", -1, "at least 0"),
        ("model.middle_blocks", 10**9, "at most 64"),
        ("model.decoder_widths", (8,) * 5000, "at most 10 channel counts"),
        ("model.decoder_widths", (10**9,), "of at most 8192"),
        ("model.latent", "mapp", 'did you mean "map"'),
        ("model.decoder_widths", (), "one or more"),
        ("model.decoder_widths", (8, 0), "one or more"),
        ("model.classifier_width", 0, "at least 1"),
        ("loss.reconstruction_weight", float("inf"), "finite"),
        ("loss.reconstruct", "fakes", "all, real"),
        ("optimizer.learning_rate", -1.0, "0 to 1"),
        ("optimizer.weight_decay", 2.0, "0 to 1"),
        ("optimizer.warmup_steps", -1, "at least 0"),
        ("optimizer.schedule", "cosin", 'did you mean "cosine"'),
        ("optimizer.clip_norm", float("nan"), "finite"),
        ("optimizer.ema_decay", 1.0, "0 to 0.99999"),
        ("train.batch_size", 0, "at least 1"),
        ("train.steps", 0, "at least 1"),
        ("train.log_every", 0, "at least 1"),
        ("train.eval_every", 0, "at least 1"),
        ("train.keep", 0, "at least 1"),
    ],
)
def test_an_impossible_value_is_answered_with_what_is_allowed(path, value, told):
    with pytest.raises(SettingsError) as error:
        check(changed(path, value))
    message = str(error.value)
    assert message.startswith(path)
    assert told in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("data.image_size", 100, "multiple of 16"),
        ("model.width", 0.0, "0.01 to 8"),
        ("model.stages", 0, "1 to 6"),
        ("model.input", "residue", 'did you mean "residual"'),
        ("model.head", "half", 'did you mean "halves"'),
        ("model.pooling", "max", "log_mean_exp"),
        ("model.discriminator_width", 0.0, "0.01 to 8"),
        ("loss.latent", -1.0, "finite"),
        ("loss.latent_form", "logit", 'did you mean "logistic"'),
        ("loss.sharpness", 0.0, "0.01"),
        ("loss.pixel", float("inf"), "finite"),
        ("loss.perceptual_layers", (), "one or more"),
        ("loss.perceptual_layers", ("relu9_9",), "relu1_1"),
        ("loss.attention_form", "balance", 'did you mean "balanced"'),
        ("discriminator.learning_rate", -1.0, "0 to 1"),
        ("discriminator.ema_decay", 0.5, "never averaged"),
        ("active.masks", "al", 'did you mean "all"'),
        ("active.strategy", "hard", "core_set"),
        ("active.annotator", "peple", 'did you mean "people"'),
        ("active.share", 0.0, "1e-06 to 1"),
        ("active.batch_share", 0.9, "0.001 to 0.5"),
        ("active.start", 0, "at least 1"),
        ("active.start", 10_000, "fewer than the 10000 steps"),
    ],
)
def test_an_impossible_value_of_the_lae_is_answered_with_what_is_allowed(path, value, told):
    with pytest.raises(SettingsError) as error:
        check(changed(path, value, lae()))
    message = str(error.value)
    assert message.startswith(path)
    assert told in message
    assert "\n" not in message


def test_selected_masks_need_fakes_beside_the_self_blended_ones():
    crowded = override(lae(), {"augment.self_blend.share": 0.45})
    with pytest.raises(SettingsError, match=r'active\.batch_share: expected at most the 0\.05 .*active\.masks="none"'):
        check(crowded)
    assert check(override(crowded, {"active.masks": "none"})).learns_self_blended_masks


def test_masks_of_self_blended_fakes_are_learnt_from_where_there_are_any():
    blending = override(lae(), {"augment.self_blend.share": 0.25})
    assert blending.learns_self_blended_masks
    assert not lae().learns_self_blended_masks
    for path, value in (("active.self_blended", False), ("loss.attention", 0.0)):
        assert not override(blending, {path: value}).learns_self_blended_masks
    assert "active.self_blended" in lae().unread
    assert "active.self_blended" not in blending.unread


def test_the_perceptual_term_takes_the_installed_weights_unless_others_are_named():
    (installed,) = check(LAESettings()).required_weights
    assert (installed.network, installed.source) == ("vgg16", "imagenet")
    (named,) = check(changed("loss.vgg16", "vgg16.h5", LAESettings())).required_weights
    assert named.source == "vgg16.h5"


@pytest.mark.parametrize(
    ("pretrained", "source", "sha256"),
    [
        ("imagenet", "imagenet", ""),
        ("a#b.pth", "a#b.pth", ""),
        (f"a#b.pth#{'0f' * 32}", "a#b.pth", "0f" * 32),
        (f"owner/name/file@v1#{'0F' * 32}", "owner/name/file@v1", "0F" * 32),
    ],
)
@pytest.mark.parametrize("settings", [CAESettings(), lae()], ids=["cae", "lae"])
def test_an_encoders_weights_are_named_with_their_digest_behind(settings, pretrained, source, sha256):
    settings = override(settings, {"model.encoder": "efficientnet_lite0", "model.pretrained": pretrained})
    (required,) = settings.required_weights
    assert (required.network, required.source, required.sha256) == ("efficientnet_lite0", source, sha256)


def test_every_layer_of_vgg16_can_be_named_and_no_other():
    assert PERCEPTUAL_LAYERS == vgg.LAYER_NAMES


def test_the_plain_classifier_has_no_halves_to_compare():
    for path, value in (("loss.latent_form", "absolute"), ("loss.attention_form", "max")):
        with pytest.raises(SettingsError, match="halves"):
            check(changed(path, value, changed("model.head", "linear", lae())))


def test_settings_are_read_back_as_those_of_their_method():
    for settings in (CAESettings(), lae()):
        assert read_settings(json.loads(json.dumps(to_dict(settings)))) == settings
    with pytest.raises(SettingsError, match='found "cea"'):
        read_settings({"method": "cea"})


def test_one_methods_settings_are_not_anothers():
    with pytest.raises(SettingsError, match='expected "cae" in these settings, found "lae"'):
        check(changed("method", "lae"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("train.steps", 1.5),
        ("train.steps", True),
        ("data.train_forgeries", "Deepfakes"),
        ("data.train_forgeries", (1,)),
    ],
)
def test_a_value_of_another_type_is_refused(path, value):
    with pytest.raises(SettingsError, match=path.rpartition(".")[2]):
        check(changed(path, value))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(SettingsError, match=r"config\.model\.widht; did you mean config\.model\.width\?"):
        from_dict(CAESettings, {"model": {"widht": 1.0}})


def test_an_unknown_name_like_no_other_is_answered_with_all_there_are():
    with pytest.raises(SettingsError, match=", ".join(field.name for field in dataclasses.fields(CAEModel))):
        from_dict(CAESettings, {"model": {"qqq": 1.0}})


def test_a_crop_by_landmarks_needs_a_detector_that_has_them():
    with pytest.raises(SettingsError, match="haar"):
        check_crop(Crop(face_detector="haar", align="landmarks"))
    check_crop(Crop(face_detector="haar", align="box"))


def test_pictures_taken_whole_have_neither_landmarks_nor_a_margin():
    with pytest.raises(SettingsError, match="none"):
        check_crop(Crop(face_detector="none", margin=1.0))
    with pytest.raises(SettingsError, match="which takes pictures whole"):
        check_crop(Crop(face_detector="none", align="box"))
    check_crop(Crop(face_detector="none", align="box", margin=1.0))


@pytest.mark.parametrize(
    ("name", "root", "json"),
    [
        ("deepfakebench", "", ""),
        ("deepfakebench", "/rgb", ""),
        ("forge", "/rgb", "list.json"),
        ("forge", "", "list.json"),
    ],
)
def test_the_benchmarks_root_and_list_belong_together_and_to_it(name, root, json):
    settings = override(CAESettings(), {"data.name": name, "data.root": root, "data.json": json})
    with pytest.raises(SettingsError, match=r"data\.root, data\.json: expected both with"):
        check(settings)


@pytest.mark.parametrize("kind", [CAESettings, ClassifierSettings, RECCESettings])
def test_a_strangers_settings_never_build_a_network_without_end(kind):
    with pytest.raises(SettingsError, match=r"model\.middle_blocks: expected at most 64"):
        check(override(kind(), {"model.middle_blocks": 10**9}))


def test_checked_settings_can_be_hashed_and_not_changed():
    settings = check(CAESettings())
    step = jax.jit(lambda x, settings: x * settings.loss.reconstruction_weight, static_argnames="settings")
    assert step(2.0, settings=settings) == pytest.approx(0.2)
    assert hash(settings) == hash(CAESettings())
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.train.steps = 1


def test_an_override_is_by_path_and_leaves_the_original_alone():
    settings = CAESettings()
    changed = override(settings, {"train.steps": 7, "seed": 3})
    assert (changed.train.steps, changed.seed) == (7, 3)
    assert (settings.train.steps, settings.seed) == (10_000, 0)
    with pytest.raises(SettingsError, match=r"did you mean config\.train\.steps\?"):
        override(settings, {"train.step": 7})
    with pytest.raises(SettingsError, match="a single value"):
        override(settings, {"seed.x": 7})


def test_a_preset_sets_its_group_before_the_other_values_and_leaves_self_blending_alone():
    before = override(CAESettings(), {"augment.self_blend.share": 0.25})
    after = override(before, {"augment.jpeg.quality": (70, 90), "augment.preset": "benchmark"})
    assert (after.augment.preset, after.augment.warp.rotate, after.augment.warp.probability) == ("benchmark", 10.0, 0.5)
    assert (after.augment.jpeg.probability, after.augment.jpeg.quality) == (0.5, (70, 90))
    assert after.augment.self_blend.share == 0.25
    assert not override(after, {"augment.preset": "none"}).augment.flip
    with pytest.raises(SettingsError, match=r'augment\.preset: .*did you mean "strong"'):
        override(before, {"augment.preset": "strongg"})


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_of_augmentation_is_allowed(name):
    settings = check(override(CAESettings(), {"augment.preset": name}))
    assert from_dict(CAESettings, json.loads(json.dumps(to_dict(settings)))) == settings


def test_how_strong_a_change_is_goes_unread_where_none_is_made():
    assert override(CAESettings(), {"augment.blur.sigma": (1.0, 2.0)}).unread["augment.blur.sigma"] == (
        "augment.blur.probability=0"
    )
    assert "augment.blur.sigma" not in override(CAESettings(), {"augment.preset": "benchmark"}).unread


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("optimizer.drop_step", 5, 'optimizer.schedule="constant"'),
        ("model.pooling", "mean", 'loss.latent_form="absolute"'),
        ("loss.sharpness", 2.0, 'model.head="linear"'),
    ],
)
def test_a_setting_that_nothing_reads_is_refused(path, value, reason):
    cause = {"model.pooling": ("loss.latent_form", "absolute"), "loss.sharpness": ("model.head", "linear")}.get(path)
    settings = changed(*cause, lae()) if cause else lae()
    check(settings)
    with pytest.raises(SettingsError, match=f"{path}: it has no effect with {reason}"):
        check(changed(path, value, settings))


def test_what_only_the_decoder_reads_goes_unread_without_a_reconstruction():
    decoding = override(LAESettings(), {"loss.pixel": 0.0, "loss.perceptual": 0.0})
    without = override(decoding, {"loss.adversarial": 0.0})
    for path in ("model.skips", "model.selection"):
        assert path not in decoding.unread
        assert without.unread[path] == "loss.pixel=0, loss.perceptual=0 and loss.adversarial=0"


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        (ForensicTransferSettings(), "train.remat"),
        (MesoInception4Settings(), "train.remat"),
        (MesoInception4Settings(), "optimizer.encoder_rate"),
        (MesoInception4Settings(), "optimizer.encoder_start"),
    ],
)
def test_what_a_network_has_no_part_for_goes_unread(settings, path):
    assert settings.unread[path] == f'method="{settings.method}"'
    assert path not in CAESettings().unread


@pytest.mark.parametrize("settings", [CAESettings(), lae(), ForensicTransferSettings(), MesoInception4Settings()])
def test_settings_name_only_what_there_is_as_unread(settings):
    paths = {each.path for each in describe(settings)}
    assert set(settings.unread) <= paths


@pytest.mark.parametrize("settings", [CAESettings(), LAESettings()])
def test_every_setting_has_a_meaning(settings):
    assert [each.path for each in describe(settings) if not each.meaning] == []


def test_what_a_method_needs_is_asked_of_its_settings():
    cae, plain = CAESettings(), lae()
    assert (cae.required_weights, cae.adversary_optimizer, cae.active, cae.mask_learning) == ((), None, None, None)
    assert plain.required_weights == ()
    assert plain.adversary_optimizer == plain.discriminator
    assert changed("loss.adversarial", 0.0, plain).adversary_optimizer is None
    assert plain.mask_learning == plain.active
    assert changed("active.masks", "none", plain).mask_learning is None
    (source,) = changed("loss.vgg16", "f.h5", LAESettings()).required_weights
    assert (source.network, source.source, source.layers) == ("vgg16", "f.h5", ("relu2_2", "relu3_3"))
