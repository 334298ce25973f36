"""Steps that were skipped because their loss or gradient was NaN or infinite: counted, and their examples named.

A device decides on its own whether it skips a step (`methods.step`); here its answers are read when metrics are
reported, so that it never waits.
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from dfdetect_jax import files
from dfdetect_jax.data.finding import name_list
from dfdetect_jax.data.records import Records
from dfdetect_jax.devices import processes
from dfdetect_jax.errors import InputError, RunError
from dfdetect_jax.training.parallel import Parallel

BAD_STEPS = "bad_steps.jsonl"  # in the run folder
_ADVICE = "try a lower optimizer.learning_rate, or optimizer.clip_norm=1, in a new --workdir"


class _Step(NamedTuple):
    """A step whose metrics were not read yet; `places` are this process's examples of it."""

    step: int
    places: np.ndarray
    metrics: dict[str, jax.Array]


class BadSteps:
    """Watches the steps of one call, which starts after step `start`.

    Args:
        folder: the run folder; each skipped step is a line of its `bad_steps.jsonl`. Those after `start` are removed.
        records: the folder of what is trained on.
        parallel: whose steps are watched.
        limit: skipped steps in a row that end the run.
        start: the step that the run is resumed from.
        name: the run as users know it, for what is said; "" for `folder`.

    Attributes:
        count: skipped steps of the whole run.
    """

    def __init__(self, folder: Path, records: Path, parallel: Parallel, limit: int, start: int, name: str = ""):
        self._path, self._records, self._parallel, self._limit = folder / BAD_STEPS, records, parallel, limit
        self._name = f"{name or folder}/{BAD_STEPS}"
        self._waiting: list[_Step] = []
        self._in_row: list[dict[str, Any]] = []
        lines = [line for line in _read(self._path) if line["step"] <= start]
        self.count = len(lines)
        if processes.is_first() and self._path.exists():
            files.write_text(self._path, "".join(json.dumps(line) + "\n" for line in lines))

    def took(self, step: int, places: np.ndarray, metrics: dict[str, jax.Array]) -> None:
        """Notes a step that was started.

        Args:
            step: its number.
            places: int [n], indices of this process's examples in the training split.
            metrics: of the step, on the devices.
        """
        self._waiting.append(_Step(step, places, metrics))

    def check(self) -> list[str]:
        """Waits for the steps noted so far; returns a line for each of them that was skipped.

        Raises:
            RunError: too many in a row were.
        """
        waiting, self._waiting = self._waiting, []
        lines = []
        for taken in waiting:
            if not np.asarray(taken.metrics["skipped"].addressable_data(0)).any():
                self._in_row = []
                continue
            self._in_row.append(self._written(taken))
            lines.append(f"step {taken.step}: skipped, {_numbers(self._in_row[-1])}; its examples are in {self._name}")
            if len(self._in_row) >= self._limit:
                raise RunError(self._reason())
        return lines

    def _written(self, taken: _Step) -> dict[str, Any]:
        """The line of a skipped step, after it was written."""
        scalars = self._parallel.scalars(taken.metrics)
        bad = {name: str(value) for name, value in scalars.items() if not math.isfinite(value)}
        places = np.concatenate([part["places"] for part in processes.gather({"places": taken.places})])
        line = {"step": taken.step, **bad, "examples": example_names(self._records, places)}
        self.count += 1
        if processes.is_first():
            with self._path.open("a") as file:
                file.write(json.dumps(line) + "\n")
        return line

    def _reason(self) -> str:
        first, last = (self._in_row[i]["step"] for i in (0, -1))
        examples = name_list(sorted({name for line in self._in_row for name in line["examples"]}))
        return (
            f"steps {first} to {last}: expected finite numbers, found {_numbers(self._in_row[-1])}; the last "
            f"checkpoint is kept, and the examples are in {self._name}: {examples}; {_ADVICE}"
        )


def example_names(records: Path, places: np.ndarray) -> list[str]:
    """Names of examples of the training split, VIDEO:FRAME, or their index where the record can't be read."""
    split = Records(records, "train")
    names = []
    for place in map(int, places):
        try:
            fields = split.without_mask(place)
            names.append(f"{fields['video']}:{fields['frame']}")
        except InputError:
            names.append(f"record {place}")
    return names


def check_weights(step: int, variables: Any) -> None:
    """Refuses weights that are not finite, which a checkpoint must not keep.

    Raises:
        RunError: some are NaN or infinite, as after an update that was far too large.
    """
    arrays = (np.asarray(leaf.addressable_data(0)) for leaf in jax.tree.leaves(variables))
    if not all(np.isfinite(array).all() for array in arrays):
        raise RunError(
            f"step {step}: expected finite weights, found NaN or infinity; the last checkpoint is kept; {_ADVICE}"
        )


def _numbers(line: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in line.items() if name not in ("step", "examples"))


def _read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of bad steps; one that a kill cut off is left out."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines
