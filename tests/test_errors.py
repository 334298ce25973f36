"""Every message is one line."""

import pickle

import pytest

from dfdetect_jax.errors import BadMediaError, InputError, SettingsError, one_line


@pytest.mark.parametrize("kind", [InputError, BadMediaError, SettingsError])
def test_names_of_files_can_not_break_the_line_nor_steer_a_terminal(kind):
    assert str(kind("a\nb\x1b[31mc\udcff.jpg: no picture")) == "a\\nb\\x1b[31mc\\udcff.jpg: no picture"


def test_a_message_keeps_its_beginning_and_its_end():
    line = one_line(f"name {'x' * 10**6} what to do", longest=100)
    assert len(line) < 110
    assert line.startswith("name x")
    assert line.endswith("x what to do")


def test_a_message_survives_a_worker_process():
    assert str(pickle.loads(pickle.dumps(BadMediaError("a\nb")))) == "a\\nb"
