"""The smallest form of each method of the package that has all its parts."""

from dfdetect_jax.config import (
    ClassifierModel,
    ClassifierSettings,
    Data,
    ForensicTransferModel,
    ForensicTransferSettings,
    MesoInception4Model,
    MesoInception4Settings,
    MultiTaskModel,
    MultiTaskSettings,
    Optimizer,
    RECCEModel,
    RECCESettings,
    Settings,
    Train,
)
from tests.conftest import TINY_CAE, TINY_LAE

_SHARED = {
    "data": Data(image_size=32, forge_images=16),
    "optimizer": Optimizer(learning_rate=1e-2),
    "train": Train(batch_size=8, steps=4, log_every=2, eval_every=2),
}

TINY: dict[str, Settings] = {
    "cae": TINY_CAE,
    "lae": TINY_LAE,
    "classifier": ClassifierSettings(**_SHARED, model=ClassifierModel(width=0.02, middle_blocks=0)),
    "mesoinception4": MesoInception4Settings(**_SHARED, model=MesoInception4Model(dropout=0.05)),
    "forensic_transfer": ForensicTransferSettings(**_SHARED, model=ForensicTransferModel(width=0.2)),
    "multi_task": MultiTaskSettings(**_SHARED, model=MultiTaskModel(width=0.2)),
    "recce": RECCESettings(**_SHARED, model=RECCEModel(width=0.02, middle_blocks=2, dropout=0.05)),
}
