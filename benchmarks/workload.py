"""The workload of the training-step benchmarks: settings from the command line, a random batch, a VGG16."""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax import methods
from dfdetect_jax.config import LAESettings, Settings, check, override
from dfdetect_jax.models.operations import plain_lowering
from dfdetect_jax.models.vgg import VGG16, VGG16Weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that `settings_from` reads."""
    parser.add_argument("--method", default="cae", choices=("cae", "lae"))
    parser.add_argument("--encoder", help="of the method, such as efficientnet_lite0 (default: the method's)")
    parser.add_argument("--size", type=int, default=128, help="side of the images, pixels")
    parser.add_argument("--batch", type=int, default=8, help="images in a step, over all devices")
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument(
        "--dtype", default="float32", choices=("float32", "bfloat16"), help="dtype that the network computes in"
    )


def settings_from(args: argparse.Namespace) -> Settings:
    """The default settings of a method, overridden by the flags."""
    values = {
        "data.image_size": args.size,
        "train.batch_size": args.batch,
        "train.dtype": args.dtype,
        "model.width": args.width,
    }
    if args.encoder:
        values["model.encoder"] = args.encoder
    if args.method == "lae":
        values["model.discriminator_width"] = args.width
        values["loss.vgg16"] = "random"  # a name is required; `random_weights` are what is used
    return check(override(methods.defaults(args.method), values))


def shape_of(args: argparse.Namespace) -> str:
    """The flags as text for a title."""
    encoder = f"{args.encoder}, " if args.encoder else ""
    return f"{encoder}{args.size} px, batch {args.batch}, width {args.width:g}, {args.dtype}"


def random_batch(settings: Settings) -> dict[str, np.ndarray]:
    n, size = settings.train.batch_size, settings.data.image_size
    images = np.random.default_rng(0).integers(0, 256, (n, size, size, 3), np.uint8)
    batch = {"image": images, "label": np.arange(n, dtype=np.int32) % 2}
    if isinstance(settings, LAESettings):
        masks = np.zeros((n, size, size), np.uint8)
        masks[1::2, : size // 2] = 255
        batch |= {"mask": masks, "has_mask": np.ones(n, bool)}
    return batch


def random_weights(settings: Settings) -> dict[str, VGG16Weights]:
    """By network, as `methods.build` takes them: the perceptual loss takes as long with random weights."""
    if not isinstance(settings, LAESettings):
        return {}
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32)
    params = VGG16(settings.loss.perceptual_layers).lazy_init(jax.random.key(0), image)["params"]
    return {"vgg16": VGG16Weights(params, mean=jnp.zeros(3), std=jnp.ones(3))}


def parameters_of(state: methods.TrainState) -> int:
    """The number of parameters that a step reads: of the detector, its adversary and frozen networks."""
    trees = [state.params, state.adversary and state.adversary.params, state.frozen and state.frozen.params]
    return sum(p.size for p in jax.tree.leaves(trees))


def arithmetic(method: methods.Method, state: methods.TrainState, batch: dict[str, np.ndarray]) -> float:
    """FLOP of one step as the method is written, before a compiler lowers it in its own way.

    Counted by XLA's analysis for the CPU: backends behind a plug-in, GPUs among them, don't offer theirs.
    """
    shapes = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), (state, batch))
    with jax.default_device(jax.devices("cpu")[0]), plain_lowering(True):
        return jax.jit(method.train_step).lower(*shapes).cost_analysis()["flops"]
