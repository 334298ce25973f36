"""Whether training was asked to end early: by a SIGTERM to this process, or to any process of its job."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import jax


class Preemption:
    """Asked after each step; in a job of several processes all of them hear the same after the same step.

    Attributes:
        asked_here: whether a SIGTERM has come to a process that is alone, so that it may end what it is in.
    """

    def __init__(self, agreed: Callable[[int], bool] | None = None):
        self._agreed = agreed
        self.asked_here = False

    def after(self, step: int) -> bool:
        """Whether to save and end after `step`."""
        return self.asked_here if self._agreed is None else self._agreed(step)


@contextmanager
def listening(agree: Callable[[int], bool]) -> Iterator[Preemption]:
    """Notices SIGTERM for a while.

    Args:
        agree: (step) -> whether any process of the job was asked to end. In such a job JAX notices the signal itself;
            a handler of ours would keep it from the others.
    """
    if jax.process_count() > 1:
        yield Preemption(agree)
        return
    preemption = Preemption()
    before = signal.signal(signal.SIGTERM, lambda *_: setattr(preemption, "asked_here", True))
    try:
        yield preemption
    finally:
        signal.signal(signal.SIGTERM, before)
