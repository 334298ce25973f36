from dfdetect_jax.evaluation.comparison import compare_runs
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.report import html_comparisons
from tests.evaluation.made_results import attack, evaluation, robustness, run_result
from tests.evaluation.report.table_texts import texts
from tests.evaluation.scored import clips, scores_of


def test_pairs_have_main_metrics_and_the_others():
    runs = {"first": run_result(clips(seed=1), resamples=0), "second": run_result(clips(seed=0), resamples=0)}
    both = compare_runs("both", runs, Resampling(resamples=20))
    main, others = (html_comparisons.paired_table(both, main=main) for main in (True, False))
    auc = both.paired[0].frame["auc"]
    difference = "{:.3f} [{:.3f}, {:.3f}]".format(auc.difference, *auc.interval)
    expected = ["second − first", "set", "frame", "AUC", f"{auc.a:.3f}", f"{auc.b:.3f}", difference, f"{auc.p:.3f}"]
    assert texts(main)[0] == [*expected, "48", "8"]
    assert {row[3] for row in texts(main)} == {"AUC", "EER", "balanced accuracy"}
    assert len(main.rows) + len(others.rows) == 2 * 16


def test_seeds_have_a_row_per_metric_and_forgeries_are_among_the_others():
    runs = {name: run_result(settings={"seed": seed}, resamples=0) for seed, name in enumerate("xy")}
    both = compare_runs("both", runs, NO_INTERVALS)
    main, others = (html_comparisons.seeds_table(both, main=main) for main in (True, False))
    auc = runs["x"].metrics.data["set"].frame.auc
    expected = ["x, y · set · frame", "AUC", f"{auc:.3f}", "0.000", f"[{auc:.2f}, {auc:.2f}]", "2"]
    assert texts(main)[0] == expected
    forgery = runs["x"].metrics.data["set"].by_forgery["a"].frame.auc
    assert ["x, y · set · a · frame", "AUC", f"{forgery:.3f}"] in [row[:3] for row in texts(others)]
    assert not any("set · a" in row.name for row in main.rows)


def test_on_one_class_the_main_metric_of_pairs_and_seeds_is_the_share_called_fake():
    frames = scores_of(("", 0.1), ("", 0.7))
    runs = {name: run_result(frames, settings={"seed": seed}, resamples=0) for seed, name in enumerate("xy")}
    both = compare_runs("both", runs, Resampling(resamples=20))
    assert [row[2:6] for row in texts(html_comparisons.paired_table(both, main=True))] == [
        [unit, "FPR", "0.500", "0.500"] for unit in ("frame", "video")
    ]
    assert {row[1] for row in texts(html_comparisons.seeds_table(both, main=True))} == {"FPR"}


def test_corruptions_have_a_cell_per_level_with_its_parameter():
    table = html_comparisons.robustness_table(run_result(robustness=robustness("blur")))
    (row,) = table.rows
    assert row.name == "set · blur"
    cells = [(cell.text, cell.interval, cell.mark) for cell in row.cells]
    assert cells[0] == ("0.900", "[0.85, 0.95]", "")
    assert cells[5] == ("0.650", "[0.60, 0.70]", "2.5")
    assert cells[6][0] == "Gaussian kernel, px"
    assert len(table.headings) == len(row.cells) + 1


def test_attacks_have_a_row_per_epsilon_and_their_note():
    table = html_comparisons.attacks_table(run_result(attacks={"pgd": attack()}))
    assert texts(table) == [
        ["set · pgd", "0/255", "10", "0.00", "0.900", "0.200", "0.875", "0.000"],
        ["set · pgd", "2/255", "10", "0.50", "0.123", "0.200", "0.875", "0.000"],
    ]
    assert table.rows[-1].why == ["white box, crops"]


def test_without_stress_there_are_no_rows():
    assert not html_comparisons.robustness_table(run_result()).rows
    assert not html_comparisons.attacks_table(run_result()).rows


def test_provenance_has_a_column_per_run_and_settings_that_differ_can_stand_alone():
    both = evaluation(first=run_result(), second=run_result(settings={"train": {"steps": 8}, "mask": (1, 2)}))
    assert ["train.steps", "7", "8"] in texts(html_comparisons.about_table(both, "settings"))
    differing = html_comparisons.about_table(both, "settings", differing=True)
    assert texts(differing) == [["train.steps", "7", "8"], ["mask", "–", "1, 2"]]
    assert texts(html_comparisons.about_table(both, "versions")) == [["jax", "1.2.3", "1.2.3"]]
    assert texts(html_comparisons.about_table(both, "commit")) == [["commit", "c0ffee", "c0ffee"]]
