"""Authentic and tampered pictures with masks: the form of the sets for manipulation localisation, such as CASIA.

    authentic/*     or Au/, or real/
    tampered/*      or Tp/, or forged/, or fake/
    masks/*         or Gt/, or gt/: "<stem>.png", "<stem>_gt.png" or "<stem>_mask.png", white where tampered

Pictures are split by the hash of their stem; one in both folders with the same stem shares its split and is the source.
Nothing else of a name is read, so pictures that were put together from others (CASIA's "Tp_D_...") may share background
with pictures of another split. TIFF is not read: convert it to PNG first. For pictures without faces, prepare with
`--detector none --align box --margin 1`.
"""

from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import IMAGE_SUFFIXES, Found, media_files
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "forged_images"
OPTIONS = ()
FORGERY = "tampered"
_AUTHENTIC, _TAMPERED = ("authentic", "Au", "real"), ("tampered", "Tp", "forged", "fake")
_MASKS, _MASK_ENDINGS = ("masks", "Gt", "gt"), ("_gt", "_mask")


def find_clips(root: Path) -> Found:
    """Lists the pictures, the tampered ones with their masks.

    Raises:
        RecordsError: no folder of tampered pictures, or nothing in it.
    """
    root = tree.opened(root, "authentic/, tampered/ and masks/")
    authentic, tampered, masks = (_folder(root, names) for names in (_AUTHENTIC, _TAMPERED, _MASKS))
    reals = {path.stem: path for path in _pictures(authentic)}
    fakes = _pictures(tampered)
    if not fakes:
        raise RecordsError(f"{root}: no pictures in {'/, '.join(_TAMPERED)}/; give the folder that holds one of these")
    mask_of = _masks(_pictures(masks), {path.stem for path in fakes})
    clips = [_clip(path, Label.REAL) for path in _pictures(authentic)]
    clips += [_clip(path, Label.FAKE, reals.get(path.stem), mask_of.get(path.stem)) for path in fakes]
    there = [folder for folder in (authentic, tampered, masks) if folder]
    findings = [finding for folder in there for finding in _strange(folder)]
    findings += tree.other_folders(root, [folder.name for folder in there])
    unmasked = [path.stem for path in fakes if path.stem not in mask_of]
    findings += tree.told(tampered.name, "no mask of their own", unmasked)
    clips, doubled = tree.first_of_each(clips)
    stray = tree.stray_masks([masks] if masks else [], clips, root)
    return Found(clips, [*findings, *doubled, *stray, *tree.lacking(clips)])


def _folder(root: Path, names: tuple[str, ...]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _pictures(folder: Path | None) -> list[Path]:
    return media_files(folder, IMAGE_SUFFIXES) if folder else []


def _masks(files: list[Path], stems: set[str]) -> dict[str, Path]:
    """Stem of a tampered picture to its mask; one of just its name goes before one with an ending."""
    named = {path.stem: path for path in files}
    found = {}
    for stem in stems:
        names = (stem, *(f"{stem}{ending}" for ending in _MASK_ENDINGS))
        mask = next((named[name] for name in names if name in named), None)
        if mask:
            found[stem] = mask
    return found


def _strange(folder: Path) -> list[str]:
    return tree.other_files(folder, IMAGE_SUFFIXES) + tree.other_folders(folder, ())


def _clip(path: Path, label: int, source: Path | None = None, mask: Path | None = None) -> Clip:
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


def _kind(label: int) -> str:
    return FORGERY if label == Label.FAKE else "authentic"
