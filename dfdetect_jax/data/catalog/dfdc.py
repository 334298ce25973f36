"""DFDC, the Deepfake Detection Challenge (Dolhansky et al., 2020): its parts and its test set.

    dfdc_train_part_<0..49>/metadata.json       {"x.mp4": {"label": "FAKE", "split": "train", "original": "y.mp4"}, ...}
    dfdc_train_part_<0..49>/x.mp4
    test/labels.csv                             filename,label with 1 for fake; the videos beside it or in test/videos/

The root may also be one such part, or another folder of that form, such as the challenge's train_sample_videos. Parts 0
to 34 are training, 35 to 39 validation, 40 to 49 and the test set test, as is usual; in other folders clips are split
by the hash of their original. Who is shown is not told, so an original is a person, and with it what was made from it.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import VIDEO_SUFFIXES, Found, media_files
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "dfdc"
OPTIONS = ()
FORGERY = "DFDC"
METADATA, LABELS = "metadata.json", "labels.csv"
_PART = re.compile(r"dfdc_train_part_(\d+)")
_PARTS = {"train": range(35), "val": range(35, 40), "test": range(40, 50)}
_LABELS = {"REAL": Label.REAL, "FAKE": Label.FAKE, "0": Label.REAL, "1": Label.FAKE}


def find_clips(root: Path) -> Found:
    """Lists the videos of the parts and of the test set that are on disk.

    Raises:
        RecordsError: `root` holds no part and no test set, or one's list is damaged.
    """
    root = tree.opened(root, f"dfdc_train_part_<N>/{METADATA} or test/{LABELS}")
    folders = [root, *tree.folders_in(root)]
    parts = {folder: read_metadata(folder / METADATA) for folder in folders if (folder / METADATA).is_file()}
    tests = [folder for folder in folders if (folder / LABELS).is_file()]
    if not parts and not tests:
        raise RecordsError(f"{root}: neither dfdc_train_part_<N>/{METADATA} nor test/{LABELS}; give their folder")
    clips, findings = [], []
    homes = {stem: folder for folder, entries in parts.items() for stem in entries}
    for folder, entries in parts.items():
        found = _part(folder, entries, homes)
        clips += found.clips
        findings += found.findings
    for folder in tests:
        found = _test(folder)
        clips += found.clips
        findings += found.findings
    if root not in (*parts, *tests):
        findings += tree.other_folders(root, [folder.name for folder in (*parts, *tests)])
    return Found(sorted(clips, key=lambda clip: clip.video), findings + tree.lacking(clips))


def read_metadata(path: Path) -> dict[str, tuple[int, str]]:
    """Stem of each listed clip to its label and the stem of its original, `""` for reals and where none is named.

    Raises:
        RecordsError: unreadable, or a label is neither Label.REAL nor Label.FAKE.
    """
    entries = {}
    for name, entry in tree.read_entries(path, 'an object like {"x.mp4": {"label": "FAKE"}}').items():
        label = entry.get("label")
        if label not in ("REAL", "FAKE"):
            raise RecordsError(f'{path}: {name}: expected "label" REAL or FAKE, found {label}; get the file anew')
        original = entry.get("original") if label == "FAKE" else ""
        entries[Path(name).stem] = (_LABELS[label], Path(original or "").stem)
    return entries


def read_labels(path: Path) -> dict[str, int]:
    """Stem of each test clip to its label.

    Raises:
        RecordsError: unreadable, or not `filename,label` with labels 0 and 1.
    """
    rows = list(csv.DictReader(tree.read_lines(path, 'a table "filename,label"')))
    for row in rows:
        if not row.get("filename") or row.get("label") not in ("0", "1"):
            raise RecordsError(f'{path}: expected "filename,label" with 0 for real and 1 for fake, found {row}')
    return {Path(row["filename"]).stem: _LABELS[row["label"]] for row in rows}


def _part(folder: Path, entries: dict[str, tuple[int, str]], homes: dict[str, Path]) -> Found:
    number = _PART.fullmatch(folder.name)
    split = number and next((split for split, numbers in _PARTS.items() if int(number[1]) in numbers), None)
    if number and not split:
        return Found([], [f"{folder.name}: left out, parts have the numbers 0 to 49"])
    files = {path.stem: path for path in media_files(folder, VIDEO_SUFFIXES)}
    clips = []
    for stem in sorted(files.keys() & entries.keys()):
        label, original = entries[stem]
        home = homes.get(original, folder)
        source = home / f"{original}{files[stem].suffix}" if original else None
        identity = original or stem
        clips.append(
            Clip(
                path=str(files[stem]),
                video=f"{folder.name}/{stem}",
                label=label,
                forgery=FORGERY if label == Label.FAKE else "",
                split=split or split_by_hash(identity),
                identity=identity,
                source=f"{home.name}/{original}" if original else "",
                source_path=str(source) if source and source.is_file() else None,
            )
        )
    return Found(clips, [*_unmatched(folder, METADATA, files, entries), *tree.other_folders(folder, ())])


def _test(folder: Path) -> Found:
    labels = read_labels(folder / LABELS)
    files = {path.stem: path for place in (folder / "videos", folder) for path in media_files(place, VIDEO_SUFFIXES)}
    clips = [
        Clip(
            path=str(files[stem]),
            video=f"{folder.name}/{stem}",
            label=labels[stem],
            forgery=FORGERY if labels[stem] == Label.FAKE else "",
            split="test",
            identity=stem,
        )
        for stem in sorted(files.keys() & labels.keys())
    ]
    return Found(clips, [*_unmatched(folder, LABELS, files, labels), *tree.other_folders(folder, ["videos"])])


def _unmatched(folder: Path, table: str, files: dict, listed: dict) -> Iterator[str]:
    yield from tree.absent(f"{folder.name}/{table}", sorted(listed.keys() - files.keys()))
    yield from tree.left_out(folder.name, f"not in {table}", sorted(files.keys() - listed.keys()))
