"""One example as bytes and back: a `tf.train.Example` that TFDS reads too, without TensorFlow.

How pictures are kept (299 px crops of FaceForensics++ at c23, one core; `benchmarks/input_pipeline.py --encodings`):

    raw      268 kB a crop, 0.15 ms to decode: as many crops per second as the disk gives
    png      43% of that, 1.4 ms to decode: where disk is dear, or read over a slow network
    linked   paths of pictures that are crops already and stay where they are: nothing is copied

Masks are PNG in the first two, a few hundred bytes each. TFDS takes 0.2 s to import, so it is imported with the first
record.
"""

from __future__ import annotations

import dataclasses
import functools
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from dfdetect_jax.data.example import Example, LinkedExample
from dfdetect_jax.errors import BadMediaError, RecordsError
from dfdetect_jax.media.crop import resize
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.mask import binary_mask

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

RAW, PNG, LINKED = ENCODINGS = ("raw", "png", "linked")
TEXTS = ("dataset", "forgery", "video", "identity", "split", "source")


@dataclasses.dataclass(frozen=True)
class Codec:
    """Encodes and decodes the examples of one data set; small when pickled.

    Attributes:
        size: side of the crops, pixels.
        encoding: one of `ENCODINGS`.
        root: folder that paths of linked pictures start from; else "".
        forgery_field: name of the forgery's field in the records, see `records.Manifest`.
        landmarks: whether records hold the landmarks, see `example.LandmarkedExample`.
    """

    size: int
    encoding: str = RAW
    root: str = ""
    forgery_field: str = "forgery"
    landmarks: bool = False

    @property
    def features(self) -> tfds.features.FeaturesDict:
        """The record's fields as TFDS features."""
        return _features(self.size, self.encoding, self.forgery_field, self.landmarks)

    def encode(self, example: Example | LinkedExample) -> bytes:
        """Serialises an example, the same bytes in every process.

        Args:
            example: with image uint8 [size, size, 3] and mask uint8 [size, size]; a `LinkedExample` where `encoding` is
                "linked"; a `LandmarkedExample` with `landmarks`.
        """
        from tensorflow_datasets.proto import tf_example_pb2

        names = (*TEXTS, "has_mask", "label", "frame", "image", "mask", *["landmarks"] * self.landmarks)
        fields = {name: getattr(example, name) for name in names}
        if isinstance(example, Example):
            fields["mask"] = io.BytesIO(_png(example.mask))
            if self.encoding == PNG:
                fields["image"] = io.BytesIO(_png(cv2.cvtColor(example.image, cv2.COLOR_RGB2BGR)))
        fields[self.forgery_field] = fields.pop("forgery")
        message = tf_example_pb2.Example.FromString(self.features.serialize_example(fields))
        return message.SerializeToString(deterministic=True)  # else the order of fields changes with the process

    def decode(self, record: bytes, with_mask: bool = True) -> dict[str, Any]:
        """The fields of a serialised example as in `Example`: image uint8 [size, size, 3] RGB, str, bool, ints.

        With `landmarks` also those, float32 [5, 2].

        Args:
            record: the bytes from `encode`.
            with_mask: decode the mask, uint8 [size, size] in {0, 255}; else it is left out.

        Raises:
            RecordsError: the bytes are no record, or a picture is damaged, or a linked one missing.
        """
        fields = self._parse(record)
        mask = fields.pop("mask")
        if self.encoding == LINKED:
            fields["image"] = self._linked(fields["image"].decode())
            if with_mask:
                fields["mask"] = self._linked_mask(mask.decode())
        else:
            if self.encoding == PNG:
                fields["image"] = _pixels(fields["image"], cv2.IMREAD_COLOR_RGB)
            if with_mask:
                fields["mask"] = _mask(mask, self.size)
        fields.update({name: fields[name].decode() for name in TEXTS})
        fields.update(label=int(fields["label"]), frame=int(fields["frame"]), has_mask=bool(fields["has_mask"]))
        return fields

    def names(self, record: bytes) -> dict[str, str]:
        """The text fields alone, without decoding pictures.

        Raises:
            RecordsError: the bytes are no record.
        """
        fields = self._parse(record)
        return {name: fields[name].decode() for name in TEXTS}

    def paths(self, record: bytes) -> tuple[Path, Path | None]:
        """The files of a linked example's picture and mask (None: no mask).

        Raises:
            RecordsError: the bytes are no record.
        """
        fields = self._parse(record)
        mask = fields["mask"].decode()
        return Path(self.root, fields["image"].decode()), Path(self.root, mask) if mask else None

    def _parse(self, record: bytes) -> dict[str, Any]:
        try:
            fields = self.features.deserialize_example_np(record, decoders=_skipped_decoding(self.encoding))
        except Exception as error:  # protobuf's errors share no base class that is public
            raise RecordsError(
                f"a record can't be parsed ({type(error).__name__}); prepare the data set again"
            ) from error
        fields["forgery"] = fields.pop(self.forgery_field)
        return fields

    def _linked(self, path: str) -> np.ndarray:
        """The picture at a path, uint8 [size, size, 3]."""
        try:
            picture = read_image(Path(self.root, path))
        except BadMediaError as error:
            raise RecordsError(f"a linked picture can't be read: {error}") from error
        return _square(picture, self.size)

    def _linked_mask(self, path: str) -> np.ndarray:
        """The mask at a path, uint8 [size, size] in {0, 255}."""
        if not path:
            return np.zeros((self.size, self.size), np.uint8)
        mask = self._linked(path)
        return binary_mask(mask, mask.shape[:2])


@functools.lru_cache(8)
def _features(size: int, encoding: str, forgery_field: str, landmarks: bool) -> tfds.features.FeaturesDict:
    import tensorflow_datasets as tfds

    text, picture = tfds.features.Text(), tfds.features.Image(shape=(size, size, 3), encoding_format="png")
    if encoding == RAW:
        picture = tfds.features.Tensor(shape=(size, size, 3), dtype=np.uint8, encoding="bytes")
    mask = tfds.features.Image(shape=(size, size, 1), encoding_format="png")
    return tfds.features.FeaturesDict(
        {
            "image": text if encoding == LINKED else picture,
            "mask": text if encoding == LINKED else mask,
            "has_mask": np.bool_,
            "label": tfds.features.ClassLabel(names=["real", "fake"]),
            "frame": np.int32,
            **{forgery_field if name == "forgery" else name: text for name in TEXTS},
            **({"landmarks": tfds.features.Tensor(shape=(5, 2), dtype=np.float32)} if landmarks else {}),
        }
    )


@functools.cache
def _skipped_decoding(encoding: str) -> dict[str, Any]:
    """The pictures that are left to OpenCV, which decodes faster than TFDS."""
    import tensorflow_datasets as tfds

    names = {RAW: ("mask",), PNG: ("image", "mask"), LINKED: ()}[encoding]
    return {name: tfds.decode.SkipDecoding() for name in names}


def _mask(png: bytes, size: int) -> np.ndarray:
    """A mask from PNG, uint8 [size, size]."""
    if png == _empty_png(size):  # that of every real
        return np.zeros((size, size), np.uint8)
    return _pixels(png, cv2.IMREAD_GRAYSCALE)


@functools.cache
def _empty_png(size: int) -> bytes:
    return _png(np.zeros((size, size), np.uint8))


def _png(picture: np.ndarray) -> bytes:
    """PNG of uint8 [H, W] or, in the order BGR, [H, W, 3]."""
    return cv2.imencode(".png", picture)[1].tobytes()


def _pixels(png: bytes, mode: int) -> np.ndarray:
    """A picture from PNG, uint8 [H, W, 3] or [H, W] by OpenCV's `mode`."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), mode)
    if picture is None:
        raise RecordsError("a picture inside a record is damaged; run `check --records` and prepare the data set again")
    return picture


def _square(picture: np.ndarray, size: int) -> np.ndarray:
    """The largest square in the middle of uint8 [H, W, 3], resized; uint8 [size, size, 3]."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(np.ascontiguousarray(picture[top : top + side, left : left + side]), size)
