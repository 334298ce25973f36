import pytest

from dfdetect_jax.media.spans import Span, plan_spans


def plan(stamps, entries, wanted, hidden=()):
    numbers = range(len(stamps))
    return plan_spans(stamps, [n not in hidden for n in numbers], [n in entries for n in numbers], wanted)


def test_decoding_begins_with_the_last_entry_and_ends_with_the_frame():
    assert plan(range(30), {0, 10, 20}, [13, 29]) == [Span(10, 13, {13: 13}), Span(20, 29, {29: 29})]


def test_frames_are_numbered_in_the_order_of_display():
    stamps = [0, 3, 1, 2, 4]  # I P B B P
    assert plan(stamps, {0}, [1]) == [Span(0, 2, {2: 1})]
    assert plan(stamps, {0}, [2, 3]) == [Span(0, 3, {3: 2, 1: 3})]


def test_hidden_frames_have_no_index():
    spans = [Span(0, 2, {2: 0}), Span(3, 3, {3: 1})]
    assert plan(range(6), {0, 3}, [0, 1], hidden={0, 1}) == spans


def test_frames_before_a_key_frame_and_decoded_after_it_need_the_entry_before():
    stamps = [0, 1, 4, 2, 3, 5]  # an open group: 2 and 3 come after the key frame 4
    assert plan(stamps, {0, 2}, [3]) == [Span(0, 4, {4: 3})]
    assert plan(stamps, {0, 2}, [5]) == [Span(2, 5, {5: 5})]
    assert plan(stamps, {0, 2}, [3, 5]) == [Span(0, 5, {4: 3, 5: 5})]


def test_frames_past_the_end_are_left_out():
    assert plan(range(3), {0}, [2, 3, 100]) == [Span(0, 2, {2: 2})]
    assert plan(range(3), {0}, [7]) == []


@pytest.mark.parametrize(
    ("stamps", "entries", "wanted"),
    [
        ([5, 6, 3], {0}, [0]),  # displayed before the first packet
        ([0, 9, 5, 6], {0, 2}, [1, 3]),  # 6 is displayed before 9, which is decoded before the next entry
    ],
)
def test_what_cannot_be_decoded_in_order_has_no_plan(stamps, entries, wanted):
    assert plan(stamps, entries, wanted) is None
