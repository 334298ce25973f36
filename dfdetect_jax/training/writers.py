"""Where numbers go while training: a JSON line each, TensorBoard if it is installed, and one live line for people."""

import json
import logging
import math
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dfdetect_jax import files

METRICS = "metrics.jsonl"


class MetricsWriter:
    """Appends to `metrics.jsonl`, and to TensorBoard event files where tensorboardX is installed.

    A resumed run takes back the lines after the step that it resumes from, so that each step stands there once. A
    silent one writes nothing.
    """

    def __init__(self, folder: Path, resumed_step: int = 0, *, silent: bool = False):
        self._file = self._board = None
        if silent:
            return
        self._path = folder / METRICS
        self._keep_until(resumed_step)
        self._file = self._path.open("a")
        self._board = _tensorboard(folder, resumed_step)

    def write(self, step: int, values: Mapping[str, float | None]) -> None:
        """One line: the step and its values; a value that is not finite is written as null."""
        if self._file is None:
            return
        clean = {name: v if v is not None and math.isfinite(v) else None for name, v in values.items()}
        self._file.write(json.dumps({"step": step, **clean}) + "\n")
        self._file.flush()
        if self._board is not None:
            for name, value in clean.items():
                if value is not None:
                    self._board.add_scalar(name, value, step)

    def close(self) -> None:
        """Flushes and closes the files."""
        if self._file is not None:
            self._file.close()
        if self._board is not None:
            self._board.close()

    def _keep_until(self, step: int) -> None:
        if not self._path.exists():
            return
        with self._path.open() as lines, files.replacing(self._path) as kept:
            kept.write_text("".join(line for line in lines if _step_of(line) <= step))


def _step_of(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except ValueError:  # the last line, cut by a kill
        return math.inf


def _tensorboard(folder: Path, resumed_step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        return None
    logging.getLogger("tensorboardX").setLevel(logging.ERROR)
    return SummaryWriter(str(folder / "tensorboard"), purge_step=resumed_step + 1)


class ProgressLine:
    """One line on standard error: step, images/s, share of time spent waiting for data, loss, validation AUC, ETA.

    On a terminal it is redrawn in place; elsewhere each report is a line of its own. A silent one shows nothing.
    """

    def __init__(self, steps: int, batch_size: int, start: int = 0, *, silent: bool = False):
        self._steps, self._batch_size = steps, batch_size
        self._console = Console(stderr=True, quiet=silent)
        redrawn = self._console.is_terminal and not silent
        self._live = Live(console=self._console, refresh_per_second=4) if redrawn else None
        self._recent: deque[tuple[int, float]] = deque(maxlen=10)
        self.restart(start)
        self._auc: float | None = None
        if self._live:
            self._live.start()

    def validated(self, auc: float | None) -> None:
        """Notes the latest validation AUC, shown from now on."""
        self._auc = auc

    def restart(self, step: int) -> None:
        """Starts the clocks anew after `step`, past something that is not training (compilation, validation)."""
        self._recent.clear()
        self._recent.append((step, time.perf_counter()))
        self._waited = 0.0

    def waited(self, seconds: float) -> None:
        """Notes time for which the device had nothing to do because a batch was not there."""
        self._waited += seconds

    def report(self, step: int, loss: float) -> dict[str, float]:
        """Shows the state after `step`; returns "images_per_second", and "data_wait", the share of time waited."""
        first_step, first_time = self._recent[0]
        now = time.perf_counter()
        speed = (step - first_step) / max(now - first_time, 1e-9)
        wait = self._waited / max(now - self._recent[-1][1], 1e-9)
        self._recent.append((step, now))
        self._waited = 0.0
        left = timedelta(seconds=round((self._steps - step) / speed)) if speed > 0 else "-"
        auc = "-" if self._auc is None else f"{self._auc:.3f}"
        line = (
            f"step {step}/{self._steps}  {speed * self._batch_size:.3g} images/s  data wait {wait:.0%}  "
            f"loss {loss:.4f}  validation AUC {auc}  ETA {left}"
        )
        self._show(line)
        return {"images_per_second": speed * self._batch_size, "data_wait": wait}

    def print(self, text: str) -> None:
        """Prints a line that stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _show(self, line: str) -> None:
        if self._live:
            self._live.update(Text(line))
        else:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leaves the last line standing."""
        if self._live:
            self._live.stop()
