import dataclasses
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import bootstrap, frame_scores
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.report import example_pictures as page_examples
from dfdetect_jax.evaluation.report.cells import shade
from dfdetect_jax.evaluation.report.contents import Evaluation, ExampleView, RunResult
from dfdetect_jax.evaluation.report.page import render, write_page
from dfdetect_jax.scoring.result import HeatKind

EMPTY = {"meta", "img", "br", "wbr"}


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

    def row(self, name):
        return next(row for row in self.rows if row and row[0] == name)

    def values(self, name):
        return [value for attribute, value in self.attributes if attribute == name]


def scores(data="set", forgeries=("", "a", "b"), videos=8, seed=0):
    rng = np.random.default_rng(seed)
    rows = [(forgery, i, frame) for forgery in forgeries for i in range(videos) for frame in range(2)]
    label = np.array([int(forgery != "") for forgery, _, _ in rows], int)
    columns = {
        "dataset": [data] * len(rows),
        "split": ["test"] * len(rows),
        "forgery": [forgery for forgery, _, _ in rows],
        "video": [f"{forgery}/{i}" for forgery, i, _ in rows],
        "identity": [f"p{i}" for _, i, _ in rows],
        "frame": [frame for _, _, frame in rows],
        "label": label,
        "score": rng.beta(2 + label, 3 - label),
    }
    return frame_scores.from_columns(columns)


def example(**changed):
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    given = {"image": image, "heat": image[..., 0] / np.float32(255), "reconstruction": image, "mask": image[..., 0]}
    told = {"label": 1, "forgery": "a", "video": "a/0", "frame": 3, "score": 0.25, "kind": "missed fake"}
    return ExampleView(**(given | told | changed))


def level(number, auc):
    return {
        "level": number,
        "parameter": number / 2 or None,
        "auc": auc,
        "auc_ci": [auc - 0.05, auc + 0.05],
        "why": "few",
    }


ROBUSTNESS = {
    "notes": ["crops were distorted"],
    "parameters": {"blur": "standard deviation, pixels"},
    "clean": level(0, 0.9),
    "corruptions": {"blur": [level(number, 0.9 - number / 20) for number in range(1, 6)]},
}
ATTACK = {
    "attack": "pgd",
    "steps": 10,
    "note": "white box, crops",
    "clean": {"epsilon": 0, "auc": 0.9},
    "epsilons": [
        {"epsilon": 2, "auc": 0.1234, "fakes_called_real": 0.875, "video": {"auc": 0.2}, "both": {"auc": 0.0}}
    ],
}


def run(frames=None, resamples=20, **changed):
    frames = scores() if frames is None else frames
    summary = summarize(frames, 0.5, ("a",), temperature=2.0, resamples=resamples)
    told = {"threshold": 0.5, "temperature": 2.0, "notes": ["trained in a hurry"], "data": {"set": summary | changed}}
    about = {"settings": {"train": {"steps": 7}}, "versions": {"jax": "1.2.3"}, "fingerprints": {"set": "f00d"}}
    return RunResult(told, {"set": frames}, {"set": [example()]}, about | {"commit": "c0ffee"})


def evaluation(**runs):
    return Evaluation("A title", runs or {"first": run()})


def page(given):
    return Page(render(given))


def shown(figures, name):
    bounds = figures.get(f"{name}_ci")
    return f"{figures[name]:.3f}" + (f" [{bounds[0]:.2f}, {bounds[1]:.2f}]" if bounds else "")


def test_every_figure_of_metrics_json_is_shown_with_its_interval():
    result = run()
    summary = result.metrics["data"]["set"]
    found = page(evaluation(first=result))
    rows = [row for row in found.rows if row and row[0] == "first"]
    frame = summary["frame"]
    ranks = [shown(frame, name) for name in ("ap", "eer", "eer_nearest", "tpr_at_fpr_1", "tpr_at_fpr_0_1")]
    auc = [shown(frame, "auc"), shown(summary["video"], "auc")]
    assert ["first", "16", "32", *auc, *ranks] in rows
    names = ("accuracy", "balanced_accuracy", "tpr", "fpr", "brier", "log_loss", "ece")
    calibrated = ("brier_calibrated", "log_loss_calibrated", "ece_calibrated")
    assert ["first", *(shown(frame, name) for name in (*names, *calibrated))] in rows
    assert found.row("a (seen)")[3] == shown(summary["by_forgery"]["a"]["frame"], "auc")
    assert found.row("b (unseen)")[3] == shown(summary["by_forgery"]["b"]["frame"], "auc")
    assert f"On set the AUC is {shown(frame, 'auc')} over 48 frames" in found.text


def test_the_page_is_whole_and_loads_and_runs_nothing(tmp_path):
    summary = {"robustness": ROBUSTNESS, "attacks": {"pgd": ATTACK}}
    write_page(tmp_path / "new" / "report.html", evaluation(first=run(**summary), second=run(scores(seed=1))))
    text = (tmp_path / "new" / "report.html").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["report.html"]
    found = Page(text)
    assert found.open == []
    assert text.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(found.tags)
    for source in found.values("src"):
        assert source.startswith("data:image/")
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    for link in found.values("href"):
        assert link.startswith("#")
        assert link[1:] in ids
    assert "url(" not in text
    assert "@import" not in text
    assert all(found.values("alt"))


def test_names_from_outside_are_shown_and_stay_inert():
    bad = '<script>alert("1")</script>'
    frames = scores(forgeries=("", bad))
    summary = summarize(frames, 0.5, (), resamples=5)
    view = example(forgery=bad, video=bad, kind="best")
    told = {"threshold": 0.5, "notes": [bad], "data": {bad: summary | {"leakage": {"warning": bad}}}}
    given = Evaluation(bad, {bad: RunResult(told, {bad: frames}, {bad: [view]}, {bad: {bad: bad}})})
    found = page(given)
    assert "script" not in found.tags
    assert found.open == []
    assert found.text.count(bad) > 10


def test_leakage_is_told_at_the_top_and_in_the_row():
    found = page(evaluation(first=run(leakage={"videos": 2, "warning": "shares 2 videos"}), second=run()))
    assert found.text.index("first on set: shares 2 videos") < found.text.index("Summary")
    place = found.rows.index(["Leakage: shares 2 videos"])
    assert found.rows[place - 1][0] == "first"
    assert [row[1].endswith("leak") for row in found.rows if row[:1] in (["first"], ["second"])][:2] == [True, False]
    assert "leak" not in page(evaluation(first=run(leakage={"videos": 0, "warning": None}))).text.lower()


def test_the_summary_says_what_to_be_careful_about():
    text = page(evaluation()).text
    assert "first: trained in a hurry" in text
    assert "TPR at 1% FPR means little with fewer than 100 real frames: set (16)" in text
    assert "trained with one seed" in text
    assert "no interval: none was computed" in page(evaluation(first=run(resamples=0))).text
    wrong = scores().replace(score=1 - scores().score)
    assert "worse than chance" in page(evaluation(first=run(wrong, resamples=0))).text


def test_what_is_missing_is_words_and_not_a_crash():
    only_reals = run(scores(forgeries=("",)))
    found = page(evaluation(first=only_reals))
    assert "no fakes were scored" in found.text
    assert "–" in found.row("first")[1]
    assert "need scores of both reals and fakes" in found.text

    empty = run(scores()[:0], resamples=0)
    assert "nothing was scored" in page(evaluation(first=empty)).text
    assert "Nothing was measured." in page(Evaluation("t", {})).text
    for told in ({}, {"data": None}, {"data": {"set": None}}, {"data": {"set": {"frame": None, "by_forgery": None}}}):
        assert "Not known." in page(Evaluation("t", {"first": RunResult(told)})).text


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(RunResult)])
def test_any_part_of_a_run_may_be_none(name):
    assert page(evaluation(first=dataclasses.replace(run(), **{name: {} if name == "metrics" else None}))).open == []


@pytest.mark.parametrize("name", ["threshold", "temperature", "notes"])
def test_any_of_a_runs_figures_may_be_none(name):
    result = run()
    assert page(evaluation(first=dataclasses.replace(result, metrics=result.metrics | {name: None}))).open == []


def test_runs_that_were_measured_on_different_data_stand_in_one_matrix():
    second = run()
    second = dataclasses.replace(second, metrics=second.metrics | {"data": {"other": second.metrics["data"]["set"]}})
    found = page(evaluation(first=run(), second=second))
    assert ["run", "set", "other"] in found.rows
    assert found.row("second")[1] == "–"
    assert "not measured on this data set" in found.text


def test_robustness_and_attacks_have_their_tables():
    found = page(evaluation(first=run(robustness=ROBUSTNESS, attacks={"pgd": ATTACK})))
    row = found.row("set · blur")
    assert row[1] == "0.900 [0.85, 0.95]"
    assert row[6] == "0.650 [0.60, 0.70] 2.5"
    assert (
        "Under blur at the highest level, the frame AUC on set is 0.650 [0.60, 0.70]; clean it is 0.900." in found.text
    )
    assert ["set · pgd", "2/255", "10", "–", "0.123", "0.200", "0.875", "0.000"] in found.rows
    assert "white box, crops" in found.text


def test_pairs_and_seeds_have_their_tables():
    a, b = scores(seed=0), scores(seed=1)
    pair = {"a": "second", "b": "first", "data": "set"} | bootstrap.paired(a, b, 0.5, 0.5, resamples=20)
    spread = {"frame": {"auc": {"mean": 0.5432, "sd": None, "ci": None, "n": 1}}}
    seeds = {"x, y": {"set": spread | {"by_forgery": {"a": spread}}}}
    found = page(dataclasses.replace(evaluation(), paired=[pair], seeds=seeds))
    auc = pair["frame"]["auc"]
    row = next(row for row in found.rows if row[:4] == ["second − first", "set", "frame", "AUC"])
    difference = "{:.3f} [{:.3f}, {:.3f}]".format(auc["difference"], *auc["difference_ci"])
    assert row[4:7] == [f"{auc['a']:.3f}", f"{auc['b']:.3f}", difference]
    assert found.row("x, y · set · frame") == ["x, y · set · frame", "AUC", "0.543", "–", "–", "1"]
    assert found.row("x, y · set · a · frame")[2] == "0.543"
    assert "trained with one seed" not in found.text


@pytest.mark.parametrize(
    ("bounds", "verdict"),
    [
        ([0.01, 0.05], "ranks better than"),
        ([-0.05, -0.01], "ranks worse than"),
        ([-0.01, 0.03], "can't be told from"),
    ],
)
def test_the_summary_says_of_pairs_only_what_their_interval_allows(bounds, verdict):
    auc = {"a": 0.8, "b": 0.7, "difference": sum(bounds) / 2, "difference_ci": bounds, "p": 0.1}
    pair = {"a": "second", "b": "first", "data": "set", "frame": {"auc": auc}}
    text = page(dataclasses.replace(evaluation(), paired=[pair])).text
    assert f"On set, second {verdict} first: frame AUC {sum(bounds) / 2:+.3f} [{bounds[0]:.3f}" in text


def test_maps_have_a_table_with_what_needs_no_model():
    names = ("pixel_auc", "pixel_ap", "iou", "iou_best", "f1", "f1_best", "pointing", "real_attention", "real_area")
    located = {name: 0.1 * i for i, name in enumerate(names, 1)} | {"pixel_auc_ci": [0.05, 0.15], "n": 9}
    located |= {"n_without_mask": 1, "n_empty_mask": 2, "best_threshold": 0.625, "best_from": "validation"}
    located |= {"baselines": {"centre": {"pixel_auc": 0.71}}}
    found = page(evaluation(first=run(localization=located)))
    row = next(row for row in found.rows if row[:2] == ["first", "0.100 [0.05, 0.15]"])
    assert row[2:] == ["0.710", *(f"{0.1 * i:.3f}" for i in range(2, 10)), "9", "3"]
    assert found.row("centre blob")[1] == "0.710"
    assert "best: at threshold 0.625, from validation" in found.text


def test_settings_that_differ_stand_first():
    second = run()
    second = dataclasses.replace(second, about=second.about | {"settings": {"train": {"steps": 8}, "seed": 3}})
    found = page(evaluation(first=run(), second=second))
    rows = [row for row in found.rows if row[0] in ("train.steps", "seed", "jax", "set", "commit")]
    assert ["train.steps", "7", "8"] in rows
    assert ["seed", "–", "3"] in rows
    assert ["jax", "1.2.3", "1.2.3"] in rows
    assert ["set", "f00d", "f00d"] in rows
    assert ["commit", "c0ffee", "c0ffee"] in rows


def test_examples_have_whichever_pictures_there_are():
    views = [
        example(shows=HeatKind.ATTENTION),
        example(heat=None, reconstruction=None, mask=None, label=0, forgery="", kind="false alarm"),
    ]
    result = dataclasses.replace(run(), examples={"set": views})
    text = render(evaluation(first=result))
    assert re.findall(r'alt="(\w[\w ]*)"><small>', text) == [
        "input",
        "attention",
        "true mask",
        "reconstruction",
        "input",
    ]
    assert "a/0, frame 3" in text
    assert "No examples were kept." in render(evaluation(first=dataclasses.replace(result, examples={"set": []})))


def test_three_runs_on_six_data_sets_stay_below_5_mb():
    result = run(scores(videos=60), resamples=0)
    names = [f"set{i}" for i in range(6)]
    noise = np.random.default_rng(0).integers(0, 255, (256, 256, 3)).astype(np.uint8)  # what JPEG is worst at
    views = [example(image=noise, reconstruction=noise, heat=noise[..., 0] / 255, mask=noise[..., 0])] * 12
    (summary,), (frames,) = result.metrics["data"].values(), result.scores.values()
    metrics_of_all = result.metrics | {"data": dict.fromkeys(names, summary | {"robustness": ROBUSTNESS})}
    result = RunResult(metrics_of_all, dict.fromkeys(names, frames), dict.fromkeys(names, views), result.about)
    assert len(render(Evaluation("t", dict.fromkeys("abc", result))).encode()) < 5e6


def test_examples_grow_smaller_before_any_is_left_out():
    views = {
        ("run", "set"): [example(image=np.zeros((256, 256, 3), np.uint8), heat=np.ones((256, 256), np.float32))] * 3
    }
    large, _ = page_examples.examples_of(views)
    whole = sum(len(uri) for each in large["run", "set"] for _, uri in each.pictures)
    small, left_out = page_examples.examples_of(views, whole - 1)
    assert left_out == 0
    assert len(small["run", "set"]) == 3
    assert small["run", "set"][0].pictures[0][1] != large["run", "set"][0].pictures[0][1]


def test_where_small_examples_are_still_too_many_every_kind_stays(monkeypatch):
    views = [example(kind=kind) for kind in ("missed fake", "false alarm", "best") for _ in range(4)]
    drawn, left_out = page_examples.examples_of({("run", name): views for name in ("set", "other")}, 150_000)
    lengths = [len(group) for group in drawn.values()]
    assert lengths[0] == lengths[1]
    assert 3 <= lengths[0] < 12
    assert left_out == 24 - sum(lengths)
    assert sum(len(uri) for group in drawn.values() for each in group for _, uri in each.pictures) <= 150_000
    assert [each.view.kind for each in drawn["run", "set"]][:: lengths[0] - 1] == ["missed fake", "best"]
    monkeypatch.setattr(sys.modules["dfdetect_jax.evaluation.report.page"], "BUDGET", 150_000)
    text = render(evaluation(first=dataclasses.replace(run(), examples={"set": views * 2})))
    assert re.search(r"\d+ more were left out to keep this page small", text)


def test_the_matrix_darkens_with_the_auc_also_in_grey():
    def lightness(colour):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    shades = [lightness(shade(auc)) for auc in (0.3, 0.5, 0.6, 0.75, 0.9, 1.0)]
    assert shades[0] == shades[1] == pytest.approx(255)
    assert shades[1:] == sorted(set(shades[1:]), reverse=True)
    assert shades[-1] > 120  # black figures stay legible
    assert shade(None) == ""


def test_a_page_that_cant_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a place to write the page"):
        write_page(tmp_path / "file" / "report.html", Evaluation("t", {}))


def test_file_names_that_are_no_text_can_be_written(tmp_path):
    result = dataclasses.replace(run(), examples={"set": [example(video="\udcff")]})
    write_page(tmp_path / "report.html", evaluation(first=result))
    assert Page((tmp_path / "report.html").read_text(encoding="utf-8")).open == []


@pytest.mark.slow
def test_a_page_of_very_many_runs_stays_small_and_says_what_it_left_out():
    result = run(scores(videos=20), resamples=20)
    names = [f"set{i}" for i in range(4)]
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3)).astype(np.uint8)
    views = [example(image=noise, reconstruction=noise, heat=noise[..., 0] / 255, mask=noise[..., 0])] * 12
    (summary,), (frames,) = result.metrics["data"].values(), result.scores.values()
    metrics_of_all = result.metrics | {"data": dict.fromkeys(names, summary)}
    result = RunResult(metrics_of_all, dict.fromkeys(names, frames), dict.fromkeys(names, views), result.about)
    text = render(Evaluation("t", {f"run{i}": result for i in range(10)}))
    assert len(text.encode()) < 5e6
    assert f"Reliability and scores of {10 * 4 - 16} more pairs of run and data set" in text
    assert text.count('alt="reliability of') == text.count(', reals and fakes"') == 16
