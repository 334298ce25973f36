"""Authentic and tampered pictures with masks: the layout of data sets of manipulation localisation, such as CASIA.

    authentic/*     or Au/, or real/, or another name of reals (see `trees.classes`), or `--real_folder`
    tampered/*      or Tp/, or forged/, or fake/
    masks/*         or Gt/: "<stem>.png", "<stem>_gt.png" or "<stem>_mask.png", white where tampered

Case does not matter.

Pictures are split by the hash of their stem; an authentic picture with the stem of a tampered one is its source, and
shares its split. Nothing else of a name is read, so pictures that were composed of others (CASIA's "Tp_D_...") may
share background with pictures of another split. For pictures without faces, prepare with
`--face_detector none --align box --margin 1`.
"""

from pathlib import Path

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import folders_in, media_files, open_root
from dfdetect_jax.data.trees.listing import Listing
from dfdetect_jax.data.trees.splits import split_by_hash
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES

NAME = "forged_images"
OPTIONS = ("real_folder", "allow_one_class")
FORGERY = "tampered"
_TAMPERED, _MASK_ENDINGS = ("tampered", "Tp", "forged", "fake"), ("_gt", "_mask")


def find_clips(root: Path, real_folder: str = "", allow_one_class: bool = False) -> Listing:
    """Lists the pictures, the tampered ones with their masks.

    Args:
        root: the folder with the folders of pictures.
        real_folder: folder of the authentic pictures; "" to go by the usual names.
        allow_one_class: whether there may be tampered pictures alone.

    Raises:
        RecordsError: no folder of tampered pictures, or nothing in it, or which one is of authentic ones is unclear.
    """
    root = open_root(root, "authentic/, tampered/ and masks/")
    tampered, masks = classes.folder_named(root, _TAMPERED), classes.folder_named(root, classes.MASKS)
    fakes = _pictures(tampered)
    if not fakes or not tampered:
        raise RecordsError(f"{root}: no pictures in {'/, '.join(_TAMPERED)}/; give the folder that holds one of these")
    candidates = [path for path in folders_in(root) if path not in (tampered, masks) and _pictures(path)]
    authentic = classes.real_folders(root, candidates, real_folder, needed=not allow_one_class)
    reals = [path for folder in authentic for path in _pictures(folder)]
    real_of, mask_of = {path.stem: path for path in reals}, _masks(_pictures(masks), {path.stem for path in fakes})
    clips = [_clip(path, Label.REAL) for path in reals]
    clips += [_clip(path, Label.FAKE, real_of.get(path.stem), mask_of.get(path.stem)) for path in fakes]
    clips, repeated = about.first_of_each_name(clips)
    present = [*authentic, tampered, *([masks] if masks else [])]
    findings = [finding for folder in present for finding in _other_content(folder)]
    findings += about.other_folders(root, [folder.name for folder in present])
    unmasked = [path.stem for path in fakes if path.stem not in mask_of]
    findings += about.notes(tampered.name, "no mask of their own", unmasked)
    findings += [*repeated, *about.stray_masks([masks] if masks else [], clips, root)]
    return Listing(clips, [*findings, *about.fakes_without_mask(clips)])


def _pictures(folder: Path | None) -> list[Path]:
    return media_files(folder, IMAGE_SUFFIXES) if folder else []


def _masks(files: list[Path], stems: set[str]) -> dict[str, Path]:
    """Stem of a tampered picture to its mask; one of just its name goes before one with an ending."""
    by_stem = {path.stem: path for path in files}
    candidates = {stem: [stem, *(f"{stem}{ending}" for ending in _MASK_ENDINGS)] for stem in stems}
    masks = {stem: [by_stem[name] for name in names if name in by_stem] for stem, names in candidates.items()}
    return {stem: files[0] for stem, files in masks.items() if files}


def _other_content(folder: Path) -> list[Finding]:
    return about.other_files(folder, IMAGE_SUFFIXES) + about.other_folders(folder, ())


def _clip(path: Path, label: Label, source: Path | None = None, mask: Path | None = None) -> Clip:
    return Clip(
        path=str(path),
        video=f"{_kind(label)}/{path.stem}",
        label=label,
        forgery=FORGERY if label == Label.FAKE else "",
        split=split_by_hash(path.stem),
        identity=path.stem,
        source=f"{_kind(Label.REAL)}/{path.stem}" if source else "",
        source_path=str(source) if source else None,
        mask_path=str(mask) if mask else None,
    )


def _kind(label: Label) -> str:
    return FORGERY if label == Label.FAKE else "authentic"
