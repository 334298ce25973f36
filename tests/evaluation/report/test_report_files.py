import dataclasses
import io
import json

import cv2
import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import roc_auc_score

from dfdetect_jax.config import Crop
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.metrics import frame_scores
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.report import report_files, terminal
from dfdetect_jax.methods import Prediction
from dfdetect_jax.run.folder import Run
from tests import trained


def printed(summaries, table=terminal.results_table, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(table(report_files.as_metrics(0.5, summaries)))
    return console.file.getvalue()


def scores_of(*rows):
    """FrameScores from (forgery, score) pairs, a video each."""
    forgeries, values = zip(*rows, strict=True)
    n = len(rows)
    texts = {"dataset": ["set"] * n, "split": ["test"] * n, "identity": ["p"] * n}
    numbers = {"frame": [0] * n, "label": [int(forgery != "") for forgery in forgeries], "score": values}
    return frame_scores.from_columns({**texts, **numbers, "forgery": forgeries, "video": [str(i) for i in range(n)]})


def test_the_table_names_seen_methods_before_unseen_ones():
    summary = summarize(scores_of(("", 0.1), ("a", 0.9), ("b", 0.8)), 0.5, seen=("b",))
    text = printed({"set": summary})
    rows = [line.split()[:2] for line in text.splitlines() if line.startswith("  ") and "seen" in line]
    assert rows == [["b", "seen"], ["a", "unseen"]]
    assert max(map(len, text.splitlines())) <= 80


def test_what_a_reader_should_know_of_the_training_stands_under_the_table():
    summary = summarize(scores_of(("", 0.1), ("a", 0.9)), 0.5, seen=())
    console = Console(width=80, file=io.StringIO())
    console.print(terminal.results_table(report_files.as_metrics(0.5, {"set": summary}, ["trained in a hurry"])))
    assert "trained in a hurry" in console.file.getvalue()


def test_the_table_says_why_a_number_is_missing():
    summary = summarize(scores_of(("", 0.1), ("", 0.2)), 0.5, seen=())
    text = printed({"set": summary})
    assert " - " in text
    assert "set: no fakes were scored" in text


def test_several_runs_stand_in_one_table_with_data_that_one_was_not_measured_on():
    summary = summarize(scores_of(("", 0.1), ("a", 0.9)), 0.5, seen=())
    runs = {
        "one": report_files.as_metrics(0.5, {"set": summary}),
        "two": report_files.as_metrics(0.5, {"other": summary}),
    }
    console = Console(width=80, file=io.StringIO())
    console.print(terminal.matrix_table(runs))
    rows = [line.split() for line in console.file.getvalue().splitlines() if line.startswith(("one", "two"))]
    assert rows == [["one", "1.000", "-"], ["two", "-", "1.000"]]


def located(*forgeries, mask=((0, 1), (1, 1)), has_mask=True):
    """Figures of a real and of a fake per forgery, whose attention finds two of three forged pixels."""
    n = len(forgeries) + 1
    batch = {
        "mask": np.array([np.zeros((2, 2)), *[mask] * (n - 1)], np.uint8) * 255,
        "has_mask": np.array([True] + [has_mask] * (n - 1)),
        "label": np.array([0] + [1] * (n - 1)),
        "forgery": np.array(["", *forgeries]),
        "valid": np.ones(n),
    }
    figures = Localization()
    figures.update(np.float32([[[0.1, 0.1], [0.1, 0.3]], *[[[0.1, 0.9], [0.8, 0.2]]] * (n - 1)]), batch)
    return figures


def test_the_second_table_has_the_maps_figures_beside_those_of_a_blob():
    scores = scores_of(("", 0.1), ("attribute_transposed", 0.9), ("b", 0.8))
    with_maps = summarize(scores, 0.5, ("b",), located("attribute_transposed", "b"))
    without = summarize(scores, 0.5, seen=("b",))
    text = printed({"set": with_maps, "other": without}, terminal.localization_table, width=100)
    rows = [line.split() for line in text.splitlines() if "0." in line and ":" not in line]
    # AUC 1, a blob over four equal pixels .5, AP 1, IoU 2/3 at 0.5 and 1 at the best, F1 4/5 and 1.
    figures = ["1.000", "0.500", "1.000", "0.667", "1.000", "0.800", "1.000", "1.000"]
    assert rows[:3] == [
        ["set", *figures, "0.150", "2"],
        ["b", "seen", *figures, "1"],
        ["attribute_transposed", "unseen", *figures, "1"],
    ]
    # Noise is expected to reach the forged share, 3/4. The blob is 1/e on all four pixels: none at 0.5, or all.
    assert rows[3:] == [
        ["(noise)", "0.500", "0.750", "0.750"],
        ["(centre", "blob)", "0.500", "0.750", "0.000", "0.750", "0.000", "0.857", "0.750"],
    ]
    assert "other" not in text
    assert "optimistic" in text


def test_the_second_table_says_what_was_left_out():
    summary = summarize(scores_of(("", 0.1), ("a", 0.9)), 0.5, (), located("a", has_mask=False))
    text = printed({"set": summary}, terminal.localization_table, width=100)
    assert "set: fakes left out: 1 without a mask, 0 with an empty one" in text
    assert "set: no fake with a mask was measured" in text
    assert " - " in text


def test_a_method_without_maps_has_one_table(capsys):
    scores = scores_of(("", 0.1), ("a", 0.9))
    terminal.print_results(report_files.as_metrics(0.5, {"set": summarize(scores, 0.5, ())}))
    assert "forged" not in capsys.readouterr().out
    terminal.print_results(report_files.as_metrics(0.5, {"set": summarize(scores, 0.5, (), located("a"))}))
    assert "forged" in capsys.readouterr().out


def test_only_other_splits_than_test_are_named_in_the_key():
    assert report_files.data_key("forge", "test") == "forge"
    assert report_files.data_key("forge", "val") == "forge:val"


def test_a_report_is_whole_and_replaces_the_one_before(tmp_path):
    scores = scores_of(("", 0.1), ("a", 0.9))
    folder = tmp_path / "report"
    for threshold in (0.4, 0.5):
        report_files.write_report(folder, report_files.as_metrics(threshold, {}), scores)
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "scores.csv"]
    assert json.loads((folder / "metrics.json").read_text()) == {
        "threshold": 0.5,
        "temperature": 1.0,
        "notes": [],
        "data": {},
    }
    assert len(frame_scores.read_scores(folder / "scores.csv")) == 2


def test_a_report_that_cant_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a folder to write"):
        report_files.write_report(tmp_path / "file" / "report", report_files.as_metrics(0.5, {}), scores_of(("", 0.1)))


def test_progress_counts_every_frame():
    run, records = trained.opened(), trained.folders()[1]
    counted = []
    _, scores = report_files.evaluate_run(run, str(records), "val", on_progress=counted.append)
    assert sum(counted) == len(scores)
    assert {type(count) for count in counted} == {int}


class Bright(Run):
    """A detector whose attention is brightness: without weights, and easy to work out by hand."""

    localizes = True

    def localize(self, images):
        attention = images.mean(axis=-1, dtype=np.float32) / 255
        return Prediction(score=attention.mean(axis=(1, 2)), attention=attention, reconstruction=None)


def test_a_method_with_maps_is_measured_in_the_same_pass():
    opened, folder = trained.opened(), trained.folders()[1]
    records = Records(folder, "test")
    size = 20  # smaller than the records: maps and masks meet at the size of the network's input
    settings = dataclasses.replace(opened.settings, data=dataclasses.replace(opened.settings.data, image_size=size))
    attributes = {field.name: getattr(opened, field.name) for field in dataclasses.fields(opened)}
    run = Bright(**attributes | {"settings": settings})
    counted = []
    summary, scores = report_files.evaluate_run(run, str(folder), on_progress=counted.append)
    assert sum(counted) == len(scores) == len(records)

    def shrunk(pixels):
        return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)

    fakes = [records[i] for i in range(len(records)) if records[i]["label"]]
    for forgery, figures in [("", summary), *summary["by_forgery"].items()]:
        chosen = [fields for fields in fakes if forgery in ("", fields["forgery"])]
        masks = np.stack([shrunk(fields["mask"]) >= 128 for fields in chosen]).ravel()
        bright = np.stack([shrunk(fields["image"]).mean(axis=-1) for fields in chosen]).ravel()
        located = figures["localization"]
        assert located["n"] + located["n_empty_mask"] == len(chosen)
        assert located["pixel_auc"] == pytest.approx(roc_auc_score(masks, bright), abs=1e-4)
    assert summary["localization"]["n_real"] == len(records) - len(fakes)


def test_a_method_without_maps_pays_for_scores_alone(monkeypatch):
    run, folder = trained.opened(), trained.folders()[1]
    monkeypatch.setattr(Run, "localize", None)
    assert not run.localizes
    summary, _ = report_files.evaluate_run(run, str(folder), "val")
    assert summary["localization"] is None


def test_an_lae_is_scored_as_ever_and_its_attention_is_measured():
    run, folder = trained.opened_lae(), trained.lae_folders()[1]
    records = Records(folder, "test")
    images = np.stack([records[i]["image"] for i in range(len(records))])
    masks = np.stack([records[i]["mask"] for i in range(len(records))]) > 0
    prediction = run.predict(images)
    summary, scores = report_files.evaluate_run(run, str(folder))
    assert scores.score == pytest.approx(prediction.score, abs=1e-5)
    located, fakes = summary["localization"], records.labels == 1
    assert located["n"] == masks.any(axis=(1, 2)).sum()
    expected = roc_auc_score(masks[fakes].ravel(), prediction.attention[fakes].ravel())
    assert located["pixel_auc"] == pytest.approx(expected, abs=2e-3)
    assert located["real_attention"] == pytest.approx(prediction.attention[~fakes].mean(), abs=1e-5)


def test_crops_cut_otherwise_than_in_training_are_noted():
    run, records = trained.opened(), trained.folders()[1]
    assert report_files.crop_difference(run, records) is None
    wider = dataclasses.replace(run, crop=Crop(size=99, margin=2.0))
    assert "margin 1.3 (trained on 2.0)" in report_files.crop_difference(wider, records)
    assert read_manifest(records).crop.margin == 1.3
