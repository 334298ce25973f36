import dataclasses
import io
import json

import pytest
from rich.console import Console

from dfdetect_jax.config import Crop
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation import frame_scores, metrics, report, tables
from tests import trained


def printed(summaries):
    console = Console(width=80, file=io.StringIO())
    console.print(tables.results_table(report.as_metrics(0.5, summaries)))
    return console.file.getvalue()


def scores_of(*rows):
    """FrameScores from (method, score) pairs, a video each."""
    methods, values = zip(*rows, strict=True)
    n = len(rows)
    texts = {"dataset": ["set"] * n, "split": ["test"] * n, "identity": ["p"] * n}
    numbers = {"frame": [0] * n, "label": [int(method != "") for method in methods], "score": values}
    return frame_scores.from_columns({**texts, **numbers, "method": methods, "video": [str(i) for i in range(n)]})


def test_the_table_names_seen_methods_before_unseen_ones():
    summary = metrics.summarize(scores_of(("", 0.1), ("a", 0.9), ("b", 0.8)), 0.5, seen=("b",))
    text = printed({"set": summary})
    rows = [line.split()[:2] for line in text.splitlines() if line.startswith("  ") and "seen" in line]
    assert rows == [["b", "seen"], ["a", "unseen"]]
    assert max(map(len, text.splitlines())) <= 80


def test_the_table_says_why_a_number_is_missing():
    summary = metrics.summarize(scores_of(("", 0.1), ("", 0.2)), 0.5, seen=())
    text = printed({"set": summary})
    assert " - " in text
    assert "set: no fakes were scored" in text


def test_only_other_splits_than_test_are_named_in_the_key():
    assert report.data_key("forge", "test") == "forge"
    assert report.data_key("forge", "val") == "forge:val"


def test_a_report_is_whole_and_replaces_the_one_before(tmp_path):
    scores = scores_of(("", 0.1), ("a", 0.9))
    folder = tmp_path / "report"
    for threshold in (0.4, 0.5):
        report.write_report(folder, report.as_metrics(threshold, {}), scores)
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "scores.csv"]
    assert json.loads((folder / "metrics.json").read_text()) == {"threshold": 0.5, "data": {}}
    assert len(frame_scores.read_scores(folder / "scores.csv")) == 2


def test_a_report_that_cant_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a folder to write"):
        report.write_report(tmp_path / "file" / "report", report.as_metrics(0.5, {}), scores_of(("", 0.1)))


def test_progress_counts_every_frame():
    run, records = trained.opened(), trained.folders()[1]
    counted = []
    _, scores = report.evaluate_run(run, str(records), "val", on_progress=counted.append)
    assert sum(counted) == len(scores)
    assert {type(count) for count in counted} == {int}


def test_crops_cut_otherwise_than_in_training_are_noted():
    run, records = trained.opened(), trained.folders()[1]
    assert report.crop_difference(run, records) is None
    wider = dataclasses.replace(run, crop=Crop(size=99, margin=2.0))
    assert "margin 1.3 (trained on 2.0)" in report.crop_difference(wider, records)
    assert read_manifest(records).crop.margin == 1.3
