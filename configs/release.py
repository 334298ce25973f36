"""The detector that comes with the package, from photographs on disk to the folder in it.

    options="--dataset folder --face_detector mtcnn --margin 1.3 --size 128 --landmarks"
    dfdetect prepare --root DATA/dfdc_faces --name dfdc_faces $options
    dfdetect prepare --root DATA/celeba --name celeba $options --splits identity --allow_one_class
    dfdetect prepare --root DATA/gan --name gan $options --splits identity
    dfdetect prepare --root DATA/unsplash_stylegan2 --name unsplash_stylegan2 $options --splits identity
    dfdetect train --config configs/release.py --workdir runs/release
    title="dfdetect_jax 0.2's detector of forged faces: LAE on EfficientNet-Lite0"
    dfdetect export --run runs/release --dtype float16 --notes configs/release.txt --title "$title" \\
        --out released

Reals of four sources and DFDC's face swaps are trained on; of the generated faces of the last two none. Half of the
images of every source are fakes: a fifth of those of DFDC self-blended, and all of the others', so that neither the
source of a picture nor the traces of one generator decide. The decoder, which only draws the reconstruction, is small
and has no adversary.
"""

from configs import lae
from dfdetect_jax.config import LAESettings, override
from dfdetect_jax.errors import SettingsError

SETS = ("dfdc_faces", "celeba", "gan", "unsplash_stylegan2")


def get_config(preset: str = "") -> LAESettings:
    """The settings of the release; there are no presets.

    Raises:
        SettingsError: a preset was named.
    """
    if preset:
        raise SettingsError(f'configs/release.py: expected no preset, found "{preset}"')
    return override(
        lae.get_config("dfdc_faces"),
        {
            "data.name": ",".join(SETS),
            "data.train_forgeries": ("dfdc",),
            "model.width": 0.5,
            "augment.self_blend.share": 0.1,
            "augment.blur.probability": 0.2,  # half of the preset's, which a network of this size can't fit
            "augment.downscale.probability": 0.2,
            "augment.noise.probability": 0.2,
            "augment.jpeg.probability": 0.5,
            "augment.jpeg.quality": (40, 100),
            "augment.erase.probability": 0.0,
            "loss.adversarial": 0.0,
            "train.steps": 3000,
            "train.eval_every": 500,
            "train.log_every": 25,
            "active.start": 0,
        },
    )
