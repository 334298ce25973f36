"""From a run to a queue: scores the training fakes, selects some, and writes their crops for annotation."""

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax import methods
from dfdetect_jax.active.face_region import face_region
from dfdetect_jax.active.queue import Queue, QueueCrop, QueueRow, Selection, digest, kept_queue, read_queue, write_queue
from dfdetect_jax.active.queue_masks import labelled
from dfdetect_jax.active.selection import NEEDS, Candidates, Choice, how_many, rank
from dfdetect_jax.active.sources import source_crops
from dfdetect_jax.batching import PREDICT_BATCH, padded_batches
from dfdetect_jax.config import Active, Settings
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.mixture import select
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.devices.compiler_options import compiler_options
from dfdetect_jax.errors import RecordsError, RunError, SettingsError
from dfdetect_jax.media.crop import resize
from dfdetect_jax.methods import Variables
from dfdetect_jax.pictures.heat import blend
from dfdetect_jax.run.folder import Run


def choose_for_masks(
    run: Run,
    records: str | Path,
    active: Active,
    folder: str | Path,
    *,
    seed: int | None = None,
    after: str | Path | None = None,
    on_progress: Callable[[int], None] = lambda images: None,
) -> Queue:
    """Selects training fakes for annotation and writes the queue.

    An existing queue of the same selection is returned unchanged, and nothing is scored. With `after`, a queue of an
    earlier round, what was answered there is not chosen again; its masks are copied to the end of the new queue, so
    that training learns from those of all rounds.

    Args:
        run: of a method that learns from masks, after stage 1.
        records: folder of the records that the run was trained on, see `run.folder.records_of`.
        active: `strategy` and `share` are read.
        folder: of the queue.
        seed: of the strategy "random"; None for the seed of the run.
        after: folder of the queue of an earlier round; None for the first.
        on_progress: called with the number of fakes of each batch, once it is scored.

    Raises:
        BadMediaError: a mask of the earlier round can't be used.
        RunError: the run's method never learns from masks, or it has diverged, or another queue is in `folder`; the
            earlier round was of other data, or all fakes are answered.
        SettingsError: the strategy reads the latent's fake half, which the run's head lacks.
        RecordsError: there are no fakes, or the records are damaged.
    """
    active_settings(run.settings, run.folder)
    if active.strategy == "channels" and not run.settings.has_latent_halves:
        raise SettingsError('strategy: "channels" reads the latent\'s fake half, which model.head="linear" lacks')
    manifest = read_manifest(records)
    earlier = _Earlier() if after is None else _answered(after, manifest.fingerprint)
    selection = Selection(
        run=run.folder.name,
        step=int(run.info["checkpoint"]["step"]),
        strategy=active.strategy,
        share=active.share,
        seed=run.settings.seed if seed is None else seed,
        fingerprint=manifest.fingerprint,
        after=earlier.digest,
    )
    if kept := kept_queue(folder, selection):
        return kept
    split = Records(records, "train")
    trained = select(split, run.settings.data.train_forgeries)
    candidates = score_fakes(run, records, NEEDS[active.strategy], on_progress)
    answered = np.isin(candidates.places, earlier.places)
    if answered.all():
        raise RunError(f"{after}: expected fakes that are not answered yet, found all {len(candidates)} answered")
    count = how_many(active.share, len(trained), int((~answered).sum()))
    choices = rank(candidates, active.strategy, count, selection.seed, labelled=np.flatnonzero(answered))
    crops = _crops(run, split, candidates, [(choice, None) for choice in choices] + _again(candidates, earlier))
    return write_queue(folder, selection, manifest.crop.size, crops)


class _Earlier(NamedTuple):
    """What an earlier round brought: its masks, the places that are answered, and a digest of both."""

    masks: Masks = Masks(places=np.zeros(0, np.int64), masks=np.zeros((0, 1, 1), np.uint8))
    places: tuple[int, ...] = ()
    digest: str = ""


def _answered(folder: str | Path, fingerprint: str) -> _Earlier:
    queue = read_queue(folder)
    if queue.selection.fingerprint != fingerprint:
        raise RunError(f"{folder}: expected a queue of the data that the run was trained on, found one of other data")
    masks, places = labelled(queue)
    content = np.array(places, np.int64).tobytes() + masks.places.tobytes() + masks.masks.tobytes()
    return _Earlier(masks, tuple(places), hashlib.sha256(content).hexdigest())


def _again(candidates: Candidates, earlier: _Earlier) -> list[tuple[Choice, np.ndarray | None]]:
    """The crops that have a mask from an earlier round, as choices, with that mask; not those of other forgeries."""
    rows = {place: row for row, place in enumerate(candidates.places.tolist())}
    masks = zip(earlier.masks.places.tolist(), earlier.masks.masks, strict=True)
    words = "painted in an earlier round"
    return [(Choice(rows[place], words), mask) for place, mask in masks if place in rows]


def active_settings(settings: Settings, run_folder: Path) -> Active:
    """The active-learning settings of a run.

    Raises:
        RunError: the method never learns from masks; the message names the run and its method.
    """
    if settings.active is None:
        raise RunError(
            f"{run_folder}: expected a run of a method that learns from masks, such as lae, found one of "
            f"{settings.method}"
        )
    return settings.active


def training_fakes(run: Run, records: str | Path) -> np.ndarray:
    """Indices of the fakes that the run trains on, in the records of the training split: int64 [N], ascending.

    Raises:
        RecordsError, SettingsError: the records are damaged, or have no fakes of some forgery.
    """
    split = Records(records, "train")
    trained = select(split, run.settings.data.train_forgeries)
    return trained[split.labels[trained] == Label.FAKE]


def score_fakes(
    run: Run,
    records: str | Path,
    needs: Sequence[str] = (),
    on_progress: Callable[[int], None] = lambda images: None,
) -> Candidates:
    """Scores the training fakes and computes the columns that the strategies rank by.

    Args:
        run: of a method that learns from masks.
        records: folder of the records that the run was trained on.
        needs: additional columns, computed from the latent: "features", "evidence", "evidence_outside".
        on_progress: called with the number of fakes of each batch, once it is scored.

    Raises:
        RecordsError: there are no fakes that the run trains on, or the records are damaged.
    """
    data, places = run.settings.data, training_fakes(run, records)
    if not len(places):
        raise RecordsError(f"{records}: expected fakes to choose from in the training split, found none")
    batches = eval_batches(
        records, "train", batch_size=PREDICT_BATCH, image_size=data.image_size, forgeries=data.train_forgeries
    )
    face = face_region(data.image_size, run.crop.margin)
    encode = methods.build(run.settings).encode
    latents = None
    if needs and encode:
        columns_of = functools.partial(_latent_columns, encode=encode, face=face)
        latents = jax.jit(columns_of, compiler_options=compiler_options())
    parts = []
    for images, clips in _fakes(batches):
        prediction = run.localize(images)
        columns = {"score": prediction.score, "outside": _share_outside(np.asarray(prediction.attention), face)}
        if latents:
            columns |= {name: column for name, column in latents(run.variables, images).items() if name in needs}
        parts.append({"clips": clips, **{name: np.asarray(column)[: len(clips)] for name, column in columns.items()}})
        on_progress(len(clips))
    return Candidates(places=places, **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _share_outside(attention: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The share of each map's sum outside the face: float32 [N, S, S], bool [S, S] -> float32 [N] in [0, 1]."""
    outside, everywhere = attention.sum(axis=(1, 2), where=~face), attention.sum(axis=(1, 2))
    return outside / np.maximum(everywhere, 1e-12)


def _latent_columns(
    variables: Variables, images: jax.Array, *, encode: Callable[[Variables, jax.Array], jax.Array], face: np.ndarray
) -> dict[str, jax.Array]:
    """The columns of `Candidates` that are computed from the latent.

    Args:
        variables: of the method.
        images: uint8 [N, S, S, 3], RGB.
        encode: `Method.encode`.
        face: bool [S, S], True in the face.

    Returns:
        "features" float32 [N, C], "evidence" and "evidence_outside" float32 [N, C / 2]; all at least 0.
    """
    size = jnp.abs(encode(variables, images))
    channels = size.shape[-1] // 2
    fake = size[..., channels:] / channels
    return {
        "features": size.mean((1, 2)),
        "evidence": fake.mean((1, 2)),
        "evidence_outside": (fake * _outside_cells(face, (size.shape[1], size.shape[2]))).mean((1, 2)),
    }


def _outside_cells(face: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The share of each latent position that lies outside the face: bool [S, S] -> float32 [h, w, 1] in [0, 1]."""
    height, width = grid
    cells = face.reshape(height, face.shape[0] // height, width, face.shape[1] // width)
    return 1 - cells.mean((1, 3), dtype=np.float32)[..., None]


def _fakes(batches: Iterable[Mapping[str, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The fakes of `batches` in padded groups: images uint8 [`PREDICT_BATCH`, S, S, 3], and clips str [n] of the n that
    are no padding.
    """
    waiting: list[tuple[np.ndarray, str]] = []
    for batch in batches:
        fakes = (batch["label"] == Label.FAKE) & (batch["valid"] > 0)
        waiting.extend(zip(batch["image"][fakes], batch["video"][fakes].tolist(), strict=True))
        if len(waiting) >= PREDICT_BATCH:
            yield _group(waiting[:PREDICT_BATCH])
            waiting = waiting[PREDICT_BATCH:]
    if waiting:
        yield _group(waiting)


def _group(fakes: Sequence[tuple[np.ndarray, str]]) -> tuple[np.ndarray, np.ndarray]:
    images = {"image": np.stack([image for image, _ in fakes])}
    batch, _ = next(padded_batches(images, PREDICT_BATCH))  # always one shape, so that prediction compiles once
    return batch["image"], np.array([clip for _, clip in fakes])


def _crops(
    run: Run, split: Records, candidates: Candidates, choices: Sequence[tuple[Choice, np.ndarray | None]]
) -> Iterator[QueueCrop]:
    """Yields the crops for `write_queue`, with at most `PREDICT_BATCH` in memory; each choice with its mask, if any."""
    sources = source_crops(split, [int(candidates.places[choice.row]) for choice, _ in choices])
    for start in range(0, len(choices), PREDICT_BATCH):
        group = choices[start : start + PREDICT_BATCH]
        examples = [split[int(candidates.places[choice.row])] for choice, _ in group]
        images = np.stack([resize(example["image"], run.settings.data.image_size) for example in examples])
        attention = np.clip(np.asarray(run.localize(images).attention), 0, 1)
        for number, ((choice, mask), example, share) in enumerate(zip(group, examples, attention, strict=True), start):
            row, crop = _row(number + 1, candidates, choice, example), example["image"]
            heat = np.clip(resize(share, len(crop)), 0, 1)
            yield QueueCrop(row, crop, blend(crop, heat), heat, sources(row.place), mask)


def _row(number: int, candidates: Candidates, choice: Choice, example: Mapping[str, Any]) -> QueueRow:
    return QueueRow(
        id=f"{number:04d}",
        place=int(candidates.places[choice.row]),
        video=example["video"],
        forgery=example["forgery"],
        frame=example["frame"],
        score=float(candidates.score[choice.row]),
        outside=float(candidates.outside[choice.row]),
        reason=choice.reason,
        sha256=digest(example["image"]),
    )
