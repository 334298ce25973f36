"""Batches for training and evaluation, from prepared records, by Grain.

The order of examples is a function of the seed and the position alone: the state of an iterator is one number, a
resumed stream continues bit for bit, and any number of processes reads the same global batches.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grain
import numpy as np
from absl import flags

from dfdetect_jax.config import SelfBlend, Settings
from dfdetect_jax.data import mixture
from dfdetect_jax.data.encoding import TEXTS
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.devices.host import processors
from dfdetect_jax.errors import RecordsError, SettingsError
from dfdetect_jax.media.crop import expected_landmarks, resize

_READ_AHEAD = 4  # batches decoded ahead
_MOST_THREADS = 16  # OpenCV's decoder releases the interpreter's lock
_PADDING = -1
_MOST_SKIPPED = 100  # damaged records in a row
ALL = "all"  # masks: every one that the records have
SELF_BLENDED = "self_blended"  # the forgery of self-blended fakes


log = logging.getLogger(__name__)


class Examples:
    """Some examples of one split in the form of training; small when pickled, 4 bytes per example in memory."""

    def __init__(
        self,
        records: Records,
        places: np.ndarray,
        image_size: int,
        texts: bool,
        masks: Masks | str | None = ALL,
        landmarks: np.ndarray | None = None,
        self_blended: np.ndarray | bool = False,
        skip_damaged: bool = False,
    ):
        """Wraps `records`.

        Args:
            records: the split.
            places: int [n], indices of `records`; -1 is padding, an example of zeros with `valid` 0.
            image_size: side of the images, pixels.
            texts: add names (forgery, video, ...) and the index of the frame, for evaluation.
            masks: as in `train_batches`.
            landmarks: float [5, 2], pixels, where they are if the record doesn't say it; None to leave out what
                self-blending needs.
            self_blended: bool [n] or one for all: reals that are to become self-blended fakes.
            skip_damaged: the next of `places` takes the place of a damaged record, which is logged.
        """
        self._landmarks = None if landmarks is None else landmarks.astype(np.float32)
        self._self_blended = np.broadcast_to(self_blended, places.shape)
        self._records, self._places = records, places.astype(np.int32)
        self._size, self._texts, self._masks = image_size, texts, masks
        self._most_skipped = _MOST_SKIPPED if skip_damaged else 0

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        place, fields = self._read(index)
        mask, has_mask = self._mask(place, fields)
        example = {
            "image": resize(fields["image"], self._size),
            "mask": resize_mask(mask, self._size),
            "has_mask": np.bool_(has_mask),
            "label": np.int32(fields["label"]),
            "valid": np.float32(1),
        }
        if self._texts:
            example |= {"frame": np.int32(fields["frame"]), **{name: np.str_(fields[name]) for name in TEXTS}}
        else:
            example["place"] = np.int32(place)
        if self._landmarks is not None:
            self._mark(example, fields, bool(self._self_blended[index]))
        if place == _PADDING:
            example = {name: np.zeros_like(value)[()] for name, value in example.items()}
        return example

    def _read(self, index: int) -> tuple[int, dict[str, Any]]:
        """The index and the fields of a record, or of the first one after it that isn't damaged."""
        read = self._records.__getitem__ if self._masks == ALL else self._records.without_mask
        for skipped in range(self._most_skipped + 1):
            place = int(self._places[(index + skipped) % len(self)])
            try:
                return place, read(max(place, 0))
            except RecordsError as error:
                if skipped == self._most_skipped:
                    raise
                log.warning("left out, and another taken in its place: %s", error)
        raise AssertionError("the last round returns or raises")

    def _mark(self, example: dict[str, Any], fields: dict[str, Any], self_blended: bool) -> None:
        """Adds what `augmentation.batches.blend_batch` reads; the label is that of the fake."""
        landmarks = self._landmarks
        if "landmarks" in fields and np.isfinite(fields["landmarks"]).all():
            landmarks = (fields["landmarks"] + 0.5) * np.float32(self._size / fields["image"].shape[0]) - 0.5
        example.update(landmarks=landmarks, self_blend=np.bool_(self_blended))
        if self_blended:
            example.update(label=np.int32(Label.FAKE), has_mask=np.bool_(False))
            if self._texts:
                video = np.str_(f"{SELF_BLENDED}/{fields['video']}")
                example.update(forgery=np.str_(SELF_BLENDED), video=video)

    def _mask(self, place: int, fields: dict[str, Any]) -> tuple[np.ndarray, bool]:
        """The mask that may be learnt from, uint8 [S, S], and whether there is one."""
        if self._masks == ALL:
            return fields["mask"], fields["has_mask"]
        empty = np.zeros(fields["image"].shape[:2], np.uint8)
        if not isinstance(self._masks, Masks):
            return empty, False
        if fields["label"] == Label.REAL:
            return empty, True
        mask = self._masks.of(place)
        return (empty, False) if mask is None else (mask, True)

    def __repr__(self) -> str:
        return f"Examples({self._records!r}, {len(self)})"


def train_batches(
    folder: str | Path,
    settings: Settings,
    *,
    masks: Masks | str | None = None,
    process_index: int = 0,
    process_count: int = 1,
) -> grain.IterDataset:
    """The training split, shuffled anew each epoch, without end.

    Args:
        folder: prepared records.
        settings: reads `seed`, `data` (train_forgeries, balance, image_size, workers), `augment.self_blend` and
            `train.batch_size`, which is over all processes; with `Masks` also `active.batch_share`.
        masks: which masks may be learnt from: None for none (`has_mask` is false throughout), `ALL` for every mask in
            the records, or masks painted for some fakes, which fill `active.batch_share` of each batch. In the last two
            cases reals have a mask too: an empty one.
        process_index: of this process; its batches are its part of the global ones.
        process_count: processes in all; divides the batch size.

    Returns:
        An iterable of dicts: image uint8 [N, S, S, 3] RGB, mask uint8 [N, S, S] in {0, 255}, has_mask bool [N],
        label int32 [N], valid float32 [N] (ones), place int32 [N] (index of the example in the split), N the examples
        of this process; with self-blending also self_blend bool [N], marking reals that the step is to make a fake of
        and whose label is 1, and landmarks float32 [N, 5, 2] in pixels. Its iterator has `get_state` and `set_state`
        for exact resume, and `close`.

    Raises:
        RecordsError: there is nothing to train on.
        SettingsError: a forgery is not in the split, or processes don't divide the batch.
    """
    data, batch_size = settings.data, settings.train.batch_size
    if batch_size % process_count:
        raise SettingsError(f"train.batch_size: expected a multiple of {process_count} processes, found {batch_size}")
    records = Records(folder, "train")
    streams = mixture.streams(records, settings, masks)
    seeds = np.random.SeedSequence(settings.seed).generate_state(len(streams), np.uint32)
    self_blend = settings.augment.self_blend
    landmarks = landmarks_in(records, self_blend, data.image_size) if self_blend.share else None
    endless: list[grain.MapDataset] = []
    seed_of_reals = seeds[0]
    for stream, seed in zip(streams, seeds, strict=True):
        # Self-blended reals in the order of the reals themselves: if as many, each beside its equal, as published.
        seed = seed_of_reals if stream.self_blended else seed
        seed_of_reals = seed if stream.of_reals else seed_of_reals
        examples = Examples(
            records,
            stream.places,
            data.image_size,
            False,
            masks,
            landmarks,
            stream.self_blended,
            skip_damaged=data.damaged == "skip",
        )
        endless.append(grain.MapDataset.source(examples).shuffle(seed=int(seed)).repeat())
    shares = [stream.share for stream in streams]
    mixed = grain.MapDataset.mix(endless, weights=shares) if len(endless) > 1 else endless[0]
    # Processes take turns in whole batches: taking turns in examples would give one all reals, another all fakes.
    batches = mixed.batch(batch_size // process_count, drop_remainder=True)[process_index::process_count]
    return _iterate(batches, data.workers)


def landmarks_in(records: Records, settings: SelfBlend, size: int) -> np.ndarray:
    """Where the five landmarks are in images of `size` pixels: float64 [5, 2], see `crop.expected_landmarks`."""
    return expected_landmarks(read_manifest(records.folder).crop, size, settings.face)


def eval_batches(
    folder: str | Path,
    split: str,
    *,
    batch_size: int,
    image_size: int,
    forgeries: Sequence[str] | None = None,
    process_index: int = 0,
    process_count: int = 1,
    workers: int = 0,
    self_blend: SelfBlend | None = None,
) -> grain.IterDataset:
    """One split in the order of its records: each example once over all processes, `valid` 0 on padding.

    Args:
        folder: prepared records.
        split: "train", "val", "test", or "all".
        batch_size: over all processes.
        image_size: side of the images, pixels.
        forgeries: reals and these forgeries only; None or empty for all.
        process_index: of this process.
        process_count: processes in all; each gets the same number of batches.
        workers: processes that decode; 0 decodes in threads of this one.
        self_blend: give reals alone, and each of them once more, marked to be self-blended.

    Returns:
        An iterable of dicts as in `train_batches`, with also frame int32 [N] and str [N] arrays `forgery`, `video`,
        `identity`, `source`, `dataset`, `split`.

    Raises:
        RecordsError: the split is empty, or has no reals to blend.
        SettingsError: a forgery is not in the split, or processes don't divide the batch.
    """
    if batch_size % process_count:
        raise SettingsError(f"batch size: expected a multiple of {process_count} processes, found {batch_size}")
    records = Records(folder, split)
    places, landmarks = mixture.select(records, forgeries or ()), None
    if self_blend is not None:
        reals, landmarks = places[records.labels[places] == Label.REAL], landmarks_in(records, self_blend, image_size)
        if not len(reals):
            raise RecordsError(f"{records.folder}: expected reals to blend in split {split!r}, found none")
        places = np.repeat(reals, 2)
    twins = (np.arange(len(places)) % 2 == 1) & (self_blend is not None)
    padding = -len(places) % batch_size
    places, twins = np.append(places, np.full(padding, _PADDING)), np.append(twins, np.zeros(padding, bool))
    examples = grain.MapDataset.source(Examples(records, places, image_size, True, ALL, landmarks, twins))
    return _iterate(examples.batch(batch_size // process_count)[process_index::process_count], workers)


def _iterate(batches: grain.MapDataset, workers: int) -> grain.IterDataset:
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # Grain reads flags of its own; commands other than `train` parse none
    threads = min(_MOST_THREADS, processors())
    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=max(_READ_AHEAD, threads))
    if not workers:
        return batches.to_iter_dataset(options)
    options = grain.ReadOptions(num_threads=1, prefetch_buffer_size=2)
    return batches.to_iter_dataset(options).mp_prefetch(grain.MultiprocessingOptions(num_workers=workers))


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """uint8 [S, S] in {0, 255} to [size, size] in {0, 255}."""
    return mask if mask.shape[0] == size else np.where(resize(mask, size) >= 128, 255, 0).astype(np.uint8)
