"""DFDC, the Deepfake Detection Challenge (Dolhansky et al., 2020): its parts and its test set.

    dfdc_train_part_<0..49>/metadata.json       {"x.mp4": {"label": "FAKE", "split": "train", "original": "y.mp4"}, ...}
    dfdc_train_part_<0..49>/x.mp4
    test/labels.csv                             filename,label with 1 for fake; the videos beside it or in test/videos/

The root may also be one such part, or another folder of that form, such as the challenge's train_sample_videos. Parts 0
to 34 are training, 35 to 39 validation, 40 to 49 and the test set test, as is usual; in other folders clips are split
by the hash of their original. The data set does not name the people shown, so an original and the fakes made from it
count as one person.
"""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import LONGEST_NAME, folders_in, media_files, open_root, read_entries, read_lines
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import VIDEO_SUFFIXES

NAME = "dfdc"
OPTIONS = ()
FORGERY = "DFDC"
METADATA, LABELS = "metadata.json", "labels.csv"
_PART = re.compile(r"dfdc_train_part_(\d+)")
_PARTS = {"train": range(35), "val": range(35, 40), "test": range(40, 50)}
_LABELS = {"REAL": Label.REAL, "FAKE": Label.FAKE, "0": Label.REAL, "1": Label.FAKE}


def find_clips(root: Path) -> Listing:
    """Lists the videos of the parts and of the test set that are on disk.

    Raises:
        RecordsError: `root` holds no part and no test set, or the list of one is damaged.
    """
    root = open_root(root, f"dfdc_train_part_<N>/{METADATA} or test/{LABELS}")
    folders = [root, *folders_in(root)]
    parts = {folder: read_metadata(folder / METADATA) for folder in folders if (folder / METADATA).is_file()}
    tests = [folder for folder in folders if (folder / LABELS).is_file()]
    if not parts and not tests:
        raise RecordsError(f"{root}: neither dfdc_train_part_<N>/{METADATA} nor test/{LABELS}; give their folder")
    homes = {stem: folder for folder, entries in parts.items() for stem in entries}
    listing = join([_part(folder, entries, homes) for folder, entries in parts.items()] + [_test(f) for f in tests])
    findings = listing.findings
    if root not in (*parts, *tests):
        findings += about.other_folders(root, [folder.name for folder in (*parts, *tests)])
    findings += about.fakes_without_mask(listing.clips)
    return Listing(listing.clips, findings)


def read_metadata(path: Path) -> dict[str, tuple[Label, str]]:
    """Stem of each listed clip to its label and the stem of its original, `""` for reals and where none is named.

    Raises:
        RecordsError: unreadable, a label is neither "REAL" nor "FAKE", or an original is no name of a file.
    """
    entries = {}
    for name, entry in read_entries(path, 'an object like {"x.mp4": {"label": "FAKE"}}').items():
        label = entry.get("label")
        if label not in ("REAL", "FAKE"):
            raise RecordsError(f'{path}: {name}: expected "label" REAL or FAKE, found {label}; download it again')
        original = (entry.get("original") if label == "FAKE" else "") or ""
        if not isinstance(original, str) or len(original) > LONGEST_NAME:
            words = f'expected the name of the "original", found {original!r:.60}'
            raise RecordsError(f"{path}: {name}: {words}; download it again")
        entries[Path(name).stem] = (_LABELS[label], Path(original).stem)
    return entries


def read_labels(path: Path) -> dict[str, Label]:
    """Stem of each test clip to its label.

    Raises:
        RecordsError: unreadable, or not `filename,label` with labels 0 and 1.
    """
    expected = '"filename,label" with 0 for real and 1 for fake'
    try:
        rows = list(csv.DictReader(read_lines(path, 'a table "filename,label"')))
    except csv.Error as error:  # such as a field without end
        raise RecordsError(f"{path}: expected {expected} ({error}); download the file again") from error
    for row in rows:
        if not row.get("filename") or row.get("label") not in ("0", "1"):
            raise RecordsError(f"{path}: expected {expected}, found {row}; download the file again")
    return {Path(row["filename"]).stem: _LABELS[row["label"]] for row in rows}


def _part(folder: Path, entries: dict[str, tuple[Label, str]], homes: dict[str, Path]) -> Listing:
    number = _PART.fullmatch(folder.name)
    split = next((split for split, numbers in _PARTS.items() if number and int(number[1]) in numbers), None)
    if number and not split:
        return Listing([], [about.warning(f"{folder.name}: left out, parts have the numbers 0 to 49")])
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
    return Listing(clips, _unmatched(folder, METADATA, files, entries) + about.other_folders(folder, ()))


def _test(folder: Path) -> Listing:
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
    return Listing(clips, _unmatched(folder, LABELS, files, labels) + about.other_folders(folder, ["videos"]))


def _unmatched(folder: Path, table: str, files: Iterable[str], entries: Iterable[str]) -> list[Finding]:
    """Findings about the stems of files that a table does not list, and the other way round."""
    findings = about.absent(f"{folder.name}/{table}", sorted(set(entries) - set(files)))
    return findings + about.warnings(folder.name, f"left out, not in {table}", sorted(set(files) - set(entries)))
