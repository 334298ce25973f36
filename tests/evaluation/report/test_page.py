import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from dfdetect_jax.evaluation.comparison import compare_runs
from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.report.page import LEAST_FOR_EXAMPLES, render
from dfdetect_jax.evaluation.results import Evaluation
from tests.evaluation.made_results import (
    attack,
    evaluation,
    example,
    heat,
    localization,
    provenance,
    robustness,
    run_result,
    thresholds,
)
from tests.evaluation.scored import clips

EMPTY = {"meta", "img", "br", "wbr"}
LEAKS = Leakage(identities=0, videos=2, files=0, warning="shares 2 videos")


class Page(HTMLParser):
    """The page as a reader has it: text, the cells of its tables, links, ids, and whether its tags are balanced."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags, self.attributes, self.text, self.rows = [], [], [], "", []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in EMPTY:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += (" " if self.rows[-1][-1] and self.open[-1] == "small" else "") + data

    def values(self, name):
        return [value for attribute, value in self.attributes if attribute == name]


@pytest.fixture(scope="module")
def text():
    """The page of two runs that have everything a page can show."""
    full = {
        "localization": localization("a", "b"),
        "heat": heat(),
        "robustness": robustness(),
        "attacks": {"pgd": attack()},
        "thresholds": thresholds(),
    }
    runs = {
        "first": run_result(leakage=LEAKS, **full),
        "second": run_result(clips(seed=1), settings={"seed": 1}),
    }
    return render(compare_runs("A title", runs, Resampling(resamples=20)))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_is_well_formed_loads_nothing_and_runs_nothing(text, page):
    assert text.startswith("<!DOCTYPE html>")
    assert page.open == []
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(page.tags)
    assert all(source.startswith("data:image/") for source in page.values("src"))
    assert all(page.values("alt"))
    assert "url(" not in text
    assert "@import" not in text


def test_every_link_leads_to_an_id_of_the_page(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    links = page.values("href")
    assert links
    assert all(link.startswith("#") and link[1:] in ids for link in links)


def test_every_section_shows_its_results(page):
    assert ["run", "set"] in page.rows
    headings = [row[:2] for row in page.rows]
    for expected in (["run and forgery", "reals"], ["corruption", "clean"], ["attack", "ε, largest change"]):
        assert expected in headings
    names = [row[0] for row in page.rows]
    assert {"first", "a (seen)", "b (unseen)", "noise", "set · blur", "set · pgd", "second − first"} <= set(names)
    assert {"first, second · set · frame", "train.steps", "jax", "commit"} <= set(names)
    for sentence in ("A title", "Temperature 2.000, fitted on validation.", "corruptions apply to crops"):
        assert sentence in page.text
    assert "missed fake: a,\nscored 0.250a/0, frame 3" in page.text


def test_leakage_is_at_the_top_and_below_its_row(page):
    assert page.text.index("first on set: shares 2 videos") < page.text.index("Summary")
    place = page.rows.index(["Leakage: shares 2 videos"])
    assert page.rows[place - 1][0] == "first"


def test_a_plain_run_has_no_sections_of_what_was_not_measured():
    page = Page(render(evaluation(first=run_result(examples=[], resamples=0)), most_diagrams=0))
    assert "leak" not in page.text.lower()
    assert "Not measured; evaluate with --robustness." in page.text
    assert "No examples." in page.text
    assert not {"paired", "seeds"} & set(page.values("id"))
    assert "Settings that differ" not in page.text
    assert "Reliability and scores of 1 more" in page.text


def test_without_fakes_there_are_no_curves_but_a_reason():
    page = Page(render(evaluation(first=run_result(clips(forgeries=("",)))), most_diagrams=0))
    assert "no fakes were scored" in page.text
    assert "need scores of both reals and fakes" in page.text


def test_names_from_outside_are_shown_and_stay_inert():
    bad = '<script>alert("1")</script>'
    result = run_result(
        clips(forgeries=("", bad)), keys=(bad,), notes=[bad], examples=[example(forgery=bad, video=bad)], resamples=0
    )
    result = dataclasses.replace(result, provenance=provenance((bad,), {bad: bad}))
    page = Page(render(Evaluation(title=bad, runs={bad: result})))
    assert "script" not in page.tags
    assert page.open == []
    assert page.text.count(bad) > 10


def noisy_examples(count, side=128):
    noise = np.random.default_rng(0).integers(0, 255, (side, side, 3)).astype(np.uint8)  # what JPEG is worst at
    return [example(image=noise, reconstruction=noise, heat=noise[..., 0] / 255, mask=noise[..., 0])] * count


def test_examples_get_the_room_that_the_rest_leaves():
    given = evaluation(first=run_result(examples=noisy_examples(40), resamples=0))
    pages = {largest: render(given, largest=largest, most_diagrams=0) for largest in (10_000, 600_000, 4_800_000)}
    sizes = [len(text.encode()) for text in pages.values()]
    assert sizes == sorted(set(sizes))
    assert sizes[1] <= 610_000  # captions are not counted
    smallest = sum(len(uri) for uri in re.findall(r'src="(data:image/jpeg[^"]*)"', pages[10_000]))
    assert LEAST_FOR_EXAMPLES / 2 < smallest <= LEAST_FOR_EXAMPLES
    assert re.search(r"\d+ more were left out to keep this page small", pages[600_000])
    assert "more were left out" not in pages[4_800_000]


@pytest.mark.slow
def test_a_page_of_very_many_runs_stays_small_and_counts_what_it_left_out():
    result = run_result(clips(people=20), keys=[f"set{i}" for i in range(4)], examples=noisy_examples(12))
    text = render(evaluation(**{f"run{i}": result for i in range(10)}))
    assert len(text.encode()) < 5e6
    assert f"Reliability and scores of {10 * 4 - 16} more pairs of run and data set" in text
    assert text.count('alt="reliability of') == text.count(', reals and fakes"') == 16
