"""Masks that people painted for some of the training images, beside the records."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, kw_only=True)
class Masks:
    """One mask per chosen training image.

    Attributes:
        places: int64 [n], rising: which records of the training split they belong to.
        masks: uint8 [n, S, S] in {0, 255}, S the side of the stored crops; 255 marks a forged pixel.
    """

    places: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.places)
