"""A lock in an object store: an object that is made only if it is absent, and renewed while its holder lives.

A store has no lock that is freed when a process dies. Whoever meets a lock watches it: one that is not renewed for six
beats of its holder is taken over. No clocks are compared. Each renewal, takeover and release is conditional on what was
last seen, so of two who try, one learns that it was second.
"""

import json
import logging
import os
import socket
import threading
import time
import uuid

from dfdetect_jax.errors import StoreError
from dfdetect_jax.locks import LockedError
from dfdetect_jax.stores.bucket import Bucket, Stamped

BEAT = 10.0  # seconds between renewals
_MISSED = 6  # beats, after which the holder counts as dead
_LONGEST_BEAT = 60.0  # seconds that a lock's own word is taken for

log = logging.getLogger(__name__)


class Lease:
    """Holds a lock object until `release`.

    Args:
        bucket: where it is.
        key: of the object.
        beat: seconds between renewals.

    Raises:
        LockedError: it is held by another, who lives.
        StoreError: the store can't be written to, or makes no conditional writes, so that nothing would keep two
            processes apart.
    """

    def __init__(self, bucket: Bucket, key: str, beat: float = BEAT):
        self._bucket, self._key, self._beat = bucket, key, beat
        self._count, self._token = 0, uuid.uuid4().hex
        self._lost = ""
        seen = _wait_for_death(bucket, key)
        generation = bucket.replace(key, self._content(), seen.generation)
        if generation is None:
            raise LockedError(_holder(bucket.read(key)))
        if bucket.replace(key, self._content(), seen.generation) is not None:  # has to be refused
            bucket.delete(key)
            raise StoreError(
                f"{bucket.address}: expected a store with conditional writes, found one without, so nothing would keep "
                "two trainings apart; give a local --workdir, or mount the bucket"
            )
        self._generation = generation
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Makes sure that this process still holds the lock, as far as is known.

        Raises:
            LockedError: another took it, since this process could not renew it in time.
        """
        if self._lost:
            raise LockedError(self._lost)

    def release(self) -> None:
        """Lets another take it."""
        self._ended.set()
        self._thread.join()
        if not self._lost:
            self._bucket.replace(self._key, None, self._generation)

    def _renew(self) -> None:
        while not self._ended.wait(self._beat):
            try:
                self._generation = self._renewed()
            except StoreError as error:  # a network that comes back; else the next upload says so
                log.warning("the lock could not be renewed: %s", error)
            except LockedError as error:
                self._lost = str(error)
                return

    def _renewed(self) -> bytes:
        """The generation of the renewed object.

        Raises:
            LockedError: another took it.
        """
        generation = self._bucket.replace(self._key, self._content(), self._generation)
        if generation is not None:
            return generation
        seen = self._bucket.stamped(self._key)  # may be this lease's: a renewal that was done, and its answer lost
        if seen.content is None or _fields(seen.content).get("token") != self._token:
            raise LockedError(_holder(seen.content))
        return seen.generation

    def _content(self) -> bytes:
        self._count += 1
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        fields = {"holder": holder, "token": self._token, "beat": self._beat, "count": self._count}
        return json.dumps(fields).encode()


def _wait_for_death(bucket: Bucket, key: str) -> Stamped:
    """The state of a lock that no one holds.

    Raises:
        LockedError: it was renewed meanwhile.
    """
    seen = bucket.stamped(key)
    if seen.content is None:
        return seen
    beat = _beat(seen.content)
    deadline = time.monotonic() + _MISSED * beat
    log.warning("%s: %s holds the lock, or died: watching for %.0f s", bucket.address, _holder(seen.content), 6 * beat)
    while time.monotonic() < deadline:
        time.sleep(beat / 4)
        now = bucket.stamped(key)
        if now.content is None:
            return now
        if now.content != seen.content:
            raise LockedError(_holder(now.content))
    return seen


def _fields(content: bytes | None) -> dict[str, object]:
    try:
        fields = json.loads(content or b"")
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _beat(content: bytes) -> float:
    beat = _fields(content).get("beat")
    return min(float(beat), _LONGEST_BEAT) if isinstance(beat, int | float) and beat > 0 else BEAT


def _holder(content: bytes | None) -> str:
    holder = _fields(content).get("holder")
    return holder[:200] if isinstance(holder, str) else "another process"
