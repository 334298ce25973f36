import threading

import pytest

from dfdetect_jax.scoring.channel import Channel, Clock, Stopped


def in_thread(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_what_is_put_first_is_taken_first():
    channel = Channel(10)
    for item in "abc":
        channel.put(item)
    assert channel.get(2) == ["a", "b"]
    assert channel.get(2) == ["c"]


def test_putting_waits_until_there_is_room():
    channel, events = Channel(10), []
    channel.put("a", 6)

    def put_another():
        channel.put("b", 5)
        events.append("put")

    thread = in_thread(put_another)
    thread.join(0.1)
    assert events == []
    assert channel.get() == ["a"]
    thread.join(5)
    assert events == ["put"]
    assert channel.get() == ["b"]


def test_one_item_fits_however_heavy():
    channel = Channel(10)
    channel.put("whale", 1000)
    assert channel.get() == ["whale"]


def test_patience_ends():
    assert Channel(1).get(patience=0.01) == []


def test_stopping_ends_all_waiting():
    full, empty, ended = Channel(1), Channel(1), []
    full.put("a")

    def wait_for(call, *args):
        with pytest.raises(Stopped):
            call(*args)
        ended.append(call)

    threads = [in_thread(lambda: wait_for(full.put, "b")), in_thread(lambda: wait_for(empty.get))]
    full.stop()
    empty.stop()
    for thread in threads:
        thread.join(5)
    assert len(ended) == 2
    with pytest.raises(Stopped):
        full.get()


def test_a_clock_adds_up_its_stages():
    clock = Clock()
    pause = threading.Event()

    def slow():
        for i in range(3):
            pause.wait(0.02)
            yield i

    assert list(clock.steps("slow", slow())) == [0, 1, 2]
    with clock("fast"):
        pass
    assert clock.seconds["slow"] >= 0.06
    assert clock.seconds["fast"] < clock.seconds["slow"]
