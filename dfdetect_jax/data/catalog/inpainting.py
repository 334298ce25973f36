"""Photographs with regions that a forgery has filled in, such as G&L's (gl) or ContextAtten's (contextatten).

    real/<stem>.jpg             or original/, or the folder `--reals`: the photographs
    <forgery>/<stem>.jpg         or <forgery>/images/<stem>.jpg: filled in
    <forgery>/masks/<stem>.png   or masks/<forgery>/<stem>.png, or <forgery>/<stem>_mask.png: white where filled in

Stems say what belongs together: a photograph is a person of its own, split by the hash of its stem with all that was
made from it. Where there is no mask, it is the thresholded difference to the photograph.
"""

from pathlib import Path

from dfdetect_jax.data.catalog import tree
from dfdetect_jax.data.catalog.listing import IMAGE_SUFFIXES, Found, media_files
from dfdetect_jax.data.catalog.splits import split_by_hash
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.errors import RecordsError

NAME = "inpainting"
OPTIONS = ("reals",)
_REALS, _MASKS, _IMAGES = ("real", "original"), "masks", "images"
_MASK_ENDING = "_mask"


def find_clips(root: Path, reals: str = "") -> Found:
    """Lists the photographs and their filled versions.

    Args:
        root: the folder of the forgeries' folders.
        reals: folder of the photographs; where not given, `real/` or `original/` of `root`.

    Raises:
        RecordsError: no forgery's folder holds pictures, or `reals` holds none.
    """
    root = tree.opened(root, "real/ and a folder per forgery")
    home = Path(reals).absolute() if reals else next((root / name for name in _REALS if (root / name).is_dir()), None)
    photographs = media_files(home, IMAGE_SUFFIXES) if home else []
    if reals and not photographs:
        raise RecordsError(f"--reals {reals}: expected a folder of photographs, found none in it")
    sources = {path.stem: path for path in photographs}
    clips = [_clip(path, "", sources) for path in photographs]
    findings = tree.other_files(home, IMAGE_SUFFIXES) + tree.other_folders(home, ()) if home else []
    unused = [name for name in _REALS if (root / name).is_dir() and root / name != home]
    findings += tree.left_out(root.name, f"the photographs are those of {home}", unused)
    places = []
    forgeries = [path for path in tree.folders_in(root) if path.name not in (*_REALS, _MASKS) and path != home]
    for forgery in forgeries:
        found = _forgery(root, forgery, sources)
        clips += found.clips
        findings += found.findings
        places += [forgery / _MASKS, root / _MASKS / forgery.name]
    if not any(clip.label == Label.FAKE for clip in clips):
        raise RecordsError(f"{root}: no pictures in a folder per forgery, such as gl/; give the folder that holds them")
    clips, doubled = tree.first_of_each(clips)
    findings += [*doubled, *tree.other_folders(root / _MASKS, [forgery.name for forgery in forgeries])]
    return Found(clips, findings + tree.stray_masks(places, clips, root) + tree.lacking(clips))


def _forgery(root: Path, forgery: Path, sources: dict[str, Path]) -> Found:
    files = media_files(forgery, IMAGE_SUFFIXES) + media_files(forgery / _IMAGES, IMAGE_SUFFIXES)
    beside = {path.stem.removesuffix(_MASK_ENDING): path for path in files if path.stem.endswith(_MASK_ENDING)}
    pictures = [path for path in files if not path.stem.endswith(_MASK_ENDING)]
    apart = {path.stem: path for place in (root / _MASKS / forgery.name, forgery / _MASKS) for path in _pictures(place)}
    masks = beside | apart
    clips = [_clip(path, forgery.name, sources, masks.get(path.stem)) for path in pictures]
    unmasked = [path.stem for path in pictures if path.stem not in masks]
    stray = sorted(beside.keys() - {path.stem for path in pictures})
    findings = [] if pictures else [f"{forgery.name}: no pictures"]
    findings += tree.told(forgery.name, "no mask of their own", unmasked) if masks else []
    findings += tree.told(forgery.name, f'"{_MASK_ENDING}" of no picture', stray)
    findings += tree.other_files(forgery, IMAGE_SUFFIXES) + tree.other_folders(forgery, (_IMAGES, _MASKS))
    return Found(clips, findings)


def _pictures(folder: Path) -> list[Path]:
    return media_files(folder, IMAGE_SUFFIXES)


def _clip(path: Path, forgery: str, sources: dict[str, Path], mask: Path | None = None) -> Clip:
    source = sources.get(path.stem) if forgery else None
    return Clip(
        path=str(path),
        video=f"{forgery or _REALS[0]}/{path.stem}",
        label=Label.FAKE if forgery else Label.REAL,
        forgery=forgery,
        split=split_by_hash(path.stem),
        identity=path.stem,
        source=f"{_REALS[0]}/{path.stem}" if forgery else "",
        source_path=str(source) if source else None,
        mask_path=str(mask) if mask else None,
    )
