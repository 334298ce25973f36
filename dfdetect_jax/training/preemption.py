"""Preemption: a SIGTERM to this process, or to any process of its job, ends training early."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax


class Preemption:
    """Queried after each step; all processes of a job get the same answer after the same step.

    Attributes:
        requested_here: whether this process, the only one of its run, received a SIGTERM; a validation may then be cut
            short.
    """

    def __init__(self, agreed: Callable[[int], bool] | None = None):
        self._agreed = agreed
        self.requested_here = False

    def after(self, step: int) -> bool:
        """Whether to save and end after `step`."""
        return self.requested_here if self._agreed is None else self._agreed(step)


@contextmanager
def listening(agree: Callable[[int], bool]) -> Iterator[Preemption]:
    """Handles SIGTERM inside the block.

    Args:
        agree: (step) -> whether any process of the job got a SIGTERM. In a job JAX handles the signal itself; another
            handler would hide it from the other processes.
    """
    if jax.process_count() > 1:
        yield Preemption(agree)
        return
    preemption = Preemption()
    if threading.current_thread() is not threading.main_thread():  # which alone may handle signals
        yield preemption
        return
    before = signal.signal(signal.SIGTERM, lambda *_: setattr(preemption, "requested_here", True))
    try:
        yield preemption
    finally:
        signal.signal(signal.SIGTERM, before)
