"""The division of a request into jobs that can run in any order, on any machine.

A job is one clip of a catalog, one unit of the embedded set, or one photograph to forge. Its result depends on the job
and the request alone.
"""

import dataclasses
import functools
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from dfdetect_jax.data import catalog, forge
from dfdetect_jax.data.clip_media import sha256_media
from dfdetect_jax.data.encoding import LINKED
from dfdetect_jax.data.example import Clip, Example, LinkedExample
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.prepare.clip_report import ClipReport, failure_report
from dfdetect_jax.data.prepare.crops import clip_examples
from dfdetect_jax.data.prepare.landmarks import with_landmarks
from dfdetect_jax.data.prepare.linked import linked_examples
from dfdetect_jax.data.prepare.request import FORGE, Request, check_request
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import is_text, media_files
from dfdetect_jax.errors import BadMediaError, RecordsError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.media.decoding import read_intact
from dfdetect_jax.media.detectors import FaceDetector, load_face_detector
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES

Examples = Sequence[Example] | Sequence[LinkedExample]


@dataclasses.dataclass(frozen=True)
class Job:
    """One piece of work.

    Attributes:
        name: for people.
        ident: hex; the same only for the same work on the same files.
        work: the clip, unit or photograph.
    """

    name: str
    ident: str
    work: Clip | forge.Unit | forge.Photo


@dataclasses.dataclass(frozen=True)
class Plan:
    """The result's name, its jobs, and findings about the tree."""

    name: str
    jobs: list[Job]
    findings: list[Finding]

    @property
    def ident(self) -> str:
        """SHA-256 over the jobs: the same only for the same files and the same request."""
        return hashlib.sha256("".join(job.ident for job in self.jobs).encode()).hexdigest()


def plan(request: Request) -> Plan:
    """Divides a request into jobs; reads folder listings, lists and file sizes, no media.

    Raises:
        SettingsError: a value is not allowed.
        RecordsError: the tree is not the data set's, or has no clips.
    """
    check_request(request)
    if request.embedded:
        units = forge.plan_units(request.images, request.seed)
        return Plan(
            request.result, [Job(f"unit {i}", _ident(request, str(i)), unit) for i, unit in enumerate(units)], []
        )
    if request.dataset == FORGE:
        return _plan_photos(request)
    listing = catalog.find_clips(request.dataset, Path(request.root), request.options)
    if not listing.clips:
        findings = "; ".join(finding.words for finding in listing.findings)
        raise RecordsError(f"{request.root}: no clips to prepare; {findings}")
    jobs = [Job(clip.video, _ident(request, *_description(clip, request.root)), clip) for clip in listing.clips]
    return Plan(request.result, jobs, listing.findings)


def _plan_photos(request: Request) -> Plan:
    root = Path(request.root)
    every = media_files(root, IMAGE_SUFFIXES)
    files = [path for path in every if is_text(path.name)]
    if not files:
        raise RecordsError(f"{root}: no photographs to forge; give a folder with real ones in it")
    sizes = {str(path): f"{path.name}:{_size(path)}" for path in files}
    jobs = []
    for photo in forge.plan_photos(files, root, request.seed):
        sources = [sizes[path] for path in (photo.path, *photo.donors)]
        jobs.append(Job(photo.name, _ident(request, photo.split, str(photo.number), *sources), photo))
    unnamed = [path.name for path in every if not is_text(path.name)]
    return Plan(request.result, jobs, about.warnings(root.name, about.NOT_TEXT, unnamed))


def run_job(job: Job, request: Request) -> tuple[Examples, ClipReport]:
    """Does one job. Unreadable media are reported, not raised."""
    work = job.work
    if isinstance(work, Clip):
        return _crop(work, request)
    if isinstance(work, forge.Photo):
        return _forge(work, request)
    examples = forge.render_unit(work, request.crop)
    count = len(examples)
    return examples, ClipReport(clip=job.name, split=work.split, asked=count, got=count, mask="own")


def _crop(clip: Clip, request: Request) -> tuple[Examples, ClipReport]:
    try:
        if request.codec.encoding == LINKED:
            return linked_examples(clip, request.root, request.frames, dataset=request.result)
        face_detector = _face_detector(request.crop.face_detector)
        examples, report = clip_examples(clip, face_detector, request.crop, request.frames, dataset=request.result)
        if request.landmarks:
            examples = with_landmarks(examples, _face_detector("mtcnn"))
        return examples, dataclasses.replace(report, sha256=sha256_media(clip.media))
    except BadMediaError as error:
        return [], failure_report(clip, _without_root(error, request))
    except Exception as error:  # an unforeseen error of a decoder in one of thousands of clips must not end a long job
        return [], failure_report(clip, f"{type(error).__name__}: {error}")


def _forge(photo: forge.Photo, request: Request) -> tuple[Examples, ClipReport]:
    report = ClipReport(clip=photo.name, split=photo.split, asked=2, got=0, mask="own")
    try:
        report = dataclasses.replace(report, sha256=sha256_file(photo.path))
        examples = forge.forge_photo(photo, _face_detector(request.crop.face_detector), request.crop)
    except OSError as error:
        return [], dataclasses.replace(report, mask="", words=(f"can't be opened ({error.strerror})",), failed=True)
    except BadMediaError as error:  # most often no face, or too small a one: left out, but nothing is broken
        words = _without_root(error, request).removeprefix(f"{photo.name}: ")
        return [], dataclasses.replace(report, mask="", words=(words,), failed=not _is_intact(photo.path))
    return examples, dataclasses.replace(report, got=len(examples))


def _is_intact(path: str) -> bool:
    try:
        read_intact(path)
    except BadMediaError:
        return False
    return True


def _without_root(error: Exception, request: Request) -> str:
    """The message with paths from the tree's root on, so that records don't depend on where the tree lies."""
    return str(error).replace(f"{request.root}/", "")


@functools.lru_cache(1)
def _face_detector(name: str) -> FaceDetector:
    return load_face_detector(name)


def _ident(request: Request, *parts: str) -> str:
    return hashlib.sha256(json.dumps([request.settings, *parts], sort_keys=True).encode()).hexdigest()


def _description(clip: Clip, root: str) -> Sequence[str]:
    """A clip without the place of its tree, so that a moved tree is the same; with its files' sizes.

    Of pictures that are frames the names alone: reading the size of each of millions would take hours on a network
    disk.
    """
    files = [path for path in (clip.path, clip.source_path, clip.mask_path) if path and not clip.frames]
    sizes = [f"{os.path.relpath(path, root)}:{_size(path)}" for path in files]
    frames = [os.path.relpath(path, root) for path in (*clip.frames, *clip.masks) if path]
    fields = dataclasses.replace(clip, path="", source_path=None, mask_path=None, frames=(), masks=())
    return [repr(fields), *sizes, *frames]


def _size(path: str | Path) -> int:
    """Bytes of a file; -1 for a link that leads nowhere, which the job will report."""
    try:
        return os.path.getsize(path)
    except OSError:
        return -1
