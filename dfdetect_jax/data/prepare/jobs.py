"""The division of what `prepare` is asked for into jobs that can be done in any order, anywhere.

A job is one clip of a catalog, one unit of the embedded set, or one photograph to forge. What comes of it depends on
the job and the request alone.
"""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax.data import catalog, forge
from dfdetect_jax.data.catalog.listing import IMAGE_SUFFIXES, media_files
from dfdetect_jax.data.encoding import LINKED
from dfdetect_jax.data.example import Clip, Example
from dfdetect_jax.data.prepare.crops import ClipReport, clip_examples, read_failed
from dfdetect_jax.data.prepare.linked import linked_examples
from dfdetect_jax.data.prepare.request import FORGE, Request, check_request
from dfdetect_jax.data.records import sha256_file
from dfdetect_jax.errors import BadMediaError, RecordsError


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
    """Divides a request into jobs; reads folder listings, lists and file sizes, no media.

    Raises:
        SettingsError: a value is not allowed.
        RecordsError: the tree is not what the data set's should be, or has no clips.
    """
    check_request(request)
    if request.embedded:
        units = forge.units(request.images, request.seed)
        return Plan(
            request.result, [Job(f"unit {i}", _ident(request, str(i)), unit) for i, unit in enumerate(units)], []
        )
    if request.dataset == FORGE:
        return _plan_photos(request)
    found = catalog.find_clips(request.dataset, Path(request.root), request.options)
    if not found.clips:
        raise RecordsError(f"{request.root}: no clips to prepare; {'; '.join(found.findings)}")
    jobs = [Job(clip.video, _ident(request, *_described(clip, request.root)), clip) for clip in found.clips]
    return Plan(request.result, jobs, found.findings)


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
    return Plan(request.result, jobs, [])


def do(job: Job, request: Request) -> tuple[list[Example], ClipReport]:
    """Does one job. What is wrong with its media is in the report's words, not raised."""
    if isinstance(job.work, Clip):
        return _cut(job.work, request)
    if isinstance(job.work, forge.Photo):
        return _forge(job.work, request)
    examples = forge.render_unit(job.work, request.crop)
    return examples, ClipReport(clip=job.name, split=job.work.split, asked=len(examples), got=len(examples), mask="own")


def _cut(clip: Clip, request: Request) -> tuple[list[Example], ClipReport]:
    try:
        if request.codec.encoding == LINKED:
            return linked_examples(clip, request.root, request.frames, dataset=request.result)
        face_detector = _face_detector(request.crop.face_detector)
        examples, report = clip_examples(clip, face_detector, request.crop, request.frames, dataset=request.result)
        return examples, dataclasses.replace(report, sha256=_sha256(clip))
    except BadMediaError as error:
        return [], read_failed(clip, _without_root(error, request))
    except Exception as error:  # a decoder's surprise in one of thousands of clips must not end a night's work
        return [], read_failed(clip, f"{type(error).__name__}: {error}")


def _forge(photo: forge.Photo, request: Request) -> tuple[list[Example], ClipReport]:
    report = ClipReport(clip=photo.name, split=photo.split, asked=2, got=0, mask="own", sha256=sha256_file(photo.path))
    try:
        examples = forge.forge_photo(photo, _face_detector(request.crop.face_detector), request.crop)
    except BadMediaError as error:  # most often no face, or too small a one: left out, but nothing is broken
        words = _without_root(error, request).removeprefix(f"{photo.name}: ")
        return [], dataclasses.replace(report, mask="", words=(words,))
    return examples, dataclasses.replace(report, got=len(examples))


def _without_root(error: Exception, request: Request) -> str:
    """The message with paths as the tree has them, so that records don't depend on where it lies."""
    return str(error).replace(f"{request.root}/", "")


@functools.lru_cache(1)
def _face_detector(name: str):
    from dfdetect_jax.media.detectors import load_face_detector  # loads JAX, which only this needs

    return load_face_detector(name)


def _sha256(clip: Clip) -> str:
    """Of the clip's file; where it is a folder of pictures, of their digests."""
    if not clip.frames:
        return sha256_file(clip.path)
    return hashlib.sha256("".join(map(sha256_file, clip.frames)).encode()).hexdigest()


def _ident(request: Request, *parts: str) -> str:
    return hashlib.sha256(json.dumps([request.settings, *parts], sort_keys=True).encode()).hexdigest()


def _described(clip: Clip, root: str) -> Sequence[str]:
    """A clip without the place of its tree, so that a moved tree is the same; with its files' sizes.

    Of pictures that are frames the names alone: asking the size of each of millions would take hours on a network disk.
    """
    files = [path for path in (clip.path, clip.source_path, clip.mask_path) if path and not clip.frames]
    sizes = [f"{os.path.relpath(path, root)}:{os.path.getsize(path)}" for path in files]
    frames = [os.path.relpath(path, root) for path in (*clip.frames, *clip.masks) if path]
    fields = dataclasses.replace(clip, path="", source_path=None, mask_path=None, frames=(), masks=())
    return [repr(fields), *sizes, *frames]
