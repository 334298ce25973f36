"""CelebA (Liu et al., ICCV 2015), with forgeries of its photographs such as StarGAN's and Glow's.

    Img/img_align_celeba/000001.jpg         or img_align_celeba/000001.jpg
    Eval/list_eval_partition.txt            lines like "000001.jpg 0": 0 training, 1 validation, 2 test; or at the root;
                                            or list_eval_partition.csv, the same with commas and a header
    Anno/identity_CelebA.txt                "000001.jpg 2880", optional, or at the root: the person shown; without it
                                            each photograph counts as its own person
    <forgery>/000001.{jpg,png,...}          the forged photograph
    masks/<forgery>/000001.png              optional, also Masks/, gt/ and the like; else the mask is the thresholded
                                            difference to the photograph

Any folder that is not one of CelebA's own is a forgery. Forgeries are in the split of their photograph.
"""

from pathlib import Path

from dfdetect_jax.data.example import SPLITS, Clip, Label
from dfdetect_jax.data.finding import Finding
from dfdetect_jax.data.trees import classes
from dfdetect_jax.data.trees import findings as about
from dfdetect_jax.data.trees.layout import folders_in, media_files, open_root, read_lines
from dfdetect_jax.data.trees.listing import Listing, join
from dfdetect_jax.errors import RecordsError
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES

NAME = "celeba"
OPTIONS = ()
PHOTOGRAPHS = "img_align_celeba"
_PLACES = (f"Img/{PHOTOGRAPHS}", f"{PHOTOGRAPHS}/{PHOTOGRAPHS}", PHOTOGRAPHS)
_PARTITION = tuple(f"{place}list_eval_partition.{kind}" for place in ("Eval/", "") for kind in ("txt", "csv"))
_PEOPLE = ("Anno/identity_CelebA.txt", "identity_CelebA.txt")
_OWN_FOLDERS = {"Img", "Eval", "Anno", PHOTOGRAPHS}


def find_clips(root: Path) -> Listing:
    """Lists the photographs and their forgeries.

    Raises:
        RecordsError: no photographs, no partition list, or a list is damaged.
    """
    root = open_root(root, f"Img/{PHOTOGRAPHS}/ and Eval/list_eval_partition.txt")
    files = next(filter(None, (media_files(root / place, IMAGE_SUFFIXES) for place in _PLACES)), None)
    if not files:
        raise RecordsError(f"{root}: no photographs in Img/{PHOTOGRAPHS}/ or {PHOTOGRAPHS}/; give the folder with Img/")
    split_of, people = read_partition(root), read_people(root)
    photographs = {path.stem: path for path in files}
    reals = [_clip(path, split_of, people, photographs) for stem, path in photographs.items() if stem in split_of]
    masks = classes.folder_named(root, classes.MASKS)
    forgeries = [path for path in folders_in(root) if path.name not in _OWN_FOLDERS and path != masks]
    fakes = (_forgery(masks, folder, split_of, people, photographs) for folder in forgeries)
    listing = join([Listing(reals, _list_findings(split_of, people, photographs)), *fakes])
    clips, repeated = about.first_of_each_name(listing.clips)
    findings = [*listing.findings, *repeated, *about.stray_masks(folders_in(masks) if masks else [], clips, root)]
    return Listing(clips, [*findings, *about.fakes_without_mask(clips)])


def read_partition(root: Path) -> dict[str, str]:
    """Stem of each photograph to its split.

    Raises:
        RecordsError: there is no list, or a line of it is of another form.
    """
    path = next((root / place for place in _PARTITION if (root / place).is_file()), None)
    if path is None:
        raise RecordsError(f"{root}: no Eval/list_eval_partition.txt; it comes with CelebA")
    splits = dict(zip("012", SPLITS, strict=True))
    return {stem: splits[number] for stem, number in _pairs(path, tuple(splits))}


def read_people(root: Path) -> dict[str, str]:
    """Stem of each photograph to the person shown; empty without the list.

    Raises:
        RecordsError: a line of the list is of another form.
    """
    path = next((root / place for place in _PEOPLE if (root / place).is_file()), None)
    return {stem: f"id{number}" for stem, number in _pairs(path)} if path else {}


def _pairs(path: Path, numbers: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """(stem, number) of each line, after a header if there is one; `numbers` are those allowed, all where empty."""
    pairs = []
    for place, line in enumerate(read_lines(path, 'lines like "000001.jpg 0"')):
        parts = line.replace(",", " ").split()
        if len(parts) == 2 and parts[1].isdecimal() and (not numbers or parts[1] in numbers):
            pairs.append((Path(parts[0]).stem, parts[1]))
        elif place > 0 or path.suffix != ".csv":
            raise RecordsError(f'{path}: expected lines like "000001.jpg 0", found "{line[:60]}"; download it again')
    return pairs


def _list_findings(split_of: dict[str, str], people: dict[str, str], photographs: dict[str, Path]) -> list[Finding]:
    findings = about.absent(PHOTOGRAPHS, sorted(split_of.keys() - photographs.keys()))
    unlisted = sorted(photographs.keys() - split_of.keys())
    findings += about.warnings(PHOTOGRAPHS, "left out, not in the partition", unlisted)
    if not people:
        findings.append(about.warning(f"{_PEOPLE[0]}: absent, so each photograph counts as its own person"))
    return findings


def _forgery(
    masks: Path | None, folder: Path, split_of: dict[str, str], people: dict[str, str], photographs: dict[str, Path]
) -> Listing:
    files = media_files(folder, IMAGE_SUFFIXES)
    own = classes.folder_named(masks, [folder.name]) if masks else None
    clips = [_clip(path, split_of, people, photographs, folder.name, own) for path in files if path.stem in split_of]
    unknown = [path.name for path in files if path.stem not in split_of]
    sourceless = [Path(clip.path).name for clip in clips if clip.source_path is None]
    findings = about.warnings(folder.name, "left out, named as no photograph of the partition", unknown)
    findings += about.notes(folder.name, "made from a photograph that is not on disk", sourceless)
    if not files:
        findings.append(about.warning(f"{folder.name}: no photographs"))
    return Listing(clips, findings + about.other_files(folder, IMAGE_SUFFIXES) + about.other_folders(folder, ()))


def _clip(
    path: Path,
    split_of: dict[str, str],
    people: dict[str, str],
    photographs: dict[str, Path],
    forgery: str = "",
    masks: Path | None = None,
) -> Clip:
    """The clip of a photograph, or of a forged one with the folder of that forgery's masks."""
    mask = masks / f"{path.stem}.png" if masks else None
    return Clip(
        path=str(path),
        video=f"{path.parent.name}/{path.stem}",
        label=Label.FAKE if forgery else Label.REAL,
        forgery=forgery,
        split=split_of[path.stem],
        identity=people.get(path.stem, path.stem),
        source=f"{PHOTOGRAPHS}/{path.stem}" if forgery else "",
        source_path=str(photographs[path.stem]) if forgery and path.stem in photographs else None,
        mask_path=str(mask) if mask and mask.is_file() else None,
    )
