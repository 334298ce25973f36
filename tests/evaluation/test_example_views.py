import numpy as np
import pytest

from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.example_views import Kind, choose_rows, example_views
from dfdetect_jax.evaluation.prepared_split import PreparedSplit
from dfdetect_jax.scoring.result import HeatKind
from tests.evaluation.fake_runs import Attending, Reconstructing, drawn_records, fake_run
from tests.evaluation.scored import rows, scores_of


def test_the_most_wrong_of_each_kind_come_first_and_only_from_the_wrong_side_of_the_threshold():
    frames = scores_of(("", 0.9), ("", 0.6), ("", 0.1), ("a", 0.2), ("a", 0.05), ("a", 0.95), ("a", 0.8))
    expected = {Kind.MISSED: [4, 3], Kind.FALSE_ALARM: [0, 1], Kind.BEST: [5, 6]}
    assert choose_rows(frames, 0.5, per_kind=2) == expected


def test_a_video_is_shown_once():
    frames = rows(("one", "a", 0.1), ("one", "a", 0.2), ("two", "a", 0.3))
    assert choose_rows(frames, 0.5, per_kind=2)[Kind.MISSED] == [0, 2]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return PreparedSplit(key="drawn", folder=drawn_records(tmp_path_factory.mktemp("data"), test=16))


def scores_in_order(records, score):
    fields = [records[i] for i in range(len(records))]
    return rows(*((field["video"], field["forgery"], score(field["image"][None])[0]) for field in fields))


@pytest.mark.parametrize(
    ("kind", "shows"), [(Reconstructing, HeatKind.RECONSTRUCTION_ERROR), (Attending, HeatKind.ATTENTION)]
)
def test_views_show_the_record_that_was_scored_with_the_methods_heat(tmp_path, data, kind, shows):
    run, records = fake_run(tmp_path, data.folder, kind), Records(data.folder, "test")
    frames = scores_in_order(records, lambda images: run.predict(images).score)
    views = example_views(run, data, frames, per_kind=1)
    assert {view.kind for view in views} >= {Kind.BEST}
    by_image = {records[i]["image"].tobytes(): records[i] for i in range(len(records))}
    for view in views:
        fields = by_image[view.image.tobytes()]
        assert [getattr(view, name) for name in ("label", "forgery", "video", "frame")] == [
            fields[name] for name in ("label", "forgery", "video", "frame")
        ]
        assert view.score == pytest.approx(run.predict(view.image[None]).score[0], abs=1e-6)
        assert (view.kind == Kind.FALSE_ALARM) == (view.label == 0)
        assert (view.mask is None) == (view.label == 0)
        assert view.shows == shows
        brightness = view.image.mean(axis=-1) / 255
        if shows == HeatKind.ATTENTION:
            assert view.heat == pytest.approx(brightness, abs=1e-6)
            assert view.reconstruction is None
        else:
            assert view.heat == pytest.approx(np.abs(view.image / 127.5 - 1).mean(axis=-1), abs=1e-6)
            assert (view.reconstruction == 128).all()  # grey


def test_nothing_on_either_side_gives_nothing_to_show(tmp_path, data):
    assert example_views(fake_run(tmp_path, data.folder), data, scores_of(("", 0.0))) == []
