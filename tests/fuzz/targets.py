"""What is fuzzed: sound files of every kind that the library reads, made here, and how each is read."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.fuzz.mutation import mutate, mutate_json, mutate_lines

SIDE = 48


@dataclasses.dataclass(frozen=True, kw_only=True)
class Target:
    """A kind of input.

    Attributes:
        make: (folder) -> sound files, made there, by which mutation starts.
        read: (path of a mutated file) -> anything; may raise `InputError`, and nothing else.
        place: (folder, path of the sound file) -> where its mutated copy has to lie.
        mutate: (content, contents of all, generator) -> a mutated content.
    """

    make: Callable[[Path], list[Path]]
    read: Callable[[Path], Any]
    place: Callable[[Path, Path], Path] = lambda folder, path: folder / f"mutated{path.suffix}"
    mutate: Callable[[bytes, list[bytes], np.random.Generator], bytes] = mutate


def _json(content: bytes, _: list[bytes], generator: np.random.Generator) -> bytes:
    return mutate_json(content, generator)


def _lines(content: bytes, _: list[bytes], generator: np.random.Generator) -> bytes:
    return mutate_lines(content, generator)


def picture(channels: int = 3) -> np.ndarray:
    """uint8 [SIDE, SIDE, channels] of gradients with some noise."""
    ramp = np.arange(SIDE)
    planes = [ramp[:, None] * 3 + ramp[None] * (c + 1) for c in range(channels)]
    noise = np.random.default_rng(0).integers(0, 40, (SIDE, SIDE, channels))
    return ((np.stack(planes, -1) + noise) % 256).astype(np.uint8)


def make_images(folder: Path) -> list[Path]:
    """Photographs of every format that is read."""
    rgb, rgba = Image.fromarray(picture()), Image.fromarray(picture(4), "RGBA")
    exif = Image.Exif()
    exif[0x0112] = 6
    saves: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "baseline.jpg": (rgb, {"quality": 90, "exif": exif}),
        "progressive.jpg": (rgb, {"progressive": True}),
        "cmyk.jpg": (rgb.convert("CMYK"), {}),
        "rgb.png": (rgb, {}),
        "alpha.png": (rgba, {}),
        "palette.png": (rgb.convert("P"), {}),
        "sixteen.png": (Image.fromarray(picture(1)[..., 0].astype(np.uint16) * 257), {}),
        "lossy.webp": (rgb, {}),
        "lossless.webp": (rgba, {"lossless": True}),
        "a.bmp": (rgb, {}),
        "raw.tif": (rgb, {}),
        "lzw.tif": (rgb, {"compression": "tiff_lzw"}),
        "a.gif": (rgb, {}),
        "a.avif": (rgb, {}),
    }
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        saves["a.heic"] = (rgb, {})
    except ImportError:
        pass
    for name, (image, options) in saves.items():
        image.save(folder / name, **options)
    return [folder / name for name in saves]


def read_photo(path: Path) -> Any:
    """As `predict` reads a file, whatever it turns out to be."""
    from dfdetect_jax.media.decoding import read_photograph
    from dfdetect_jax.media.drawing import is_drawing
    from dfdetect_jax.media.file_format import media_kind

    is_drawing(path)
    return read_photograph(path) if media_kind(path) == "image" else read_clip(path)


CONTAINERS = {  # suffix -> encoder, pixel format
    "mp4": ("libx264", "yuv420p"),
    "mov": ("libx265", "yuv420p"),
    "mkv": ("libvpx-vp9", "yuv420p"),
    "webm": ("libvpx", "yuv420p"),
    "avi": ("mjpeg", "yuvj420p"),
    "ts": ("mpeg2video", "yuv420p"),
    "mpg": ("mpeg1video", "yuv420p"),
    "wmv": ("wmv2", "yuv420p"),
    "flv": ("flv1", "yuv420p"),
    "ogv": ("libtheora", "yuv420p"),
}


def make_clips(folder: Path) -> list[Path]:
    """A clip in each container that is read, and animations."""
    from tests.media.clips import numbered, write_clip

    frames, paths = [numbered(index) for index in range(6)], []
    for suffix, (encoder, pixels) in CONTAINERS.items():
        path = folder / f"clip.{suffix}"
        try:
            write_clip(path, frames, encoder, pixels)
        except (ValueError, OSError):  # an FFmpeg without this encoder
            continue
        paths.append(path)
    pictures = [Image.fromarray(frame) for frame in frames]
    for suffix in ("gif", "png", "webp", "avif"):
        path = folder / f"animation.{suffix}"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
        paths.append(path)
    return paths


def read_clip(path: Path) -> Any:
    """As `predict` reads a file: it is probed, read, and read again where it was miscounted."""
    from dfdetect_jax.media.video import MiscountError
    from dfdetect_jax.scoring.media_frames import open_media

    try:
        return sum(len(chunk.frames) for chunk in open_media(str(path), 4)[1])
    except MiscountError as recount:
        return sum(len(chunk.frames) for chunk in open_media(str(path), 4, recount)[1])


def make_masks(folder: Path) -> list[Path]:
    """Masks as people and programs save them."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[8:20, 8:30] = 255
    images = {
        "grey.png": Image.fromarray(mask),
        "bilevel.png": Image.fromarray(mask).convert("1"),
        "ones.png": Image.fromarray(mask // 255),
        "layer.png": Image.fromarray(np.dstack([mask] * 4), "RGBA"),
        "mask.bmp": Image.fromarray(mask),
        "mask.tif": Image.fromarray(mask),
    }
    for name, image in images.items():
        image.save(folder / name)
    return [folder / name for name in images]


def read_mask(path: Path) -> Any:
    """As `prepare` and the queue read a mask."""
    from dfdetect_jax.media.decoding import read_image
    from dfdetect_jax.media.file_format import media_kind
    from dfdetect_jax.media.mask import binary_mask, two_valued

    if media_kind(path) != "image":
        return read_clip(path)
    image = read_image(path)
    return binary_mask(image, (SIDE, SIDE), two_valued([image.max(axis=-1)]) or 128)


def make_lists(folder: Path) -> list[Path]:
    """Lists of paths as common tools write them."""
    names = ["a.jpg", "folder with blanks/b.png", "ä/ö.mp4", "'quoted'.jpg"]
    contents = {
        "plain.txt": "\n".join(names).encode(),
        "windows.txt": "\r\n".join(f'"{name}"' for name in names).encode("utf-16"),
        "marked.txt": "\n".join(names).encode("utf-8-sig"),
        "null.txt": "\0".join(names).encode(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]


def read_list(path: Path) -> Any:
    from dfdetect_jax.scoring.path_list import listed_paths
    from dfdetect_jax.scoring.paths import media_files

    listed = list(listed_paths(str(path)))  # of which only those that lead nowhere are followed
    return list(media_files(name for name in listed if not name.startswith(("/", "~", "."))))


def make_scores(folder: Path) -> list[Path]:
    lines = [
        {"scored_by": "0123456789abcdef", "path": f"/archive/{i}.jpg", "error": None, "score": i / 10, "faces": []}
        for i in range(5)
    ]
    path = folder / "scores.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return [path]


def read_scores(path: Path) -> Any:
    import contextlib

    from dfdetect_jax.scoring.scores_file import ScoresFile

    with contextlib.closing(ScoresFile(path, "0123456789abcdef")) as scores:
        return len(scores.done)


def make_queue(folder: Path) -> list[Path]:
    from tests.active.queues_on_disk import square_mask, write_drawn_queue

    write_drawn_queue(folder / "queue", count=2, size=SIDE)
    Image.fromarray(square_mask(SIDE)).save(folder / "queue/masks/0001.png")
    return [folder / "queue/queue.json"]


def read_queue(path: Path) -> Any:
    from dfdetect_jax.active import queue, queue_masks

    found = queue.read_queue(path.parent)
    queue_masks.in_the_way(found, queue_masks.missing(found))
    return queue_masks.read_masks(found, "f" * 64)


def make_journal(folder: Path) -> list[Path]:
    """The journal of a queue on which two annotators have answered everything that can be answered."""
    from dfdetect_jax.active.journal import JOURNAL, Answer
    from dfdetect_jax.active.mask_store import save_answer
    from tests.active.queues_on_disk import square_mask, write_drawn_queue

    queue = write_drawn_queue(folder / "queue", sources=False)
    for item, annotator, answer in (
        ("0001", "ann", Answer.MASK),
        ("0001", "bob", Answer.MASK),
        ("0002", "ann", Answer.SKIP),
        ("0002", "bob", Answer.REAL),
        ("0003", "ann", Answer.UNSURE),
    ):
        mask = square_mask(top=len(annotator)) if answer == Answer.MASK else None
        save_answer(queue, item, annotator, answer, mask, seconds=12.5)
    return [queue.folder / JOURNAL]


def read_journal(path: Path) -> Any:
    """As training and the page read it, and as the page adds to it: the answer that comes next is never lost."""
    from dfdetect_jax.active import journal, queue, queue_agreement, queue_masks, worklist
    from dfdetect_jax.active.mask_store import own_mask, save_answer

    found, before = queue.read_queue(path.parent), journal.read_journal(path.parent)
    saved = save_answer(found, "0003", "ann", journal.Answer.SKIP).entry
    assert journal.read_journal(path.parent) == [*before, saved]
    items = [row.id for row in found.rows]
    now = worklist.progress(items, [], before, "ann", overlap=0.5)
    waiting = queue_masks.missing(found), queue_masks.labelled(found)
    masks = [own_mask(found, "0001", name, before) for name in ("ann", "bob")]
    agreement = queue_agreement.measure_agreement(found)
    return now, waiting, masks, json.dumps(queue_agreement.as_json(agreement)), queue_agreement.in_words(agreement)


def make_benchmark(folder: Path) -> list[Path]:
    from tests.data import benchmark_tree

    return [benchmark_tree.write_faceforensics(folder)]


def read_benchmark(path: Path) -> Any:
    from dfdetect_jax.data import catalog

    return catalog.find_clips("deepfakebench", path.parent, catalog.Options(json=str(path)))


def make_trees(folder: Path) -> list[Path]:
    """The lists, tables and JSON of every data set's tree."""
    from tests.data.sample_trees import TREES

    paths = []
    for name, build in TREES.items():
        (folder / name).mkdir()
        (folder / f"{name}.options").write_text(json.dumps(build(folder / name)))
        paths += [path for path in (folder / name).rglob("*") if path.suffix in (".txt", ".csv", ".json")]
    return sorted(paths)


def read_tree(path: Path) -> Any:
    """The tree whose file it is, by the catalog of its name."""
    from dfdetect_jax.data import catalog
    from tests.data.sample_trees import TREES

    root = next(folder for folder in path.parents if folder.name in TREES)
    options = json.loads(root.with_suffix(".options").read_text())
    return catalog.find_clips(root.name, root, catalog.Options(**options))


def _text_or_json(content: bytes, others: list[bytes], generator: np.random.Generator) -> bytes:
    return mutate_json(content, generator) if content[:1] in b"{[" else mutate(content, others, generator)


def make_configs(folder: Path) -> list[Path]:
    """config.json of both methods."""
    from dfdetect_jax.config import Crop, to_dict
    from tests.conftest import TINY_CAE, TINY_LAE

    paths = []
    for settings in (TINY_CAE, TINY_LAE):
        crop = dataclasses.asdict(Crop(size=64))
        data = {"folder": "/data/records", "fingerprint": "f" * 64, "crop": crop, "seen": ["swap"]}
        paths.append(folder / settings.method / "config.json")
        paths[-1].parent.mkdir()
        info = {"settings": to_dict(settings), "data": data, "versions": {"jax": "1"}, "commit": None}
        paths[-1].write_text(json.dumps(info))
    return paths


def read_config(path: Path) -> Any:
    """Up to the checkpoints, which aren't there."""
    from dfdetect_jax.errors import RunError
    from dfdetect_jax.run.folder import open_run

    try:
        open_run(path.parent)
    except RunError as error:
        if "no intact checkpoint" not in str(error):
            raise


def make_seals(folder: Path) -> list[Path]:
    from dfdetect_jax.run import seal

    (folder / "checkpoints/5/state").mkdir(parents=True)
    (folder / "checkpoints/5/state/data").write_bytes(bytes(1000))
    seal.write(folder / "checkpoints/5", {"val_auc": 0.9, "threshold": 0.4, "stage": 1})
    return [folder / "checkpoints/5" / seal.SEAL]


def read_seal(path: Path) -> Any:
    from dfdetect_jax.errors import RunError
    from dfdetect_jax.run import seal

    try:
        seal.sealed_steps(path.parents[1])
        return seal.verify(path.parent)
    except seal.DoubtError as error:
        raise RunError(str(error)) from error


def make_safetensors(folder: Path) -> list[Path]:
    from safetensors.numpy import save_file

    path = folder / "weights.safetensors"
    save_file({f"params/{name}/kernel": np.ones((3, 4), np.float32) for name in "ab"}, path)
    return [path]


def read_safetensors(path: Path) -> Any:
    """As model folders, and then as published weights, are read."""
    import jax

    from dfdetect_jax.exchange.weights_file import read_weights
    from dfdetect_jax.weights.sources import WeightsFile
    from dfdetect_jax.weights.tensors import opened

    expected = {"params": {name: {"kernel": jax.ShapeDtypeStruct((3, 4), np.float32)} for name in "ab"}}
    with opened(WeightsFile(path, "", "vgg16", "loss.vgg16")) as tensors:
        arrays = [tensors.read(name) for name in tensors.shapes]
    return arrays, read_weights(path.read_bytes(), expected, path)


def make_onnx(folder: Path) -> list[Path]:
    from tests.exchange.test_peer import MINIMAL, write_peer

    return [write_peer(folder / "peer.onnx", MINIMAL)]


def read_onnx(path: Path) -> Any:
    from dfdetect_jax.exchange.onnx_run import open_session, run_session

    session = open_session(path.read_bytes(), path)
    names = [output.name for output in session.get_outputs()]
    return run_session(session, names, {"x": np.zeros((1, 3, 40, 40), np.float32)}, path)


def make_manifests(folder: Path) -> list[Path]:
    """records.json of a small set of records."""
    from dfdetect_jax.data import records
    from tests.data.drawn import write_records

    return [write_records(folder / "records", {"train": 6, "val": 4}) / records.MANIFEST]


def read_manifest(path: Path) -> Any:
    from dfdetect_jax.data import records

    found = records.verify(path.parent)
    split = records.Records(path.parent, "train")
    return found, split.labels, split.forgeries, [split[i] for i in range(min(2, len(split)))]


def in_place(_: Path, path: Path) -> Path:
    """Beside what belongs to it."""
    return path


TARGETS = {
    "images": Target(make=make_images, read=read_photo),
    "clips": Target(make=make_clips, read=read_clip),
    "masks": Target(make=make_masks, read=read_mask),
    "lists": Target(make=make_lists, read=read_list),
    "scores": Target(make=make_scores, read=read_scores),
    "queue": Target(make=make_queue, read=read_queue, place=in_place, mutate=_json),
    "deepfakebench": Target(make=make_benchmark, read=read_benchmark, place=in_place, mutate=_json),
    "config": Target(make=make_configs, read=read_config, place=in_place, mutate=_json),
    "seal": Target(make=make_seals, read=read_seal, place=in_place, mutate=_json),
    "manifest": Target(make=make_manifests, read=read_manifest, place=in_place, mutate=_json),
    "safetensors": Target(make=make_safetensors, read=read_safetensors),
    "onnx": Target(make=make_onnx, read=read_onnx),
    "journal": Target(make=make_journal, read=read_journal, place=in_place, mutate=_lines),
    "trees": Target(make=make_trees, read=read_tree, place=in_place, mutate=_text_or_json),
}
