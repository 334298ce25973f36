"""Validation during training: the AUC that ranks checkpoints, and the score threshold of each."""

import itertools
from collections.abc import Callable
from pathlib import Path

import jax

from dfdetect_jax.batching import PREDICT_BATCH
from dfdetect_jax.config import Settings
from dfdetect_jax.devices import processes
from dfdetect_jax.evaluation.frozen import UNINFORMED_THRESHOLD, choose_threshold
from dfdetect_jax.evaluation.metrics.detection import measure_detection
from dfdetect_jax.evaluation.metrics.frame_scores import concatenate, from_columns, score_frames
from dfdetect_jax.evaluation.validation_data import validation_batches
from dfdetect_jax.methods import Method, Variables
from dfdetect_jax.run.predictor import Predictor

NOT_VALIDATED: dict[str, float | None] = {"val_auc": None, "threshold": UNINFORMED_THRESHOLD}


class Validation:
    """The validation split of prepared records; each process scores a share.

    Args:
        method: whose `predict` scores.
        settings: reads what decides the split's fakes, see `evaluation.validation_data`.
        records: the folder.
    """

    def __init__(self, method: Method, settings: Settings, records: Path):
        self._method, self._settings, self._records = method, settings, records
        self._predictor: Predictor | None = None

    def __call__(self, variables: Variables, stop: Callable[[], bool]) -> dict[str, float | None]:
        """Returns "val_auc", None if it is undefined, and "threshold".

        Args:
            variables: to score with.
            stop: called before each batch; once it returns True the result is `NOT_VALIDATED`.
        """
        if self._predictor is None:
            self._predictor = Predictor(self._method, variables)
        self._predictor.variables = variables
        count = jax.process_count()
        batches = validation_batches(
            self._records,
            self._settings,
            batch_size=PREDICT_BATCH * count,
            process_index=jax.process_index(),
            process_count=count,
        )
        local_scores = score_frames(self._predictor.score, itertools.takewhile(lambda _: not stop(), batches))
        if stop():
            return dict(NOT_VALIDATED)
        scores = concatenate([from_columns(columns) for columns in processes.gather(vars(local_scores))])
        threshold = choose_threshold(scores.score, scores.label)
        return {"val_auc": measure_detection(scores.score, scores.label, threshold).auc, "threshold": threshold}
