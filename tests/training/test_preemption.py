"""SIGTERM is noticed, and only while training."""

import os
import signal
import threading

from dfdetect_jax.training import preemption


def test_a_sigterm_is_noticed_and_the_process_lives_on():
    def never(step):
        raise AssertionError("a process that is alone asks nobody")

    before = signal.getsignal(signal.SIGTERM)
    with preemption.listening(never) as noticed:
        assert not noticed.after(1)
        os.kill(os.getpid(), signal.SIGTERM)
        assert noticed.after(2)
        assert noticed.requested_here
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_job_of_several_processes_ends_where_all_agreed(monkeypatch):
    monkeypatch.setattr(preemption.jax, "process_count", lambda: 2)
    before = signal.getsignal(signal.SIGTERM)
    with preemption.listening(lambda step: step == 7) as noticed:
        assert signal.getsignal(signal.SIGTERM) is before  # JAX's own is not to be replaced
        assert [noticed.after(step) for step in (6, 7)] == [False, True]
        assert not noticed.requested_here


def test_a_training_in_a_thread_leaves_signals_alone():
    answers = []

    def train():
        with preemption.listening(lambda step: True) as noticed:
            answers.append(noticed.after(1))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert answers == [False]
