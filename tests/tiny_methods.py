"""The smallest form of each method of the package that has all its parts."""

from dfdetect_jax.config import (
    ClassifierModel,
    ClassifierSettings,
    Data,
    MesoInception4Settings,
    Optimizer,
    Settings,
    Train,
)
from tests.conftest import TINY_CAE, TINY_LAE

_TRAIN = Train(batch_size=8, steps=4, log_every=2, eval_every=2)
_FAST = Optimizer(learning_rate=1e-2)

TINY: dict[str, Settings] = {
    "cae": TINY_CAE,
    "lae": TINY_LAE,
    "classifier": ClassifierSettings(
        data=Data(image_size=40, forge_images=16),
        model=ClassifierModel(width=0.02, middle_blocks=0),
        optimizer=_FAST,
        train=_TRAIN,
    ),
    "mesoinception4": MesoInception4Settings(data=Data(image_size=40, forge_images=16), optimizer=_FAST, train=_TRAIN),
}
