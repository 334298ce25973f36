"""The request to `prepare`: everything that decides what the records hold, checked once."""

import dataclasses
import functools
import hashlib
import re
from pathlib import Path
from typing import Any

from dfdetect_jax.config import BENCHMARK, COMPRESSIONS, Crop, check_crop
from dfdetect_jax.data import catalog
from dfdetect_jax.data.encoding import ENCODINGS, LINKED, RAW, Codec
from dfdetect_jax.errors import SettingsError

FORGE, FOLDER = "forge", "folder"
DATASETS = (*catalog.NAMES, FORGE)
_DEFAULT = Crop()
_BENCHMARK_SIZE = 256  # side of DeepfakeBench's crops, pixels


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides what the records hold.

    Attributes:
        dataset: one of `DATASETS`.
        root: the tree on disk; `""` for the embedded set.
        name: of the result; `""` for the data set's own, or the folder's.
        crop: how faces are cropped. For "linked" records of DeepfakeBench how they were cropped there, and so how
            `predict` crops.
        frames: per video, evenly spaced.
        encoding: of the crops, one of `encoding.ENCODINGS`; `""` for "linked" where the data set is of face crops that
            need no cropping (deepfakebench), else "raw".
        landmarks: keep each face's five landmarks, MTCNN's, for self-blending.
        splits, compression, reals, json, real_folder, allow_one_class: options of catalogs, as in `catalog.Options`.
        images: training examples of the embedded set; validation and test are in proportion.
        seed: of the embedded set.
    """

    dataset: str
    root: str = ""
    name: str = ""
    crop: Crop = dataclasses.field(default_factory=Crop)
    frames: int = 32
    encoding: str = ""
    landmarks: bool = False
    splits: str = catalog.OFFICIAL
    compression: str = "c23"
    reals: str = ""
    json: str = ""
    real_folder: str = ""
    allow_one_class: bool = False
    images: int = 4000
    seed: int = 0

    @property
    def embedded(self) -> bool:
        """Whether it is for the embedded set, which needs nothing on disk."""
        return self.dataset == FORGE and not self.root

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that bear on this data set, as JSON."""
        values: dict[str, Any] = {"dataset": self.dataset, "crop": dataclasses.asdict(self.crop)}
        values["encoding"] = self.codec.encoding
        if self.codec.encoding == LINKED:
            values["root"] = self.root
        if self.dataset == FORGE:
            values |= {"seed": self.seed, "code": forge_code()}
            return values | {"images": self.images} if self.embedded else values
        values |= {"frames": self.frames, "splits": self.splits} | ({"landmarks": True} if self.landmarks else {})
        options = catalog.options_of(self.dataset, self.options)
        values |= {"compression": self.compression} if "compression" in options else {}
        values |= {"real_folder": self.real_folder} if self.real_folder else {}
        return values | ({"json": Path(self.json).name} if self.json else {})  # names, as a moved tree is the same one

    @property
    def options(self) -> catalog.Options:
        """The options of the catalog."""
        return catalog.Options(
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(catalog.Options)}
        )

    @property
    def codec(self) -> Codec:
        """How the records are encoded."""
        encoding = self.encoding or _default_encoding(self.dataset)
        return Codec(self.crop.size, encoding, self.root if encoding == LINKED else "", landmarks=self.landmarks)

    @property
    def result(self) -> str:
        """Name of the result: `name`, else that of the data set, with the folder or list where that is one's own."""
        if self.name:
            return self.name
        own = {FOLDER: self.root, FORGE: self.root, BENCHMARK: Path(self.json).stem}.get(self.dataset)
        if not own:
            return self.dataset
        slug = re.sub(r"[^a-z0-9]+", "_", Path(own).name.lower()).strip("_") or "root"
        return slug if self.dataset == FOLDER and slug[0].isalpha() else f"{self.dataset}_{slug}"

    @property
    def config(self) -> str:
        """Name of the variant: compression, size, and what is not the default, e.g. "c23-299px" or "128px-box-16f"."""
        crop, values = self.crop, self.settings
        parts = [str(values[key]) for key in ("compression",) if key in values] + [f"{crop.size}px"]
        parts += [f"m{crop.margin:g}"] * (crop.margin != _DEFAULT.margin)
        parts += [crop.align] * (crop.align != _DEFAULT.align)
        parts += [crop.face_detector] * (crop.face_detector != _DEFAULT.face_detector)
        parts += [f"{self.frames}f"] * ("frames" in values and self.frames != 32)
        parts += [self.codec.encoding] * (self.codec.encoding != _default_encoding(self.dataset))
        parts += ["landmarks"] * self.landmarks
        parts += [f"by_{self.splits}"] * (values.get("splits", catalog.OFFICIAL) != catalog.OFFICIAL)
        parts += [f"{self.images}"] * ("images" in values)
        parts += [f"seed{self.seed}"] * ("seed" in values and self.seed != 0)
        return "-".join(parts)


def default_crop(dataset: str, encoding: str = "") -> Crop:
    """How faces are cropped by default: for linked pictures of DeepfakeBench, as they were cropped there."""
    linked = dataset == BENCHMARK and (encoding or LINKED) == LINKED
    return Crop(size=_BENCHMARK_SIZE) if linked else Crop()


def check_request(request: Request) -> None:
    """Checks every value.

    Raises:
        SettingsError: one line with what is allowed and what was found.
    """
    check_crop(request.crop)
    allowed = {"dataset": DATASETS, "compression": COMPRESSIONS, "splits": catalog.SPLITTINGS}
    for name, values in {**allowed, "encoding": ("", *ENCODINGS)}.items():
        if getattr(request, name) not in values:
            known = ", ".join(filter(None, values))
            raise SettingsError(f"{name}: expected one of {known}, found {getattr(request, name)!r}")
    if request.dataset != FORGE and not request.root:
        raise SettingsError(f"root: expected the folder that holds {request.dataset}, found none; give --root")
    for name, least in {"frames": 1, "images": 1, "seed": 0}.items():
        if getattr(request, name) < least:
            raise SettingsError(f"{name}: expected at least {least}, found {getattr(request, name)}; give another")
    if request.dataset == FORGE and request.root and request.crop.face_detector != "mtcnn":
        raise SettingsError('crop.face_detector: forging photographs needs five landmarks, which only "mtcnn" finds')
    if request.landmarks and (request.dataset == FORGE or request.codec.encoding == LINKED):
        raise SettingsError("landmarks: kept with crops only, not with forged faces or linked pictures; leave it out")
    if request.name and not re.fullmatch(r"[a-z][a-z0-9_]*", request.name):
        raise SettingsError(f"name: expected small letters, digits and _, found {request.name!r}")
    whole = request.dataset == BENCHMARK or request.crop.face_detector == "none"
    if request.encoding == LINKED and (request.dataset == FORGE or not whole):
        raise SettingsError(
            'encoding: "linked" crops nothing, so it is for pictures used as a whole; give --face_detector none'
        )


@functools.cache
def forge_code() -> str:
    """Digest of the forge's source, on which its pictures depend: they are made again when it changes."""
    sources = sorted((Path(__file__).parents[1] / "forge").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _default_encoding(dataset: str) -> str:
    return LINKED if dataset == BENCHMARK else RAW
