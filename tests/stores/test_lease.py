"""A lease keeps a second holder away while the first lives, and no longer."""

import time

import pytest

from dfdetect_jax.errors import StoreError
from dfdetect_jax.locks import LockedError
from dfdetect_jax.stores.bucket import Bucket
from dfdetect_jax.stores.lease import Lease
from tests import emulators

SCHEMES = pytest.mark.parametrize("scheme", ["gs", "s3"])
BEAT = 0.05  # seconds


def checked(lease, seconds):
    """Checks a lease again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lease.check()
        time.sleep(BEAT)


@SCHEMES
def test_a_second_holder_is_refused_until_the_first_lets_go(scheme):
    bucket = Bucket(emulators.fresh_address(scheme))
    first = Lease(bucket, "lock", BEAT)
    with pytest.raises(LockedError, match=r"^process [0-9]+ on "):
        Lease(bucket, "lock", BEAT)
    first.check()
    first.release()
    Lease(bucket, "lock", BEAT).release()
    assert bucket.names() == []


@SCHEMES
def test_a_dead_holder_is_succeeded_and_learns_of_it(scheme):
    bucket = Bucket(emulators.fresh_address(scheme))
    dead = Lease(bucket, "lock", 10 * BEAT)
    bucket.replace("lock", b'{"holder": "the dead", "beat": 0.02}', bucket.stamped("lock").generation)
    alive = Lease(bucket, "lock", BEAT)
    alive.check()
    time.sleep(15 * BEAT)
    with pytest.raises(LockedError, match=r"^process "):
        dead.check()
    alive.check()
    dead.release()  # leaves the lock of its successor alone
    assert bucket.names() == ["lock"]
    alive.release()


def test_a_store_without_conditional_writes_is_refused(monkeypatch):
    bucket = Bucket(emulators.fresh_address("s3"))
    monkeypatch.setattr(bucket, "replace", lambda key, content, generation: b"always")
    with pytest.raises(StoreError, match="expected a store with conditional writes, found one without"):
        Lease(bucket, "lock", BEAT)


def test_a_store_that_is_away_while_another_takes_the_lock_does_not_hide_it(monkeypatch):
    bucket = Bucket(emulators.fresh_address("gs"))
    lease = Lease(bucket, "lock", BEAT)
    away, stamped = [StoreError("unreachable")] * 2, bucket.stamped

    def at_last(key):
        if away:
            raise away.pop()
        return stamped(key)

    bucket.replace("lock", b'{"holder": "another", "beat": 60}', stamped("lock").generation)
    monkeypatch.setattr(bucket, "stamped", at_last)
    with pytest.raises(LockedError, match="another"):
        checked(lease, seconds=20)
    assert not away
    lease.release()
