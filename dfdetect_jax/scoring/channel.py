"""Between the threads of a stream: a bounded channel, and a clock for the time that each stage takes."""

import collections
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Stopped(Exception):  # noqa: N818 (no error: the end of the work)
    """The channel was stopped: a thread that waits for it has nothing more to do."""


class Channel(Generic[Item]):
    """A queue between threads that holds no more than a given weight, so that memory doesn't grow with the work.

    One item always fits, however heavy.

    Args:
        most: the weight held at a time, in the unit of `put`.
    """

    def __init__(self, most: float):
        self._most, self._held = most, 0.0
        self._items: collections.deque[tuple[Item, float]] = collections.deque()
        self._changed = threading.Condition()
        self._stopped = False

    def put(self, item: Item, weight: float = 1) -> None:
        """Adds an item, as soon as there is room for it.

        Raises:
            Stopped: by another thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or not self._items or self._held + weight <= self._most)
            if self._stopped:
                raise Stopped
            self._items.append((item, weight))
            self._held += weight
            self._changed.notify_all()

    def get(self, most: int = 1, patience: float | None = None) -> list[Item]:
        """Takes the next item, and up to `most` where more are there already.

        Returns:
            At least one item; or none, if none came for `patience` seconds.

        Raises:
            Stopped: by another thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or bool(self._items), patience)
            if self._stopped:
                raise Stopped
            items = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._held -= sum(weight for _, weight in items)
            self._changed.notify_all()
            return [item for item, _ in items]

    def stop(self) -> None:
        """Ends all waiting, now and later."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()


class Clock:
    """Seconds spent in each stage, those of several threads added up."""

    def __init__(self) -> None:
        self._seconds: collections.defaultdict[str, float] = collections.defaultdict(float)
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Adds the time that the block takes to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[stage] += time.perf_counter() - start

    def steps(self, stage: str, items: Iterator[Item]) -> Iterator[Item]:
        """Passes `items` on, adding the time that it takes to make each to a stage."""
        while True:
            try:
                with self(stage):
                    item = next(items)
            except StopIteration:
                return
            yield item

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> seconds so far."""
        with self._lock:
            return dict(self._seconds)
