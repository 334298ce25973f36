import dataclasses
import json
import shutil

import pytest

from dfdetect_jax.data import records
from dfdetect_jax.evaluation import leakage
from tests import trained
from tests.data.drawn import write_records


@pytest.fixture
def run(tmp_path):
    folder, _ = trained.folders()
    shutil.copytree(folder, tmp_path / "run")
    return dataclasses.replace(trained.opened(), folder=tmp_path / "run")


def test_a_test_split_of_other_people_shares_nothing(run):
    told = leakage.leakage(run, trained.folders()[1], "test")
    assert told == {"identities": 0, "videos": 0, "files": 0, "warning": None, "note": None}


def test_the_training_split_itself_is_told(run):
    told = leakage.leakage(run, trained.folders()[1], "train")
    assert told["warning"] == "these are the data that it was trained on: the figures say nothing about others"
    assert told["identities"] > 0


def test_the_validation_split_is_called_optimistic(run):
    assert "were chosen on these data" in leakage.leakage(run, trained.folders()[1], "val")["note"]


@pytest.fixture
def other(tmp_path):
    """Drawn records whose test people are p0 to p3, as a data set of its own name."""
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"test": 14})
    (folder / records.CLIPS).touch()
    source = records.Records(folder, "test")
    names = [source.names(i) for i in range(len(source))]
    return folder, sorted({name["identity"] for name in names}), sorted({name["video"] for name in names})


def remembered(run, **contents):
    kept = {key: [] for key in ("identities", "videos", "files")}
    kept |= {"fingerprint": run.info["data"]["fingerprint"], "family": "drawn"}
    (run.folder / leakage.FILE).write_text(json.dumps(kept | contents))


def test_shared_people_and_videos_are_counted(run, other):
    folder, identities, videos = other
    remembered(run, identities=[*identities[:2], "x"], videos=[videos[0], "y"])
    told = leakage.leakage(run, folder, "test")
    assert (told["identities"], told["videos"], told["files"]) == (2, 1, 0)
    assert told["warning"] == "shares 2 identities, 1 videos with its training data: the figures flatter it"


def test_equal_names_in_data_sets_of_different_kinds_are_different_people(run, other):
    folder, identities, _ = other
    remembered(run, identities=identities, family="celebdf")
    assert leakage.leakage(run, folder, "test")["warning"] is None


def test_equal_files_are_found_whatever_their_names(run, other):
    folder, _, _ = other
    clip = {"clip": "a", "split": "test", "asked": 1, "got": 1, "words": [], "failed": False, "sha256": "12ab"}
    (folder / records.CLIPS).write_text(json.dumps(clip) + "\n")
    remembered(run, files=["12ab"], family="celebdf")
    assert leakage.leakage(run, folder, "test")["files"] == 1


def test_faces_of_deeperforensics_are_those_of_faceforensics(other):
    folder, _, _ = other
    manifest = json.loads((folder / records.MANIFEST).read_text())
    families = []
    for dataset in ("faceforensics", "deeperforensics", "folder"):
        manifest["settings"]["dataset"] = dataset
        (folder / records.MANIFEST).write_text(json.dumps(manifest))
        families.append(leakage._family(folder))
    assert families == ["faceforensics", "faceforensics", "drawn"]


def test_where_the_training_data_are_gone_that_is_said(run, other):
    folder, _, _ = other
    (run.folder / leakage.FILE).unlink(missing_ok=True)
    moved = dataclasses.replace(
        run, info={**run.info, "data": {**run.info["data"], "folder": "/nowhere/gone/40px/1.0.0"}}
    )
    told = leakage.leakage(moved, folder, "test")
    assert told["identities"] is None
    assert "is unknown" in told["note"]
