import dataclasses
import xml.etree.ElementTree as ElementTree

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from dfdetect_jax.evaluation.metrics import frame_scores
from dfdetect_jax.evaluation.metrics.calibration import BINS
from dfdetect_jax.evaluation.report import plots
from tests.evaluation.made_results import corruption_level, detection_metrics

SVG = "{http://www.w3.org/2000/svg}"


def scores(n=200, seed=0, label=None):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2 if label is None else np.full(n, label)
    names = [str(i) for i in range(n)]
    columns = dict.fromkeys(("dataset", "split", "forgery", "video", "identity"), names)
    values = rng.beta(2 + 2 * labels, 4 - 2 * labels)
    return frame_scores.from_columns({**columns, "frame": range(n), "label": labels, "score": values})


def texts(svg):
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def lines(figure):
    return [line for axes in figure.axes for line in axes.lines]


EVERY = {
    "roc": lambda: plots.roc({"a": scores()}),
    "logarithmic roc": lambda: plots.roc({"a": scores()}, logarithmic=True),
    "det": lambda: plots.det({"a": scores()}),
    "reliability": lambda: plots.reliability_diagram(scores(), 2.0),
    "histogram": lambda: plots.histogram(scores(), 0.5),
    "robustness": lambda: plots.robustness_curve("blur", {"a": [corruption_level(0, 0.9)]}),
}


@pytest.mark.parametrize("name", EVERY)
def test_rendering_keeps_no_state_and_gives_the_same_bytes_again(name):
    before = dict(matplotlib.rcParams)
    svg = plots.as_svg(EVERY[name]())
    assert svg == plots.as_svg(EVERY[name]())
    assert matplotlib.pyplot.get_fignums() == []
    assert dict(matplotlib.rcParams) == before
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"


def test_roc_curves_pass_through_scikit_learns_points_and_name_the_auc():
    frames = scores()
    figure = plots.roc({"a": frames})
    fpr, tpr, _ = roc_curve(frames.label, frames.score)
    curve = lines(figure)[0]
    np.testing.assert_array_equal(curve.get_xdata(), fpr)
    np.testing.assert_array_equal(curve.get_ydata(), tpr)
    assert f"AUC {roc_auc_score(frames.label, frames.score):.3f}, a" in texts(plots.as_svg(figure))


def test_a_det_curve_of_normal_scores_is_a_straight_line():
    rng = np.random.default_rng(0)
    frames = scores(20000)
    shifted = 1 / (1 + np.exp(-(rng.normal(size=20000) + 2 * frames.label)))
    curve = lines(plots.det({"a": frames.replace(score=shifted)}))[0]
    x, y = curve.get_xdata(), curve.get_ydata()
    middle = (np.abs(x) < 2) & (np.abs(y) < 2)
    # Two normals of equal width, two widths apart: FNR = Phi(-2 - Phi^-1(FPR)).
    np.testing.assert_allclose(y[middle], -2 - x[middle], atol=0.15)
    assert middle.sum() > 50


def test_long_curves_are_thinned_to_what_can_be_seen_and_keep_their_ends():
    t = np.linspace(0, 1, 100_000)
    kept = plots.thinned(t, t**0.5)
    assert len(kept) <= plots.MOST_POINTS + 1
    assert kept[0] == 0
    assert kept[-1] == len(t) - 1
    steps = np.hypot(np.diff(t[kept]), np.diff((t**0.5)[kept]))
    assert steps.max() < 0.01  # of a curve 1.5 long


def test_the_reliability_diagram_counts_every_frame_raw_and_calibrated():
    frames = scores(300)
    axes, below = plots.reliability_diagram(frames, 3.0).axes
    counts = [bar.get_height() for bar in below.patches]
    assert sum(counts) == 2 * 300
    assert len(counts) <= 2 * BINS
    assert [line.get_label() for line in axes.lines[1:]] == ["raw", "calibrated"]
    assert len(plots.reliability_diagram(frames, 1.0).axes[0].lines) == 2  # the diagonal and the raw scores


def test_histograms_show_each_labels_shares():
    def shares_of(frames):
        return {patch.get_label(): patch.get_data().values for patch in plots.histogram(frames, 0.5).axes[0].patches}

    both = shares_of(scores(200))
    assert list(both) == ["real, 100 frames", "fake, 100 frames"]
    for shares in both.values():
        assert shares.sum() == pytest.approx(1)
    assert list(shares_of(scores(50, label=0))) == ["real, 50 frames"]


def test_robustness_leaves_out_levels_with_an_undefined_auc():
    levels = [corruption_level(0, 0.9, (0.8, 0.95)), corruption_level(1, None), corruption_level(2, 0.3)]
    figure = plots.robustness_curve("blur", {"_a": levels, "b": []})
    (axes,) = figure.axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0, 0.9], [2, 0.3]])
    assert axes.get_ylim()[0] < 0.3
    assert {"_a", "b"} <= set(texts(plots.as_svg(figure)))


def test_robustness_of_one_class_is_the_share_called_fake():
    levels = [
        dataclasses.replace(corruption_level(number, None), frame=detection_metrics(None, fpr=fpr))
        for number, fpr in enumerate((0.1, 0.6))
    ]
    (axes,) = plots.robustness_curve("blur", {"a": levels}).axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0, 0.1], [1, 0.6]])
    assert axes.get_ylabel() == "reals called fake"
    assert axes.get_ylim()[0] == 0


def test_names_are_shown_as_they_are_and_never_as_formulas_or_markup():
    names = ["$x^2$", "<script>alert(1)</script>", "人脸", "bell\x07", "\udcff", "x" * 90]
    svg = plots.as_svg(plots.roc(dict.fromkeys(names, scores())))
    shown = " ".join(texts(svg))
    assert "$x^2$" in shown
    assert "人脸" in shown
    assert "bell?" in shown
    assert b"<script" not in svg
    assert max(map(len, texts(svg))) < 40
