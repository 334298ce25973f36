"""Settings of augmentation inside the step: one group per kind of change, presets, and self-blending.

A group with `probability` changes that share of the images, each by a strength of its own, uniform in the range.
"""

import dataclasses

from dfdetect_jax.config.rules import one_of, span, within

CHROMA = ("420", "444")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Hue:
    """Change of colours.

    Attributes:
        probability: share of the images changed.
        degrees: largest rotation of hue, to either side.
        saturation: largest change of saturation, as a share.
    """

    probability: float = 0.0
    degrees: float = 20.0
    saturation: float = 0.2


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pca:
    """Offset along the principal components of natural colours (Krizhevsky et al., NeurIPS 2012, section 4.1).

    Attributes:
        probability: share of the images changed.
        strength: standard deviation of the components' weights.
    """

    probability: float = 0.0
    strength: float = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Warp:
    """Rotation, scaling and shifting together; beyond its border an image continues mirrored.

    Attributes:
        probability: share of the images changed.
        rotate: largest rotation to either side, degrees.
        scale: largest change of scale, as a share.
        shift: largest shift in each direction, as a share of the side.
    """

    probability: float = 0.0
    rotate: float = 10.0
    scale: float = 0.0
    shift: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Blur:
    """Gaussian blur.

    Attributes:
        probability: share of the images changed.
        sigma: least and largest standard deviation, pixels of the network's input.
    """

    probability: float = 0.0
    sigma: tuple[float, ...] = (0.8, 1.4)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Downscale:
    """Shrinking and enlarging to the old size again.

    Attributes:
        probability: share of the images changed.
        factor: least and largest side of the small image, as a share of the side.
    """

    probability: float = 0.0
    factor: tuple[float, ...] = (0.5, 0.9)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Noise:
    """Gaussian noise, independent in every pixel and colour.

    Attributes:
        probability: share of the images changed.
        sigma: least and largest standard deviation, levels of 255.
    """

    probability: float = 0.0
    sigma: tuple[float, ...] = (1.0, 8.0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Jpeg:
    """JPEG compression, as libjpeg does it.

    Attributes:
        probability: share of the images changed.
        quality: least and largest quality, 1 to 100.
        chroma: "420" halves the resolution of colours, as most files do; "444" keeps it.
    """

    probability: float = 0.0
    quality: tuple[int, ...] = (40, 100)
    chroma: str = "420"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Erase:
    """A rectangle covered with one colour (Zhong et al., AAAI 2020); what it covers counts as not forged.

    Attributes:
        probability: share of the images changed.
        area: least and largest share of the image covered.
    """

    probability: float = 0.0
    area: tuple[float, ...] = (0.02, 0.15)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SelfBlend:
    """Fakes made in the step of real faces, each blended with itself (Shiohara and Yamasaki, CVPR 2022).

    Attributes:
        share: share of each batch, up to a half; 0 switches it off. With `data.balance` they take the place of the
            data's fakes, so that 0.5 leaves reals and self-blended ones only; data without fakes take 0.5 in any case.
        strength: multiplies every change of source and target.
        face: side of the face's box over the side of the picture, for records of pictures taken whole; 0 for 1.
    """

    share: float = 0.0
    strength: float = 1.0
    face: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Augment:
    """Augmentation inside the step, in this order: self-blending, mirror, warp, colour, blur, noise, JPEG, erasing.

    Attributes:
        preset: "none", "light", "benchmark" (as DeepfakeBench's) or "strong": sets all values of this group but
            `self_blend`, before others are set; "" for the values as they are.
        flip: mirror left and right with probability one half.
        jitter: brightness and contrast change by up to this share, 0 to switch off.
        jitter_probability: share of the images whose brightness and contrast change.
        hue: change of colours.
        pca: offset along the principal components of natural colours.
        warp: rotation, scaling and shifting.
        blur: Gaussian blur.
        downscale: shrinking and enlarging.
        noise: Gaussian noise.
        jpeg: JPEG compression.
        erase: a rectangle covered.
        self_blend: fakes made of real faces.
    """

    preset: str = ""
    flip: bool = True
    jitter: float = 0.0
    jitter_probability: float = 1.0
    hue: Hue = Hue()
    pca: Pca = Pca()
    warp: Warp = Warp()
    blur: Blur = Blur()
    downscale: Downscale = Downscale()
    noise: Noise = Noise()
    jpeg: Jpeg = Jpeg()
    erase: Erase = Erase()
    self_blend: SelfBlend = SelfBlend()

    def with_preset(self, name: str) -> "Augment":
        """The values of a preset, with self-blending as it is.

        Raises:
            SettingsError: there is none of that name; "" is the defaults.
        """
        one_of("augment.preset", name, ("", *PRESETS))
        return dataclasses.replace(PRESETS.get(name, Augment()), self_blend=self.self_blend)


GROUPS = ("hue", "pca", "warp", "blur", "downscale", "noise", "jpeg", "erase")

# DeepfakeBench's: one of brightness and contrast, PCA and hue for half of the images, so a sixth each; kernels of 3, 5
# and 7 pixels, whose standard deviations are .8, 1.1 and 1.4. Its isotropic resizing is what the pipeline does anyway.
PRESETS = {
    "none": Augment(preset="none", flip=False),
    "light": Augment(
        preset="light",
        jitter=0.1,
        jitter_probability=0.5,
        blur=Blur(probability=0.1, sigma=(0.3, 1.0)),
        jpeg=Jpeg(probability=0.3, quality=(60, 100)),
    ),
    "benchmark": Augment(
        preset="benchmark",
        jitter=0.1,
        jitter_probability=1 / 6,
        hue=Hue(probability=1 / 6, degrees=40.0, saturation=0.2),
        pca=Pca(probability=1 / 6, strength=0.1),
        warp=Warp(probability=0.5, rotate=10.0),
        blur=Blur(probability=0.5, sigma=(0.8, 1.4)),
        jpeg=Jpeg(probability=0.5, quality=(40, 100)),
    ),
    "strong": Augment(
        preset="strong",
        jitter=0.2,
        jitter_probability=0.8,
        hue=Hue(probability=0.3, degrees=20.0, saturation=0.3),
        pca=Pca(probability=0.3, strength=0.1),
        warp=Warp(probability=0.7, rotate=10.0, scale=0.1, shift=0.05),
        blur=Blur(probability=0.4, sigma=(0.3, 2.0)),
        downscale=Downscale(probability=0.4, factor=(0.3, 1.0)),
        noise=Noise(probability=0.4, sigma=(1.0, 10.0)),
        jpeg=Jpeg(probability=0.7, quality=(30, 100)),
        erase=Erase(probability=0.2),
    ),
}


def unread_augment(augment: Augment) -> dict[str, str]:
    """Paths of settings that nothing reads, and which other one is the reason, as `Settings.unread`."""
    unread: dict[str, str] = {}
    for group in GROUPS:
        values = getattr(augment, group)
        if values.probability == 0:
            names = [field.name for field in dataclasses.fields(values) if field.name != "probability"]
            unread |= {f"augment.{group}.{name}": f"augment.{group}.probability=0" for name in names}
    if augment.jitter == 0:
        unread["augment.jitter_probability"] = "augment.jitter=0"
    if augment.self_blend.share == 0:
        unread |= dict.fromkeys(
            ("augment.self_blend.strength", "augment.self_blend.face"), "augment.self_blend.share=0"
        )
    return unread


def check_augment(augment: Augment) -> None:
    """Checks every value.

    Raises:
        SettingsError: one line with the setting's path, what is allowed and what was found.
    """
    one_of("augment.preset", augment.preset, ("", *PRESETS))
    within("augment.jitter", augment.jitter, 0.0, 1.0)
    within("augment.jitter_probability", augment.jitter_probability, 0.0, 1.0)
    for group in GROUPS:
        within(f"augment.{group}.probability", getattr(augment, group).probability, 0.0, 1.0)
    within("augment.hue.degrees", augment.hue.degrees, 0.0, 180.0)
    within("augment.hue.saturation", augment.hue.saturation, 0.0, 1.0)
    within("augment.pca.strength", augment.pca.strength, 0.0, 1.0)
    within("augment.warp.rotate", augment.warp.rotate, 0.0, 180.0)
    within("augment.warp.scale", augment.warp.scale, 0.0, 0.5)
    within("augment.warp.shift", augment.warp.shift, 0.0, 0.5)
    span("augment.blur.sigma", augment.blur.sigma, 0.0, 20.0)
    span("augment.downscale.factor", augment.downscale.factor, 0.05, 1.0)
    span("augment.noise.sigma", augment.noise.sigma, 0.0, 100.0)
    span("augment.jpeg.quality", augment.jpeg.quality, 1, 100)
    one_of("augment.jpeg.chroma", augment.jpeg.chroma, CHROMA)
    span("augment.erase.area", augment.erase.area, 0.0, 0.5)
    within("augment.self_blend.share", augment.self_blend.share, 0.0, 0.5)
    within("augment.self_blend.strength", augment.self_blend.strength, 0.0, 2.0)
    within("augment.self_blend.face", augment.self_blend.face, 0.0, 2.0)
