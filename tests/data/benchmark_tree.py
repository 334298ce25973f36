"""DeepfakeBench's folders and list, as its own preparation writes them, in small."""

import json
import zlib

import numpy as np

from tests.data.photographs import write_image

FRAMES = (0, 10, 20)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)


def video_entry(root, label: str, folder: str, video: str, masked: bool = False, slash: str = "/") -> dict:
    """Writes the frames (and masks) of one video; returns its entry in the list."""
    entry = {"label": label, "frames": [], "masks": []}
    for frame in FRAMES:
        path = f"{folder}/frames/{video}/{frame:03d}.png"
        write_image(root / path, picture(zlib.crc32(path.encode())))
        entry["frames"].append(path.replace("/", slash))
        if masked:
            mask = np.zeros((32, 32), np.uint8)
            mask[8:20, 8:20] = 255
            path = f"{folder}/masks/{video}/{frame:03d}.png"
            write_image(root / path, mask)
            entry["masks"].append(path.replace("/", slash))
    if not masked:
        del entry["masks"]
    return entry


def write_faceforensics(root, slash: str = "\\"):
    """FaceForensics++ at two compressions: three pairs, one per split; returns the list's path."""
    listed = {"FF-real": {}, "FF-DF": {}}
    for split, (a, b) in {"train": ("071", "054"), "val": ("000", "003"), "test": ("001", "870")}.items():
        for level in ("c23", "c40"):
            folder = f"FaceForensics++/original_sequences/youtube/{level}"
            reals = {name: video_entry(root, "FF-real", folder, name, slash=slash) for name in (a, b)}
            folder = f"FaceForensics++/manipulated_sequences/Deepfakes/{level}"
            fakes = {name: video_entry(root, "FF-DF", folder, name, True, slash) for name in (f"{a}_{b}", f"{b}_{a}")}
            listed["FF-real"].setdefault(split, {})[level] = reals
            listed["FF-DF"].setdefault(split, {})[level] = fakes
    return write_list(root, "FaceForensics++", listed)


def write_celebdf(root, people: int = 12):
    """Celeb-DF in the benchmark's form: no compression level, and validation repeats test."""
    reals, fakes = {"train": {}, "test": {}}, {"train": {}, "test": {}}
    for i in range(people):
        split = "test" if i < 2 else "train"
        name, donor = f"id{i}_0000", i + 1 if i not in (1, people - 1) else i - 1
        reals[split][name] = video_entry(root, "CelebDFv2_real", "Celeb-DF-v2/Celeb-real", name)
        fake = f"id{i}_id{donor}_0000"
        fakes[split][fake] = video_entry(root, "CelebDFv2_fake", "Celeb-DF-v2/Celeb-synthesis", fake)
    for splits in (reals, fakes):
        splits["val"] = splits["test"]
    return write_list(root, "Celeb-DF-v2", {"CelebDFv2_real": reals, "CelebDFv2_fake": fakes})


def write_list(root, dataset: str, labels: dict):
    path = root / f"{dataset}.json"
    path.write_text(json.dumps({dataset: labels}))
    return path
