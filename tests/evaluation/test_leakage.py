import json

import pytest

from dfdetect_jax.data import records
from dfdetect_jax.data.prepare import joining
from dfdetect_jax.evaluation import leakage
from dfdetect_jax.evaluation.leakage import Leakage, measure_leakage
from tests.evaluation.fake_runs import drawn_records, fake_run, moved_away


@pytest.fixture(scope="module")
def training_data(tmp_path_factory):
    return drawn_records(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(tmp_path, training_data):
    return fake_run(tmp_path / "run", training_data)


def test_a_test_split_of_other_people_shares_nothing(run, training_data):
    assert measure_leakage(run, training_data, "test") == Leakage(identities=0, videos=0, files=0)


def test_the_training_split_itself_is_a_warning(run, training_data):
    measured = measure_leakage(run, training_data, "train")
    assert measured.warning == "measured on its own training data: results do not generalise"
    assert measured.identities > 0


def test_all_splits_of_the_training_data_are_a_warning(run, training_data):
    measured = measure_leakage(run, training_data, "all")
    assert measured.warning == "its own training data are among those measured: results do not generalise"
    assert measured.identities == measure_leakage(run, training_data, "train").identities


def test_the_validation_split_is_called_optimistic(run, training_data):
    assert "were chosen on these data" in measure_leakage(run, training_data, "val").note


@pytest.fixture
def other(tmp_path):
    """Records of another data set, with the identities and videos of its test split."""
    folder = drawn_records(tmp_path, "other", test=14)
    source = records.Records(folder, "test")
    names = [source.names(i) for i in range(len(source))]
    return folder, sorted({name["identity"] for name in names}), sorted({name["video"] for name in names})


def training_split(run, **contents):
    """Stores what the run was trained on: a data set of the family "drawn", unless another is given."""
    values = {key: [] for key in ("identities", "videos", "files")}
    values |= {"fingerprint": run.info["data"]["fingerprint"], "family": "drawn"}
    (run.folder / leakage.FILE).write_text(json.dumps(values | contents))


def test_shared_people_and_videos_are_counted(run, other):
    folder, identities, videos = other
    training_split(run, identities=[*identities[:2], "x"], videos=[videos[0], "y"])
    assert measure_leakage(run, folder, "test") == Leakage(
        identities=2,
        videos=1,
        files=0,
        warning="shares 2 identities, 1 videos with its training data: results are optimistic",
    )


def test_equal_names_in_data_sets_of_different_families_are_different_people(run, other):
    folder, identities, _ = other
    training_split(run, identities=identities, family="celebdf")
    assert measure_leakage(run, folder, "test") == Leakage(identities=0, videos=0, files=0)


def test_equal_files_are_found_whatever_their_names(run, other):
    folder, _, _ = other
    clip = {"clip": "a", "split": "test", "asked": 1, "got": 1, "words": [], "failed": False, "sha256": "12ab"}
    (folder / records.CLIPS).write_text(json.dumps(clip) + "\n")
    training_split(run, files=["12ab"], family="celebdf")
    assert measure_leakage(run, folder, "test").files == 1


@pytest.mark.parametrize(
    ("dataset", "family"),
    [("faceforensics", "faceforensics"), ("deeperforensics", "faceforensics"), ("folder", "drawn")],
)
def test_people_of_deeperforensics_are_those_of_faceforensics(run, other, dataset, family):
    folder, identities, _ = other
    manifest = json.loads((folder / records.MANIFEST).read_text())
    manifest["settings"]["dataset"] = dataset
    (folder / records.MANIFEST).write_text(json.dumps(manifest))
    training_split(run, identities=identities, family=family)
    assert measure_leakage(run, folder, "test").identities == len(identities)


def test_people_of_a_data_set_that_was_joined_with_others_are_counted(run, other):
    folder, identities, videos = other
    names = {"identities": [f"first/{identities[0]}", f"second/{identities[1]}"], "videos": [f"first/{videos[0]}"]}
    training_split(run, **names, family="first_and_second", joined={"first": "drawn", "second": "another"})
    measured = measure_leakage(run, folder, "test")
    assert (measured.identities, measured.videos) == (1, 1)


def test_the_training_split_is_stored_with_the_run(run, training_data, other):
    folder, _, _ = other
    before = measure_leakage(run, folder, "test")
    assert (run.folder / leakage.FILE).is_file()
    assert measure_leakage(moved_away(run), folder, "test") == before


def test_without_the_training_data_leakage_is_unknown(run, other):
    folder, _, _ = other
    measured = measure_leakage(moved_away(run), folder, "test")
    assert measured.identities is measured.warning is None
    assert "is unknown" in measured.note


def named_records(folder, name):
    """The people of `training_data` in a data set of another name."""
    place = drawn_records(folder, name)
    manifest = json.loads((place / records.MANIFEST).read_text())
    (place / records.MANIFEST).write_text(json.dumps(manifest | {"name": name}))
    return place


def test_people_are_found_in_a_data_set_that_was_joined_with_another(run, training_data, tmp_path):
    plain = measure_leakage(run, training_data, "train")
    both = joining.join([training_data, named_records(tmp_path, "second")], tmp_path / "joined")
    joined = measure_leakage(run, both, "train")
    assert (joined.identities, joined.videos) == (plain.identities, plain.videos)
    assert "shares" in joined.warning


def test_people_of_one_of_two_joined_data_sets_are_found_in_another_pair(training_data, tmp_path):
    second, third = (named_records(tmp_path, name) for name in ("second", "third"))
    run = fake_run(tmp_path / "run", joining.join([training_data, second], tmp_path / "joined"))
    shared = measure_leakage(run, joining.join([training_data, third], tmp_path / "joined"), "train").identities
    assert 0 < shared == measure_leakage(run, training_data, "train").identities
