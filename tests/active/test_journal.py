import dataclasses
import json

import pytest

from dfdetect_jax.active import journal
from dfdetect_jax.active.journal import Answer, Entry
from dfdetect_jax.errors import SettingsError


def entry(item="0001", annotator="ann", answer=Answer.MASK, **changes) -> Entry:
    return Entry(time="2026-01-01T00:00:00+00:00", annotator=annotator, item=item, answer=answer, **changes)


def test_entries_read_back_in_order(tmp_path):
    entries = [entry(seconds=2.5, heat_iou=0.25), entry(answer=Answer.REAL), entry(annotator="Zoë")]
    for each in entries:
        journal.append(tmp_path, each)
    assert journal.read_journal(tmp_path) == entries


def test_there_are_none_before_the_first(tmp_path):
    assert journal.read_journal(tmp_path) == []


def line(**changes) -> bytes:
    return json.dumps(dataclasses.asdict(entry()) | changes).encode() + b"\n"


@pytest.mark.parametrize(
    "damage",
    [
        *(b'{"time": "20', b"\xff\xfe\n", b"[]\n", b'{"item": 1}\n', b"null\n", b"[" * 100_000 + b"\n"),
        *(line(annotator="../ann"), line(annotator=""), line(answer="yes"), line(placed=1), line(file=None)),
        *(line(seconds=float("nan")), line(seconds=10**400), line(seconds=-1), line(heat_iou=float("inf"))),
    ],
)
def test_a_line_that_was_cut_short_costs_itself_alone(tmp_path, damage):
    journal.append(tmp_path, entry("0001"))
    with open(tmp_path / journal.JOURNAL, "ab") as file:
        file.write(damage)
    journal.append(tmp_path, entry("0002"))
    assert [each.item for each in journal.read_journal(tmp_path)] == ["0001", "0002"]


@pytest.mark.parametrize("name", ["", "../x", "a.b", "a b", "-a", "a" * 41, "outside", "a/b", "a\n", "ann\0"])
def test_a_name_that_can_be_no_part_of_a_files_name_is_refused(name):
    with pytest.raises(SettingsError, match="expected a name"):
        journal.check_annotator(name)


@pytest.mark.parametrize("name", ["ann", "Zoë", "b-2", "x_y"])
def test_names_of_people_are_taken(name):
    assert journal.check_annotator(name) == name


def test_the_last_answer_of_each_counts_and_a_skip_is_none():
    entries = [entry(), entry(answer=Answer.REAL), entry(answer=Answer.SKIP), entry(annotator="bob")]
    answers = journal.latest(entries)["0001"]
    assert {name: each.answer for name, each in answers.items()} == {"ann": Answer.REAL, "bob": Answer.MASK}


def test_an_item_is_without_mask_only_if_nobody_gave_one():
    entries = [
        entry("0001", answer=Answer.REAL),
        entry("0002", answer=Answer.REAL),
        entry("0002", annotator="bob"),
        entry("0003", answer=Answer.REAL),
        entry("0003", annotator="bob", answer=Answer.UNSURE),
        entry("0004", answer=Answer.SKIP),
    ]
    assert journal.without_mask(entries) == {"0001": Answer.REAL, "0003": Answer.UNSURE}
