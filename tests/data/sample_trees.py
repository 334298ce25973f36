"""A tiny tree of each data set, as its authors lay it out: empty files, of enough people for every split.

`TREES` gives by catalog the function that builds one in an empty folder and returns the options it needs.
"""

import itertools
import json
from pathlib import Path

PEOPLE = range(40)


def put(root: Path, *names: str) -> None:
    """Empty files below `root`."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def write(path: Path, text: str) -> None:
    """A text file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def celeba(root: Path) -> dict:
    """40 photographs of 20 people, StarGAN's of the first 30, two masks."""
    stems = [f"{number + 1:06d}" for number in PEOPLE]
    put(root, *(f"Img/img_align_celeba/{stem}.jpg" for stem in stems))
    put(root, *(f"stargan/{stem}.jpg" for stem in stems[:30]), *(f"glow/{stem}.png" for stem in stems[10:]))
    put(root, *(f"masks/glow/{stem}.png" for stem in stems[10:12]))
    splits = [0] * 24 + [1] * 8 + [2] * 8
    lines = (f"{stem}.jpg {split}\n" for stem, split in zip(stems, splits, strict=True))
    write(root / "Eval/list_eval_partition.txt", "".join(lines))
    write(root / "Anno/identity_CelebA.txt", "".join(f"{stem}.jpg {i // 2 + 100}\n" for i, stem in enumerate(stems)))
    return {}


def celebdf(root: Path) -> dict:
    """40 celebrities of whom six are in the test list, each swapped with two others; 20 clips of others."""
    put(root, *(f"Celeb-real/id{i}_{scene:04d}.mp4" for i in PEOPLE for scene in range(2)))
    put(root, *(f"Celeb-synthesis/id{i}_id{(i + step) % 40}_0000.mp4" for i in PEOPLE for step in (1, 2)))
    put(root, *(f"YouTube-real/{number:05d}.mp4" for number in range(20)))
    tests = ["1 Celeb-real/id0_0000.mp4", "0 Celeb-synthesis/id1_id2_0000.mp4", "0 Celeb-synthesis/id4_id5_0000.mp4"]
    tests += ["1 Celeb-real/id3_0001.mp4", "1 YouTube-real/00007.mp4"]
    write(root / "List_of_testing_videos.txt", "\n".join(tests) + "\n")
    return {}


def deeperforensics(root: Path) -> dict:
    """Two variants of 40 swaps, actors apart by split; the reals lie in FaceForensics++'s folder."""
    swaps = {
        split: [f"{number:03d}_{'MW'[number % 2]}{base + number % 4:03d}" for number in numbers]
        for split, numbers, base in (("train", range(28), 0), ("val", range(28, 33), 10), ("test", range(33, 40), 20))
    }
    for variant in ("end_to_end", "reenact_postprocess"):
        put(root, *(f"manipulated_videos/{variant}/{name}.mp4" for names in swaps.values() for name in names))
    for split, names in swaps.items():
        write(root / f"lists/splits/{split}.txt", "".join(f"{name}.mp4\n" for name in names))
    ffpp = root.parent / "ffpp"
    put(ffpp, *(f"original_sequences/youtube/c23/videos/{number:03d}.mp4" for number in range(45)))
    return {"reals": str(ffpp)}


def df40(root: Path) -> dict:
    """A forgery of both sources, an unknown one with its reals, FaceForensics++'s pairs and frames of its reals."""
    write_pairs(root / "splits")
    pairs = [f"{a:03d}_{b:03d}" for i in range(0, 40, 2) for a, b in ((i, i + 1), (i + 1, i))]
    put(root, *(f"simswap/ff/frames/{pair}/{frame:03d}.png" for pair in pairs for frame in range(2)))
    put(root, *(f"simswap/cdf/id{i}_id{i + 1}_0000/{frame:03d}.png" for i in range(5) for frame in range(2)))
    put(root, *(f"heygen/fake/clip{i}.mp4" for i in range(4)), *(f"heygen/real/clip{i}.mp4" for i in range(4)))
    put(root, *(f"real/{number:03d}/000.png" for number in PEOPLE), "real/id0_0000/000.png", "real/00003/000.png")
    return {}


def dfdc(root: Path) -> dict:
    """The first and last part of each split, of 6 reals and 12 fakes each, and a test set of 6."""
    for number in (0, 34, 35, 39, 40, 49):
        reals = [f"real{number}x{i}.mp4" for i in range(6)]
        entries = {name: {"label": "REAL", "split": "train"} for name in reals}
        for name, copy in itertools.product(reals, range(2)):
            entries[f"fake{copy}{name}"] = {"label": "FAKE", "split": "train", "original": name}
        write(root / f"dfdc_train_part_{number}/metadata.json", json.dumps(entries))
        put(root, *(f"dfdc_train_part_{number}/{name}" for name in entries))
    write(root / "test/labels.csv", "filename,label\n" + "".join(f"test{i}.mp4,{i % 2}\n" for i in range(6)))
    put(root, *(f"test/videos/test{i}.mp4" for i in range(6)))
    return {}


def dfdc_preview(root: Path) -> dict:
    """40 people, of whom the last 8 are in the test set; swaps among neighbours by both forgeries."""
    entries = {}
    for i in PEOPLE:
        where = {"set": "test" if i >= 32 else "train"}
        donor = i + 1 if i % 4 < 3 else i - 3
        entries[f"original_videos/{100 + i}/{100 + i}_A_001.mp4"] = {"label": "real", **where}
        entries[f"method_A/{100 + i}_{100 + donor}_A/{100 + i}_{i}.mp4"] = {"label": "fake", **where}
        people = {"target_id": 100 + i, "swapped_id": 100 + donor}
        entries[f"method_B/{i}/some_{i}.mp4"] = {"label": "fake", **where, **people}
    write(root / "dataset.json", json.dumps(entries))
    put(root, *entries)
    return {}


def write_pairs(folder: Path) -> None:
    """FaceForensics++'s three lists of pairs, of 28, 6 and 6 people."""
    pairs = [[f"{i:03d}", f"{i + 1:03d}"] for i in range(0, 40, 2)]
    for split, some in (("train", pairs[:14]), ("val", pairs[14:17]), ("test", pairs[17:])):
        write(folder / f"{split}.json", json.dumps(some))


def faceforensics(root: Path) -> dict:
    """40 originals, two forgeries with both orders of each pair, masks of one; 12 actors swapped with one another."""
    write_pairs(root / "splits")
    pairs = [f"{a:03d}_{b:03d}" for i in range(0, 40, 2) for a, b in ((i, i + 1), (i + 1, i))]
    put(root, *(f"original_sequences/youtube/c23/videos/{number:03d}.mp4" for number in PEOPLE))
    for forgery in ("Deepfakes", "FaceShifter"):
        put(root, *(f"manipulated_sequences/{forgery}/c23/videos/{pair}.mp4" for pair in pairs))
    put(root, *(f"manipulated_sequences/Deepfakes/masks/videos/{pair}.mp4" for pair in pairs))
    actors = range(1, 13)
    put(root, *(f"original_sequences/actors/c23/videos/{actor:02d}__talking.mp4" for actor in actors))
    swaps = (f"{a:02d}_{b:02d}__talking__ABCD1234.mp4" for a, b in itertools.permutations(actors, 2))
    put(root, *(f"manipulated_sequences/DeepFakeDetection/c23/videos/{swap}" for swap in swaps))
    return {}


def folder(root: Path) -> dict:
    """Photographs of 40 people, swaps as folders of pictures, masks."""
    put(root, *(f"real/id{i}_{shot}.jpg" for i in PEOPLE for shot in range(2)))
    put(root, *(f"swap/id{i}_id{i + 1}/{frame:03d}.png" for i in PEOPLE for frame in range(2)))
    put(root, *(f"masks/swap/id{i}_id{i + 1}/{frame:03d}.png" for i in PEOPLE for frame in range(2)))
    return {}


def folder_by_splits(root: Path) -> dict:
    """Numbers that begin anew in train/ and test/, without val/."""
    for split, count in (("train", 40), ("test", 10)):
        put(root, *(f"{split}/real/{i}.jpg" for i in range(count)), *(f"{split}/gan/{i}.jpg" for i in range(count)))
    return {}


def forged_images(root: Path) -> dict:
    """CASIA's folders: 40 authentic pictures, 40 tampered ones with masks of which some share a stem with them."""
    put(root, *(f"Au/{i:03d}.jpg" for i in PEOPLE), *(f"Tp/{i:03d}.png" for i in range(20, 60)))
    put(root, *(f"Gt/{i:03d}_gt.png" for i in range(20, 60)))
    return {}


def inpainting(root: Path) -> dict:
    """40 photographs, filled in by two forgeries with their masks in two places."""
    put(root, *(f"real/{i:03d}.jpg" for i in PEOPLE))
    put(root, *(f"gl/{i:03d}.png" for i in PEOPLE), *(f"gl/masks/{i:03d}.png" for i in PEOPLE))
    put(root, *(f"contextatten/{i:03d}.png" for i in PEOPLE), *(f"contextatten/{i:03d}_mask.png" for i in PEOPLE))
    return {}


def uadfv(root: Path) -> dict:
    """49 videos and as many fakes, as there are."""
    put(root, *(f"real/{i:04d}.mp4" for i in range(49)), *(f"fake/{i:04d}_fake.mp4" for i in range(49)))
    return {}


def wilddeepfake(root: Path) -> dict:
    """30 groups of two sequences of each kind in training, 5 in test, numbered anew in each."""
    for kind, (split, groups) in itertools.product(("real", "fake"), (("train", 30), ("test", 5))):
        for group, sequence in itertools.product(range(groups), range(2)):
            put(root, *(f"{kind}_{split}/{group}/{kind}/{sequence}/{frame}.png" for frame in range(3)))
    return {}


TREES = {
    "celeba": celeba,
    "celebdf": celebdf,
    "deeperforensics": deeperforensics,
    "df40": df40,
    "dfdc": dfdc,
    "dfdc_preview": dfdc_preview,
    "faceforensics": faceforensics,
    "folder": folder,
    "forged_images": forged_images,
    "inpainting": inpainting,
    "uadfv": uadfv,
    "wilddeepfake": wilddeepfake,
}
