import pytest

from dfdetect_jax.active.journal import Answer
from dfdetect_jax.active.worklist import is_shared, progress
from tests.active.test_journal import entry

ITEMS = ("0001", "0002", "0003", "0004")


def test_all_wait_at_the_start_and_there_is_no_estimate():
    start = progress(ITEMS, (), [], "ann")
    assert (start.waiting, start.done, start.answered, start.seconds_left) == (ITEMS, 0, 0, None)


def test_what_anybody_answered_or_painted_elsewhere_is_done():
    after = progress(ITEMS, {"0002"}, [entry("0001", "bob", Answer.UNSURE)], "ann")
    assert (after.waiting, after.done, after.answered) == (("0003", "0004"), 2, 0)


def test_skipped_items_come_last_in_the_order_of_skipping():
    entries = [entry(item, answer=Answer.SKIP) for item in ("0002", "0001", "0002")]
    assert progress(ITEMS, (), entries, "ann").waiting == ("0003", "0004", "0001", "0002")
    assert progress(ITEMS, (), entries, "bob").waiting == ITEMS


def test_what_others_have_open_comes_last():
    assert progress(ITEMS, (), [], "ann", claimed={"0001"}).waiting == ("0002", "0003", "0004", "0001")


def test_shared_items_wait_for_a_second_annotator_and_no_third():
    first = [entry(item) for item in ITEMS]
    assert progress(ITEMS, ITEMS, first, "ann", overlap=1.0).waiting == ()
    assert progress(ITEMS, ITEMS, first, "bob", overlap=1.0).waiting == ITEMS
    second = [*first, entry("0001", "bob")]
    assert progress(ITEMS, ITEMS, second, "eve", overlap=1.0).waiting == ITEMS[1:]
    assert progress(ITEMS, ITEMS, second, "eve", overlap=1.0).done == 1


def test_the_share_of_shared_items_is_about_what_was_asked():
    shared = sum(is_shared(f"{number:04d}", 0.2) for number in range(2000))
    assert shared == pytest.approx(400, abs=60)


def test_the_time_left_is_the_median_of_the_last_answers_for_each_item_that_waits():
    times = (1000.0, 5.0, 20.0, 10.0)  # a break counts ten minutes at most
    entries = [entry("0001", seconds=seconds) for seconds in times]
    assert progress(ITEMS, ("0001",), entries, "ann").seconds_left == pytest.approx(3 * 15.0)
    assert progress(ITEMS, ("0001",), entries[:2], "ann").seconds_left is None
