import pytest

from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.report import html_tables
from dfdetect_jax.evaluation.report.cells import shade
from tests.evaluation.made_results import evaluation, heat, localization, run_result
from tests.evaluation.report.table_texts import texts
from tests.evaluation.scored import clips, scores_of

LEAKS = Leakage(identities=0, videos=2, files=0, warning="shares 2 videos")


def shown(metrics, name):
    low, high = metrics.interval(name)
    return f"{metrics.value(name):.3f} [{low:.2f}, {high:.2f}]"


def test_every_metric_is_shown_with_its_interval():
    result = run_result()
    metrics = result.metrics.data["set"]
    ranking, rest = html_tables.detection_tables(evaluation(first=result), "set", "frame")
    names = ("ap", "eer", "eer_nearest", "tpr_at_fpr_1", "tpr_at_fpr_0_1")
    auc = [shown(metrics.frame, "auc"), shown(metrics.video, "auc")]
    assert texts(ranking)[0] == ["first", "16", "32", *auc, *(shown(metrics.frame, name) for name in names)]
    names = ("accuracy", "balanced_accuracy", "tpr", "fpr", "brier", "log_loss", "ece")
    names += ("brier_calibrated", "log_loss_calibrated", "ece_calibrated")
    assert texts(rest)[0] == ["first", *(shown(metrics.frame, name) for name in names)]
    assert [row.name for row in ranking.rows] == ["first", "a (seen)", "b (unseen)"]
    for row, forgery in zip(texts(ranking)[1:], "ab", strict=True):
        assert row[3] == shown(metrics.by_forgery[forgery].frame, "auc")


def test_the_table_of_videos_has_deepfakebenchs_auc():
    result = run_result()
    ranking, _ = html_tables.detection_tables(evaluation(first=result), "set", "video")
    assert ranking.headings[3:5] == ["video AUC", "AUC (DeepfakeBench)"]
    assert texts(ranking)[0][4] == shown(result.metrics.data["set"].video, "dfb_compat")


def test_an_undefined_metric_is_a_dash_with_a_reason_in_one_row():
    result = run_result(scores_of(("", 0.1), ("", 0.2)), resamples=0)
    (row,) = html_tables.detection_tables(evaluation(first=result), "set", "frame")[0].rows
    assert row.cells[2].text == "–"
    assert row.why == ["no fakes were scored: auc, ap, eer, tpr_at_fpr and balanced_accuracy need both"]


def test_the_reasons_of_a_forgery_are_those_that_its_data_set_has_not():
    rows = html_tables.detection_tables(evaluation(), "set", "frame")[0].rows
    assert [list(row.why) for row in rows] == [
        ["only 16 reals: tpr_at_fpr_1 needs at least 100, tpr_at_fpr_0_1 needs at least 1000"],
        [],
        [],
    ]


def test_the_matrix_links_to_the_rows_and_marks_leaks():
    both = evaluation(first=run_result(keys=("x", "y"), leakage=LEAKS), second=run_result(keys=("x", "y")))
    matrix = html_tables.matrix(both, "video")
    assert matrix.headings == ["run", "x", "y"]
    assert [[cell.mark for cell in row.cells] for row in matrix.rows] == [["leak", "leak"], ["", ""]]
    rows = [row for key in "xy" for row in html_tables.detection_tables(both, key, "frame")[0].rows if row.anchor]
    assert {cell.link for row in matrix.rows for cell in row.cells} == {row.anchor for row in rows}
    assert [list(row.leaks) for row in rows] == [["shares 2 videos"], []] * 2


def test_of_one_class_the_matrix_has_the_share_called_fake_under_its_name():
    both = evaluation(first=run_result(scores_of(("", 0.1), ("", 0.7)), resamples=0))
    ((cell,),) = [row.cells for row in html_tables.matrix(both, "frame").rows]
    assert (cell.text, cell.colour) == ("FPR 0.500", "")


def test_forgeries_are_marked_unseen_per_run():
    both = evaluation(first=run_result(seen=("a",)), second=run_result(seen=("b",)))
    matrix = html_tables.forgeries_matrix(both)
    assert [(row.name, [cell.mark for cell in row.cells]) for row in matrix.rows] == [
        ("set · a", ["", "unseen"]),
        ("set · b", ["unseen", ""]),
    ]


def test_maps_have_a_table_with_their_baselines():
    result = run_result(clips(), localization=localization("a", "b"))
    table = html_tables.localization_table(evaluation(first=result), "set")
    located = result.metrics.data["set"].localization
    assert [row.name for row in table.rows] == ["first", "noise", "centre blob", "a (seen)", "b (unseen)"]
    whole = texts(table)[0]
    low, high = located.intervals["pixel_auc"]
    assert whole[1:3] == [f"1.000 [{low:.2f}, {high:.2f}]", "0.500"]
    assert whole[9].startswith("0.150")  # attention on reals
    assert whole[-2:] == ["2", "0"]
    assert texts(table)[1][1:4] == ["0.500", "", "0.750"]
    assert texts(table)[3][9:11] == ["", ""]  # reals belong to no forgery
    assert any("from these images" in reason for reason in table.rows[0].why)
    assert html_tables.localization_table(evaluation(), "set") is None


def test_maps_that_were_not_learnt_have_a_table_of_their_own():
    table = html_tables.heat_table(evaluation(first=run_result(heat=heat())), "set")
    assert texts(table)[:2] == [
        [f"first · {kind}", "0.800 [0.70, 0.90]", "0.800", "0.800", "7"]
        for kind in ("reconstruction error", "class activation")
    ]
    assert [row.name for row in table.rows[2:]] == ["noise", "centre blob"]
    assert html_tables.heat_table(evaluation(), "set") is None


def test_the_matrix_darkens_with_the_auc_also_in_grey():
    def lightness(colour):
        red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    shades = [lightness(shade(auc)) for auc in (0.3, 0.5, 0.6, 0.75, 0.9, 1.0)]
    assert shades[0] == shades[1] == pytest.approx(255)
    assert shades[1:] == sorted(set(shades[1:]), reverse=True)
    assert shades[-1] > 120  # black text stays legible
    assert shade(None) == ""
