"""Masks that people painted for some of the training images, beside the records."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masks:
    """One mask per selected training image.

    Attributes:
        places: int64 [n], rising: the records of the training split that they belong to.
        masks: uint8 [n, S, S] in {0, 255}, S the side of the stored crops; 255 marks a forged pixel.
    """

    places: np.ndarray
    masks: np.ndarray

    def of(self, place: int) -> np.ndarray | None:
        """The mask of one training image, uint8 [S, S] in {0, 255}, or None if it has none."""
        i = int(np.searchsorted(self.places, place))
        return self.masks[i] if i < len(self.places) and self.places[i] == place else None

    def __len__(self) -> int:
        return len(self.places)
