"""Several prepared data sets joined into one, to be trained on together.

The records keep their splits and crops. Names that were unique within a data set (clip, person, source) get the name of
their data set in front, so that two data sets with a clip "0001" have two clips.
"""

import dataclasses
import hashlib
import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfdetect_jax.data import records
from dfdetect_jax.data.encoding import LINKED
from dfdetect_jax.data.example import Example, LandmarkedExample
from dfdetect_jax.data.prepare import shards
from dfdetect_jax.data.prepare.locks import locked
from dfdetect_jax.data.prepare.parts import write_part
from dfdetect_jax.data.record_folders import records_home
from dfdetect_jax.data.records import Manifest, read_manifest
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.files import write_json, write_text

_CHUNK = 256  # examples in memory at a time
_NAMES = ("video", "identity", "source")
_WORK = ".preparing"


def join(folders: Sequence[Path], data_dir: str | Path = "") -> Path:
    """Joins prepared data sets; does nothing where they are joined already.

    Args:
        folders: of records with the same crop and encoding.
        data_dir: folder of prepared data sets, as `record_folders.records_home` takes it.

    Returns:
        The folder of the joined records, named after all of them.

    Raises:
        RecordsError: crops or encodings differ, two have the same name, one is linked or of version 0.1, or the disk is
            full.
    """
    manifests = [read_manifest(folder) for folder in folders]
    _refuse_unlike(folders, manifests)
    home, name = records_home(data_dir), _joined_name(manifests)
    place = Path(name) / manifests[0].config / records.VERSION
    units = hashlib.sha256("".join(manifest.fingerprint for manifest in manifests).encode()).hexdigest()
    with locked(home / _WORK / f"lock-{name}", lambda holder: None):
        folder = home / place
        if not (folder / records.MANIFEST).is_file() or read_manifest(folder).units != units:
            _write(folders, manifests, home / _WORK / place, units)
            shutil.rmtree(folder, ignore_errors=True)  # of data sets that were prepared anew since
            shards.publish(home / _WORK / place, folder)
    return folder


def _refuse_unlike(folders: Sequence[Path], manifests: Sequence[Manifest]) -> None:
    first = manifests[0]
    names = [manifest.name for manifest in manifests]
    for folder, manifest in zip(folders, manifests, strict=True):
        if names.count(manifest.name) > 1:
            raise RecordsError(f"{folder}: expected data sets of different names to join, found {manifest.name} twice")
        if manifest.codec.encoding == LINKED or manifest.forgery_field != "forgery":
            raise RecordsError(f"{folder}: expected crops to join, found links or records of 0.1; prepare it again")
        if (manifest.crop, manifest.codec) != (first.crop, first.codec):
            raise RecordsError(
                f"{folder}: expected the crop and encoding of {folders[0]} ({first.crop}, {first.codec}), found "
                f"{manifest.crop}, {manifest.codec}; prepare both alike"
            )


def _write(folders: Sequence[Path], manifests: Sequence[Manifest], built: Path, units: str) -> None:
    """Writes the joined records to `built`."""
    work = built.with_name(f"{built.name}-parts")
    for folder in (built, work):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    first, name = manifests[0], _joined_name(manifests)
    examples = itertools.chain.from_iterable(map(_examples, folders, manifests))
    parts: list[Path] = []
    while chunk := list(itertools.islice(examples, _CHUNK)):
        parts.append(work / f"{len(parts):06d}")
        write_part(parts[-1], {}, chunk, first.codec)
    write_text(built / records.CLIPS, "".join((folder / records.CLIPS).read_text("utf-8") for folder in folders))
    merged = shards.merge(built, name, first.codec, parts)
    joined = [{"name": manifest.name, **manifest.settings} for manifest in manifests]
    settings = {**first.settings, "dataset": records.JOINED, "joined": joined}
    manifest = Manifest(
        name=name, config=first.config, settings=settings, units=units, versions=first.versions, **merged
    )
    write_json(built / records.MANIFEST, dataclasses.asdict(manifest))
    shutil.rmtree(work)


def _examples(folder: Path, manifest: Manifest) -> Iterator[Example]:
    """All examples of a data set, its name in front of theirs."""
    kind = LandmarkedExample if manifest.codec.landmarks else Example
    for split in manifest.shards:
        source = records.Records(folder, split)
        for fields in map(source.__getitem__, range(len(source))):
            names = {name: fields[name] and f"{manifest.name}/{fields[name]}" for name in _NAMES}
            mask = fields["mask"].reshape(fields["image"].shape[:2])
            yield kind(**{**fields, **names, "mask": mask})


def _joined_name(manifests: Sequence[Manifest]) -> str:
    return "_and_".join(  # a name that TFDS takes
        manifest.name for manifest in manifests
    )
