"""A quarter of a minute of `python -m tests.fuzz` for each kind of input; the command runs longer."""

import numpy as np
import pytest

from tests.fuzz import campaign
from tests.fuzz.mutation import mutate, mutate_json
from tests.fuzz.targets import TARGETS


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_a_mutated_file_is_read_or_refused_in_one_line(target):
    result = campaign.run(target, seconds=15)
    assert result["files"] > 0
    assert result["defects"] == []


def test_a_number_gives_the_same_file_again_and_another_one_another():
    content, document = bytes(range(256)) * 4, b'{"a": [1, 2, {"b": null}], "c": "d"}'
    files = [
        (mutate(content, [content], np.random.default_rng(i)), mutate_json(document, np.random.default_rng(i)))
        for i in (*range(50), *range(50))
    ]
    assert files[:50] == files[50:]
    assert len({one for one, _ in files}) > 45
    assert all(one != content for one, _ in files[:50])
