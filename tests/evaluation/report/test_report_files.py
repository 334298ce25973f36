import json
import re

import pytest

from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.comparison import compare_runs
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS
from dfdetect_jax.evaluation.metrics.frame_scores import concatenate, read_scores
from dfdetect_jax.evaluation.report.report_files import write_report
from tests.evaluation.made_results import evaluation, example, run_result
from tests.evaluation.scored import scores_of


def files_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_report_of_one_run_is_three_files_that_replace_an_earlier_report(tmp_path):
    few, more = scores_of(("", 0.1), ("a", 0.9)), scores_of(("", 0.1), ("a", 0.9), ("a", 0.8))
    for frames in (few, more):
        result = run_result(frames, keys=("x", "y"), resamples=0)
        write_report(tmp_path / "new" / "report", evaluation(run=result))
    folder = tmp_path / "new" / "report"
    assert files_in(folder) == ["metrics.json", "report.html", "scores.csv"]
    assert json.loads((folder / "metrics.json").read_text()) == result.metrics.as_json()
    scores = read_scores(folder / "scores.csv")
    assert scores.score.tolist() == concatenate([more, more]).score.tolist()
    assert re.search(r"on 2 data sets: x, y\.", (folder / "report.html").read_text())


def test_the_report_of_several_runs_has_a_folder_for_each(tmp_path):
    runs = {"cae/0": run_result(resamples=0), "lae/0": run_result(resamples=0)}
    both = compare_runs("both", runs, NO_INTERVALS)
    write_report(tmp_path, both)
    of_run = ["metrics.json", "scores.csv"]
    expected = [*(f"cae/0/{name}" for name in of_run), *(f"lae/0/{name}" for name in of_run)]
    assert files_in(tmp_path) == sorted([*expected, "metrics.json", "report.html"])
    assert json.loads((tmp_path / "metrics.json").read_text()) == both.as_json()
    assert json.loads((tmp_path / "lae/0/metrics.json").read_text()) == runs["lae/0"].metrics.as_json()


def test_a_folder_that_cant_be_written_to_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="expected a folder to write the report to") as error:
        write_report(tmp_path / "file" / "report", evaluation())
    assert "\n" not in str(error.value)


def test_file_names_that_are_no_text_can_be_written(tmp_path):
    write_report(tmp_path, evaluation(run=run_result(examples=[example(video="\udcff")])))
    assert (tmp_path / "report.html").read_text(encoding="utf-8").endswith("</html>")
