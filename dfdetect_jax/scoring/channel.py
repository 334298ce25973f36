"""Handing things from thread to thread: a bounded channel, and a clock for what each stage of the work takes."""

import collections
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stopped(Exception):  # noqa: N818 (no error: the end of the work)
    """The channel was stopped: whoever waits for it has nothing more to do."""


class Channel:
    """A queue between threads that holds no more than a given weight, so that memory doesn't grow with the work.

    One item always fits, however heavy.

    Args:
        most: the weight held at a time, in the unit of `put`.
    """

    def __init__(self, most: float):
        self._most, self._held = most, 0.0
        self._items: collections.deque[tuple[Any, float]] = collections.deque()
        self._changed = threading.Condition()
        self._stopped = False

    def put(self, item: Any, weight: float = 1) -> None:
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

    def get(self, most: int = 1, patience: float | None = None) -> list:
        """Takes the next item, and up to `most` where more are there already.

        Returns:
            At least one item; or none, if none came for `patience` seconds.

        Raises:
            Stopped: by another thread.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._items, patience)
            if self._stopped:
                raise Stopped
            taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
            self._held -= sum(weight for _, weight in taken)
            self._changed.notify_all()
            return [item for item, _ in taken]

    def stop(self) -> None:
        """Ends all waiting, now and later."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()


class Clock:
    """Seconds spent in each stage, those of several threads added up."""

    def __init__(self):
        self._seconds: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Adds what the block takes to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[stage] += time.perf_counter() - start

    def steps(self, stage: str, items: Iterator) -> Iterator:
        """Passes `items` on, adding to a stage what it takes to make each."""
        end = object()
        while True:
            with self(stage):
                item = next(items, end)
            if item is end:
                return
            yield item

    @property
    def seconds(self) -> dict[str, float]:
        """Stage -> seconds so far."""
        with self._lock:
            return dict(self._seconds)
