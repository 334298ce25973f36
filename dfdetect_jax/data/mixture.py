"""What a training batch is mixed from: reals, fakes, fakes with a painted mask, reals to be blended with themselves."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dfdetect_jax.config import Active, Settings
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import Records
from dfdetect_jax.errors import RecordsError, SettingsError


class Stream(NamedTuple):
    """A part of every batch.

    Attributes:
        places: int [n], indices of records.
        share: of each batch.
        self_blended: whether they are reals that the step is to make fakes of.
        of_reals: whether the stream of self-blended ones follows its order.
    """

    places: np.ndarray
    share: float
    self_blended: bool = False
    of_reals: bool = False


def streams(records: Records, settings: Settings, masks: Masks | str | None) -> list[Stream]:
    """What a batch is mixed from.

    Of data sets that were joined, each is balanced by itself where fakes can be made of its reals: else all fakes come
    from some of them, and what tells the data sets apart is learnt in place of forgery.
    """
    places = select(records, settings.data.train_forgeries)
    if settings.data.balance and settings.augment.self_blend.share > 0 and not isinstance(masks, Masks):
        sources = records.datasets[places]
        each = [places[sources == source] for source in np.unique(sources)]
        reals = [np.sum(records.labels[some] == Label.REAL) for some in each]
        if all(reals):
            weighted = zip(each, np.divide(reals, sum(reals)), strict=True)
            return [
                stream._replace(share=stream.share * weight)
                for some, weight in weighted
                for stream in _of_some(records, some, settings, masks)
            ]
    return _of_some(records, places, settings, masks)


def _of_some(records: Records, places: np.ndarray, settings: Settings, masks: Masks | str | None) -> list[Stream]:
    """What is mixed of some examples; reals come first if classes are balanced or self-blended."""
    share = settings.augment.self_blend.share
    reals, fakes = (places[records.labels[places] == label] for label in (Label.REAL, Label.FAKE))
    if share > 0 and not len(fakes):
        share = 0.5
    if settings.data.balance:
        streams = [Stream(reals, 0.5, of_reals=True)] + [Stream(fakes, 0.5 - share)] * (share < 0.5)
    else:
        streams = [Stream(places, 1 - share)]
    if settings.data.balance and not all(len(stream.places) for stream in streams):
        raise RecordsError(
            f"{records.folder}: balanced training needs reals and fakes; see data.train_forgeries, data.balance, and "
            "augment.self_blend.share for reals alone"
        )
    if isinstance(masks, Masks):  # a stream of their own, since at 3% of the images they would be too rare to matter
        of_masks, last = (settings.active or Active()).batch_share, streams.pop()
        rest = [last._replace(share=last.share - of_masks)] if last.share > of_masks else []
        streams += [*rest, Stream(masks.places, of_masks)]
    if share > 0:
        if not len(reals):
            raise RecordsError(f"{records.folder}: self-blending needs reals, found none; see augment.self_blend.share")
        streams.append(Stream(reals, share, self_blended=True))
    return streams


def select(records: Records, forgeries: Sequence[str]) -> np.ndarray:
    """Indices of the reals and of the fakes made by `forgeries` (empty: all), int [n], rising.

    Raises:
        SettingsError: the split has no fake of some forgery.
    """
    if not forgeries:
        return np.arange(len(records))
    names = records.forgeries
    present = sorted(set(names) - {""})
    for forgery in forgeries:
        if forgery not in present:
            raise SettingsError(
                f"no fakes by {forgery!r} in split {records.split!r}; it has: {', '.join(present) or 'none'}"
            )
    return np.flatnonzero(np.isin(names, ["", *forgeries]))
