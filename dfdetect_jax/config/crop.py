"""Settings of the way from a picture to a face crop."""

import dataclasses

from dfdetect_jax.config.rules import at_least, at_most, one_of, within
from dfdetect_jax.errors import SettingsError

ALIGNMENTS = ("landmarks", "box")
LARGEST_CROP = 4096  # pixels
FACE_DETECTORS = ("mtcnn", "haar", "none")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Crop:
    """From a picture to a face crop; the same in `prepare` and `predict`.

    Attributes:
        size: side of the square crop, pixels.
        margin: side of the crop over the side of the tight face.
        align: "landmarks" warps five facial points onto a template; "box" cuts the box without turning it.
        face_detector: "mtcnn"; "haar" (OpenCV; no landmarks, so only with "box"); or "none", which takes pictures
            whole: for those that are face crops already, or show no faces; only with "box" and margin 1.
    """

    size: int = 299
    margin: float = 1.3
    align: str = "landmarks"
    face_detector: str = "mtcnn"


def check_crop(crop: Crop) -> Crop:
    """Returns `crop` if each value is allowed.

    Raises:
        SettingsError: as `check`.
    """
    at_least("crop.size", crop.size, 32)
    at_most("crop.size", crop.size, LARGEST_CROP)
    within("crop.margin", crop.margin, 1.0, 3.0)
    one_of("crop.align", crop.align, ALIGNMENTS)
    one_of("crop.face_detector", crop.face_detector, FACE_DETECTORS)
    if crop.face_detector != "mtcnn" and crop.align == "landmarks":
        raise SettingsError(
            f'crop.align: "landmarks" needs five points, which "{crop.face_detector}" has not; use crop.align="box"'
        )
    if crop.face_detector == "none" and crop.margin != 1:
        raise SettingsError(
            f'crop.margin: expected 1 with face detector "none", which takes pictures whole, found {crop.margin:g}'
        )
    return crop
