import numpy as np
import pytest

from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.report import examples, report_files
from dfdetect_jax.evaluation.report.contents import BEST, FALSE_ALARM, MISSED
from tests import trained
from tests.evaluation.report.test_report_files import scores_of


def test_the_worst_of_each_kind_come_first_and_only_from_the_wrong_side_of_the_threshold():
    frames = scores_of(("", 0.9), ("", 0.6), ("", 0.1), ("a", 0.2), ("a", 0.05), ("a", 0.95), ("a", 0.8))
    assert examples._chosen(frames, 0.5, per_kind=2) == {MISSED: [4, 3], FALSE_ALARM: [0, 1], BEST: [5, 6]}


def test_a_video_is_shown_once():
    frames = scores_of(("a", 0.1), ("a", 0.2), ("a", 0.3))
    frames = frames.replace(video=np.array(["one", "one", "two"]))
    assert examples._chosen(frames, 0.5, per_kind=2)[MISSED] == [0, 2]


@pytest.mark.parametrize(
    ("opened", "folders", "shows"),
    [
        (trained.opened, trained.folders, "reconstruction error"),
        (trained.opened_lae, trained.lae_folders, "attention"),
    ],
)
def test_views_show_the_record_that_was_scored_with_the_methods_heat(opened, folders, shows):
    run, (_, folder) = opened(), folders()
    _, frames = report_files.evaluate_run(run, str(folder), "test")
    views = examples.views(run, folder, "test", frames, per_kind=1)
    assert views
    source = Records(folder, "test")
    of_video = {source[i]["video"]: source[i] for i in range(len(source))}
    for view in views:
        assert np.array_equal(view.image, of_video[view.video]["image"])
        assert view.label == of_video[view.video]["label"]
        assert (view.kind == FALSE_ALARM) == (view.label == 0)
        assert view.heat.shape == view.image.shape[:2]
        assert (view.mask is None) == (view.label == 0)
        assert view.shows == shows
        if shows != "attention":  # the shared LAE was trained without a decoder
            assert view.reconstruction.shape == view.image.shape
            assert view.reconstruction.dtype == np.uint8


def test_nothing_scored_gives_nothing_to_show():
    run, (_, folder) = trained.opened_lae(), trained.lae_folders()
    assert examples.views(run, folder, "test", scores_of(("", 0.0))) == []
