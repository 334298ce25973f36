"""Encoders by name: who has which form, and what is refused before anything is trained."""

import jax
import jax.numpy as jnp
import pytest
from flax.traverse_util import flatten_dict

from dfdetect_jax.config import CAEModel, LAEModel
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.models import encoders
from dfdetect_jax.models.encoders import FEATURE_MAP, PYRAMID


def test_each_form_has_its_encoders():
    assert encoders.names(FEATURE_MAP) == ("efficientnet_lite0", "xception")
    assert encoders.names(PYRAMID) == ("efficientnet_lite0", "unet")


@pytest.mark.parametrize(
    ("form", "model", "told"),
    [
        (FEATURE_MAP, CAEModel(encoder="xeption"), 'found "xeption"; did you mean "xception"?'),
        (FEATURE_MAP, CAEModel(encoder="unet"), "expected one of efficientnet_lite0, xception"),
        (PYRAMID, LAEModel(encoder="xception"), "expected one of efficientnet_lite0, unet"),
        (PYRAMID, LAEModel(pretrained="imagenet"), "which has no published weights"),
        (FEATURE_MAP, CAEModel(pretrained="x.h5", width=0.5), "model.width: expected 1.0"),
        (FEATURE_MAP, CAEModel(pretrained="x.h5", middle_blocks=2), "model.middle_blocks: expected 8"),
    ],
)
def test_what_an_encoder_cannot_do_is_refused_in_one_line(form, model, told):
    with pytest.raises(SettingsError) as refused:
        encoders.check(form, model)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", [name for name in encoders.names() if encoders.find(name).published])
def test_every_layout_names_a_layer_for_each_module_and_none_twice(name):
    published = encoders.find(name).published
    image = jax.ShapeDtypeStruct((1, 96, 96, 3), jnp.float32)
    variables = jax.eval_shape(lambda x: published.network().init(jax.random.key(0), x, False), image)
    modules = {"/".join(path[1:-1]) for path in flatten_dict(variables)}
    unnamed_in_keras = [f"{kind}_{i}" for kind in ("conv2d", "batch_normalization") for i in range(1, 5)]
    for layouts in published.layouts.values():
        for layout in layouts:
            layers = layout(unnamed_in_keras)
            assert set(layers) >= modules
            named = [(layers[module], module.endswith("depthwise")) for module in modules]  # Keras joins two of them
            assert len(set(named)) == len(named)


def test_an_encoder_from_outside_is_found_by_its_name(monkeypatch):
    monkeypatch.setattr(encoders, "_registered", dict(encoders._registered))
    encoders.register("mine", encoders.Encoder(feature_map=lambda model, axis_name, remat: "network"))
    assert encoders.build(FEATURE_MAP, CAEModel(encoder="mine"), None, False) == "network"
