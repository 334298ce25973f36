"""What `prepare` is asked for, and its division into jobs that can be done in any order, anywhere.

A job is one clip of a catalog, one unit of the embedded set, or one photograph to forge. What comes of it depends on
the job and the request alone.
"""

import dataclasses
import functools
import hashlib
import json
import os
import re
from pathlib import Path

from dfdetect_jax.config import Crop, check_crop
from dfdetect_jax.data import catalog, forge
from dfdetect_jax.data.catalog.base import IMAGE_SUFFIXES, media_files
from dfdetect_jax.data.crops import ClipReport, clip_examples, read_failed
from dfdetect_jax.data.example import Clip, Example
from dfdetect_jax.data.records import sha256_file
from dfdetect_jax.errors import BadMediaError, RecordsError, SettingsError

FORGE, FOLDER = "forge", catalog.folder.NAME
DATASETS = (*catalog.CATALOGS, FORGE)
_DEFAULT = Crop()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that decides what the records hold.

    Attributes:
        dataset: one of `DATASETS`.
        root: the tree on disk; `""` for the embedded set.
        name: of the result; `""` for the data set's own, or the folder's.
        crop: how faces are cut.
        frames: per video, spread evenly over it.
        splits, compression, reals, json: what catalogs may need to know, as in `catalog.Options`.
        images: training examples of the embedded set; validation and test are in proportion.
        seed: of the embedded set.
    """

    dataset: str
    root: str = ""
    name: str = ""
    crop: Crop = dataclasses.field(default_factory=Crop)
    frames: int = 32
    splits: str = catalog.OFFICIAL
    compression: str = "c23"
    reals: str = ""
    json: str = ""
    images: int = 4000
    seed: int = 0

    @property
    def settings(self) -> dict:
        """What was asked, as JSON; only what bears on this data set."""
        asked = {"dataset": self.dataset, "crop": dataclasses.asdict(self.crop)}
        if self.dataset == FORGE:
            asked |= {"seed": self.seed, "code": _forge_code()}
        if self.dataset == FORGE and not self.root:
            return asked | {"images": self.images}
        if self.dataset == FORGE:
            return asked
        given = catalog.options_of(self.dataset, self.options)
        return asked | {"frames": self.frames, "splits": self.splits} | {key: given[key] for key in sorted(given)}

    @property
    def options(self) -> catalog.Options:
        """For the catalog."""
        return catalog.Options(**{key.name: getattr(self, key.name) for key in dataclasses.fields(catalog.Options)})

    @property
    def config(self) -> str:
        """Name of the variant: compression, size, and what is not the default, e.g. "c23-299px" or "128px-box-16f"."""
        crop, asked = self.crop, self.settings
        parts = [str(asked[key]) for key in ("compression",) if key in asked] + [f"{crop.size}px"]
        parts += [f"m{crop.margin:g}"] * (crop.margin != _DEFAULT.margin)
        parts += [crop.align] * (crop.align != _DEFAULT.align)
        parts += [crop.detector] * (crop.detector != _DEFAULT.detector)
        parts += [f"{self.frames}f"] * ("frames" in asked and self.frames != 32)
        parts += [f"by_{self.splits}"] * (asked.get("splits", catalog.OFFICIAL) != catalog.OFFICIAL)
        parts += [f"{self.images}"] * ("images" in asked)
        parts += [f"seed{self.seed}"] * ("seed" in asked and self.seed != 0)
        return "-".join(parts)


@dataclasses.dataclass(frozen=True)
class Job:
    """One piece of work.

    Attributes:
        name: for people.
        ident: hex; the same only for the same work on the same files.
        work: what `do` takes.
    """

    name: str
    ident: str
    work: object


@dataclasses.dataclass(frozen=True)
class Plan:
    """The result's name, its jobs, and in words what the tree lacks."""

    name: str
    jobs: list[Job]
    findings: list[str]

    @property
    def ident(self) -> str:
        """SHA-256 over the jobs: the same only for the same files and the same request."""
        return hashlib.sha256("".join(job.ident for job in self.jobs).encode()).hexdigest()


def plan(request: Request) -> Plan:
    """Divides a request into jobs; reads folder listings and file sizes, no media.

    Raises:
        SettingsError: a value is not allowed.
        RecordsError: the tree is not what the data set's should be, or has no clips.
    """
    _check(request)
    if request.dataset == FORGE and not request.root:
        units = forge.units(request.images, request.seed)
        jobs = [Job(f"unit {i}", _ident(request, str(i)), unit) for i, unit in enumerate(units)]
        return Plan(request.name or _default_name(request), jobs, [])
    if request.dataset == FORGE:
        return _plan_photos(request)
    found = catalog.find_clips(request.dataset, Path(request.root), request.options)
    if not found.clips:
        raise RecordsError(f"{request.root}: no clips to prepare; {'; '.join(found.findings)}")
    jobs = [Job(clip.video, _ident(request, *_described(clip, request.root)), clip) for clip in found.clips]
    return Plan(request.name or _default_name(request), jobs, found.findings)


def _plan_photos(request: Request) -> Plan:
    root = Path(request.root)
    files = media_files(root, IMAGE_SUFFIXES)
    if not files:
        raise RecordsError(f"{root}: no photographs to forge; give a folder with real ones in it")
    sizes = {str(path): f"{path.name}:{path.stat().st_size}" for path in files}
    jobs = []
    for photo in forge.photos(files, root, request.seed):
        taken = [sizes[path] for path in (photo.path, *photo.donors)]
        jobs.append(Job(photo.name, _ident(request, photo.split, str(photo.number), *taken), photo))
    return Plan(request.name or _default_name(request), jobs, [])


def do(job: Job, request: Request) -> tuple[list[Example], ClipReport]:
    """Does one job. What is wrong with its media is in the report's words, not raised."""
    if isinstance(job.work, Clip):
        return _cut(job.work, request)
    if isinstance(job.work, forge.Photo):
        return _forge(job.work, request)
    examples = forge.render_unit(job.work, request.crop)
    return examples, ClipReport(clip=job.name, split=job.work.split, asked=len(examples), got=len(examples), mask="own")


def _cut(clip: Clip, request: Request) -> tuple[list[Example], ClipReport]:
    dataset = request.name or _default_name(request)
    try:
        detector = _detector(request.crop.detector)
        examples, report = clip_examples(clip, detector, request.crop, request.frames, dataset=dataset)
        return examples, dataclasses.replace(report, sha256=_sha256(clip))
    except BadMediaError as error:
        return [], read_failed(clip, _without_root(error, request))
    except Exception as error:  # a decoder's surprise in one of thousands of clips must not end a night's work
        return [], read_failed(clip, f"{type(error).__name__}: {error}")


def _sha256(clip: Clip) -> str:
    """Of the clip's file; where it is a folder of pictures, of their digests."""
    if not clip.frames:
        return sha256_file(clip.path)
    return hashlib.sha256("".join(map(sha256_file, clip.frames)).encode()).hexdigest()


def _forge(photo: forge.Photo, request: Request) -> tuple[list[Example], ClipReport]:
    report = ClipReport(clip=photo.name, split=photo.split, asked=2, got=0, mask="own", sha256=sha256_file(photo.path))
    try:
        examples = forge.forge_photo(photo, _detector(request.crop.detector), request.crop)
    except BadMediaError as error:  # most often no face, or too small a one: left out, but nothing is broken
        words = _without_root(error, request).removeprefix(f"{photo.name}: ")
        return [], dataclasses.replace(report, mask="", words=(words,))
    return examples, dataclasses.replace(report, got=len(examples))


def _without_root(error: Exception, request: Request) -> str:
    """The message with paths as the tree has them, so that records don't depend on where it lies."""
    return str(error).replace(f"{request.root}/", "")


@functools.lru_cache(1)
def _detector(name: str):
    from dfdetect_jax.media.face import load_detector  # loads JAX, which only this needs

    return load_detector(name)


def _check(request: Request) -> None:
    check_crop(request.crop)
    if request.dataset not in DATASETS:
        raise SettingsError(f"dataset: expected one of {', '.join(DATASETS)}, found {request.dataset!r}")
    if request.dataset != FORGE and not request.root:
        raise SettingsError(f"root: {request.dataset} needs the folder that holds it")
    if request.frames < 1:
        raise SettingsError(f"frames: expected at least 1, found {request.frames}")
    for name, allowed in (("compression", catalog.COMPRESSIONS), ("splits", catalog.SPLITTINGS)):
        if getattr(request, name) not in allowed:
            raise SettingsError(f"{name}: expected one of {', '.join(allowed)}, found {getattr(request, name)!r}")
    if request.dataset == FORGE and request.root and request.crop.detector == "haar":
        raise SettingsError('crop.detector: forging photographs needs five landmarks, which "haar" has not')
    if request.name and not re.fullmatch(r"[a-z][a-z0-9_]*", request.name):
        raise SettingsError(f"name: expected small letters, digits and _, found {request.name!r}")


@functools.cache
def _forge_code() -> str:
    """Digest of the forge's source: what it makes is as good as its code, and is made anew when that changes."""
    sources = sorted(Path(forge.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _default_name(request: Request) -> str:
    if (request.dataset in catalog.CATALOGS and request.dataset != FOLDER) or not request.root:
        return request.dataset
    slug = re.sub(r"[^a-z0-9]+", "_", Path(request.root).absolute().name.lower()).strip("_") or "root"
    return slug if request.dataset == FOLDER and slug[0].isalpha() else f"{request.dataset}_{slug}"


def _ident(request: Request, *parts: str) -> str:
    return hashlib.sha256(json.dumps([request.settings, *parts], sort_keys=True).encode()).hexdigest()


def _described(clip: Clip, root: str) -> list[str]:
    """A clip without the place of its tree, so that a moved tree is the same; with its files' sizes."""
    files = [path for path in (clip.path, clip.source_path, clip.mask_path, *clip.frames, *clip.masks) if path]
    sizes = [f"{os.path.relpath(path, root)}:{os.path.getsize(path)}" for path in files]
    fields = dataclasses.replace(clip, path="", source_path=None, mask_path=None, frames=(), masks=())
    return [repr(fields), *sizes]
