"""Augmentation inside the training step: pure functions of keys and arrays, on whatever device the step runs on.

`changes.augment` draws and applies them all. One file per subject has what they do to an image, without chance:
`geometry`, `colour`, `filters`, `jpeg`; `self_blend` makes fakes of reals; `planes` is the layout they compute in.
"""

from dfdetect_jax.augmentation.changes import augment
from dfdetect_jax.augmentation.filters import high_pass
from dfdetect_jax.augmentation.planes import normalize

__all__ = ["augment", "high_pass", "normalize"]
