import io

import pytest
from rich.console import Console

from dfdetect_jax.evaluation.comparison import compare_runs
from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.report import terminal
from tests.evaluation.made_results import data_set_metrics, heat, localization, run_metrics, run_result
from tests.evaluation.scored import clips, scores_of

LEAKS = Leakage(identities=0, videos=2, files=0, warning="shares 2 videos", note="a note")


def text_of(table, width=80):
    console = Console(width=width, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def detection_text(metrics, notes=(), width=80):
    return text_of(terminal.detection_table(run_metrics({"set": metrics}, notes)), width)


def test_the_table_names_seen_forgeries_before_unseen_ones():
    text = detection_text(data_set_metrics(scores_of(("", 0.1), ("a", 0.9), ("b", 0.8)), seen=("b",)))
    rows = [line.split()[:2] for line in text.splitlines() if line.startswith("  ") and "seen" in line]
    assert rows == [["b", "seen"], ["a", "unseen"]]
    assert max(map(len, text.splitlines())) <= 80


def test_rows_have_the_metrics_of_their_group():
    metrics = data_set_metrics(clips(), resamples=20)
    lines = [line.split() for line in detection_text(metrics, width=120).splitlines()]
    for name, group in [("set", metrics), ("a", metrics.by_forgery["a"])]:
        (row,) = [line for line in lines if line[:1] == [name] and len(line) > 8]
        low, high = (f"{edge:.2f}".removeprefix("0") for edge in group.frame.interval("auc"))
        frame = group.frame
        shares = (group.video.auc, frame.ap, frame.eer, frame.tpr_at_fpr_1, frame.accuracy)
        expected = [f"{frame.auc:.3f}", f"{low}-{high}", *(f"{share:.3f}" for share in shares)]
        assert row[-9:] == [*expected, str(frame.n_real), str(frame.n_fake)]


def test_notes_of_the_training_are_below_the_table():
    assert "trained in a hurry" in detection_text(data_set_metrics(clips()), ["trained in a hurry"])


def test_leakage_is_a_row_and_a_note():
    text = detection_text(data_set_metrics(clips(), leakage=LEAKS))
    assert "! leakage" in text
    assert "set: LEAKAGE: shares 2 videos" in text
    assert "set: a note" in text


def test_an_undefined_metric_is_a_dash_with_a_reason():
    text = detection_text(data_set_metrics(scores_of(("", 0.1), ("", 0.2))))
    assert " - " in text
    assert "set: no fakes were scored" in text
    assert "called fake" not in detection_text(data_set_metrics(clips())).replace("\n", " ")


def test_of_one_class_the_share_called_fake_is_a_column_and_a_note():
    fakes = data_set_metrics(scores_of(("a", 0.1), ("a", 0.9), ("b", 0.9)), seen=("a",))
    both = data_set_metrics(clips(("", "z")))
    text = text_of(terminal.detection_table(run_metrics({"fakes": fakes, "both": both})), 120)
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.strip()}
    assert {name: rows[name][-3] for name in ("fakes", "a", "b")} == {"fakes": "0.667", "a": "0.500", "b": "1.000"}
    assert rows["both"][-3:] == [f"{both.frame.accuracy:.3f}", "16", "16"]
    note = "fakes: 0.667 of 3 frames, all fake, are called fake at the threshold: the detection rate"
    assert note in " ".join(text.split())


def test_the_second_table_has_the_maps_metrics_beside_those_of_a_blob():
    scores = scores_of(("", 0.1), ("attribute_transposed", 0.9), ("b", 0.8))
    with_maps = data_set_metrics(scores, ("b",), localization=localization("attribute_transposed", "b"))
    metrics = run_metrics({"set": with_maps, "other": data_set_metrics(scores, ("b",))})
    text = text_of(terminal.localization_table(metrics), width=100)
    rows = [line.split() for line in text.splitlines() if "0." in line and ":" not in line]
    # AUC 1, a blob over four equal pixels .5, AP 1, IoU 2/3 at 0.5 and 1 at the best, F1 4/5 and 1.
    values = ["1.000", "0.500", "1.000", "0.667", "1.000", "0.800", "1.000", "1.000"]
    assert rows[:3] == [
        ["set", *values, "0.150", "2"],
        ["b", "seen", *values, "1"],
        ["attribute_transposed", "unseen", *values, "1"],
    ]
    # Noise is expected to reach the forged share, 3/4. The blob is 1/e on all four pixels: none at 0.5, or all.
    assert rows[3:] == [
        ["(noise)", "0.500", "0.750", "0.750"],
        ["(centre", "blob)", "0.500", "0.750", "0.000", "0.750", "0.000", "0.857", "0.750"],
    ]
    assert "other" not in text
    assert "optimistic" in text


def test_the_second_table_counts_fakes_without_a_mask():
    scores = scores_of(("", 0.1), ("a", 0.9))
    metrics = data_set_metrics(scores, localization=localization("a", has_mask=False))
    text = text_of(terminal.localization_table(run_metrics({"set": metrics})), width=100)
    assert "set: fakes left out: 1 without a mask, 0 with an empty mask" in text
    assert "set: no fake with a mask was measured" in text
    assert " - " in text


def test_maps_that_were_not_learnt_stand_beside_each_other_and_the_baselines():
    metrics = run_metrics({"set": data_set_metrics(clips(), heat=heat()), "bare": data_set_metrics(clips())})
    rows = [line.split() for line in text_of(terminal.heat_table(metrics), 100).splitlines() if "0." in line]
    assert rows == [
        ["reconstruction", "error", "0.800", ".70-.90", "0.800", "0.800", "7"],
        ["class", "activation", "0.800", ".70-.90", "0.800", "0.800", "7"],
        ["(noise)", "0.250", "0.250", "0.250"],
        ["(centre", "blob)", "0.950", "0.950", "0.950"],
    ]


def test_a_method_without_maps_has_one_table(capsys):
    scores = scores_of(("", 0.1), ("a", 0.9))
    terminal.print_metrics(run_metrics({"set": data_set_metrics(scores)}))
    assert "forged" not in capsys.readouterr().out
    terminal.print_metrics(run_metrics({"set": data_set_metrics(scores, localization=localization("a"))}))
    assert "forged" in capsys.readouterr().out


def test_several_runs_are_in_one_matrix_and_compared_with_the_first(capsys):
    better = scores_of(("", 0.1), ("", 0.2), ("a", 0.5), ("a", 0.9))
    worse = scores_of(("", 0.1), ("", 0.6), ("a", 0.5), ("a", 0.9))
    runs = {"one": run_result(better, resamples=0), "two": run_result(worse, resamples=0)}
    resampling = Resampling(resamples=20, by="video")
    terminal.print_evaluation(compare_runs("two runs", runs, resampling))
    lines = capsys.readouterr().out.splitlines()
    matrix = [line.split() for line in lines if line.startswith(("one ", "two "))]
    assert ["one", "1.000"] in matrix
    assert ["two", "0.750"] in matrix
    assert any(line.startswith("two against one on set: frame AUC -0.250 [") for line in lines)
    assert any(line.startswith("one, two on set, mean over seeds: frame AUC 0.875 [") for line in lines)


def test_several_runs_on_one_class_are_compared_by_the_share_called_fake(capsys):
    few, many = (
        scores_of(*(("", score) for score in scores)) for scores in ((0.1, 0.2, 0.3, 0.9), (0.1, 0.7, 0.8, 0.9))
    )
    runs = {"few": run_result(few, resamples=0), "many": run_result(many, resamples=0)}
    terminal.print_evaluation(compare_runs("two runs", runs, Resampling(resamples=20, by="video")))
    lines = capsys.readouterr().out.splitlines()
    assert ["many", "FPR", "0.750"] in [line.split() for line in lines]
    assert any(line.startswith("many against few on set: frame FPR +0.500 [") for line in lines)
    assert any(line.startswith("few, many on set, mean over seeds: frame FPR 0.500 [") for line in lines)


def test_one_run_has_no_matrix(capsys):
    terminal.print_evaluation(compare_runs("one run", {"one": run_result(resamples=0)}, NO_INTERVALS))
    assert "frame AUC" not in capsys.readouterr().out


@pytest.mark.parametrize("width", [80, 120])
def test_names_are_never_cut_off(width):
    metrics = data_set_metrics(scores_of(("", 0.1), ("x" * 60, 0.9)))
    assert "".join(detection_text(metrics, width=width).split()).count("x") == 60
