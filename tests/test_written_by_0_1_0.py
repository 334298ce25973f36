"""Everything that version 0.1.0 wrote is still read."""

import json
import shutil

import numpy as np
import pytest

from dfdetect_jax.active.queue import read_queue
from dfdetect_jax.active.queue_masks import read_masks
from dfdetect_jax.data import record_folders, records
from dfdetect_jax.data.encoding import TEXTS
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.evaluation.metrics.frame_scores import read_scores
from dfdetect_jax.predict import main as predict
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.train import parse
from dfdetect_jax.training import loop
from tests import written_by_0_1_0

FORGERIES = {"swap_alpha", "attribute_bilinear", "inpaint_telea"}


@pytest.fixture
def prepared():
    return record_folders.locate("forge/40px-8", written_by_0_1_0.folder() / "data")


def test_the_records_are_in_the_old_form(prepared):
    manifest = json.loads((prepared / records.MANIFEST).read_text())
    assert "methods" in manifest
    assert "detector" in manifest["settings"]["crop"]
    assert "method" in (prepared / "features.json").read_text()


def test_the_manifest_has_forgeries_and_a_face_detector(prepared):
    manifest = records.read_manifest(prepared)
    assert manifest.crop.face_detector == "mtcnn"
    assert manifest.crop.size == 40
    assert {*manifest.forgeries} > FORGERIES
    assert {*manifest.counts["train"]} == {"", *FORGERIES}


def test_records_are_intact_by_their_manifest(prepared):
    assert records.verify(prepared) == []


def test_records_have_the_fields_of_today(prepared):
    train = records.Records(prepared, "train")
    fields = [train[i] for i in range(len(train))]
    assert [example["forgery"] for example in fields] == train.forgeries.tolist()
    assert [example["label"] for example in fields] == train.labels.tolist()
    assert {example["forgery"] for example in fields if example["label"] == Label.FAKE} == FORGERIES
    assert {example["image"].shape for example in fields} == {(40, 40, 3)}
    assert "method" not in fields[0]
    assert train.names(0) == {name: fields[0][name] for name in TEXTS}


def test_batches_carry_forgeries(prepared):
    (batch,) = eval_batches(prepared, "train", batch_size=len(records.Records(prepared, "train")), image_size=40)
    assert set(batch["forgery"]) == {"", *FORGERIES}
    assert np.array_equal(batch["forgery"] != "", batch["label"] == Label.FAKE)


def test_clip_reports_are_read(prepared):
    reports = records.read_clips(prepared)
    assert sum(report["got"] for report in reports if report["split"] == "train") == 8
    assert not any(report["failed"] for report in reports)


@pytest.fixture
def runs(tmp_path):
    """A copy of its run folders, to write to."""
    return shutil.copytree(written_by_0_1_0.folder() / "runs", tmp_path / "runs")


@pytest.mark.parametrize("method", ["cae", "lae"])
def test_a_run_opens_with_the_names_of_today(runs, method):
    run = open_run(runs / method)
    assert run.settings.method == method
    assert run.settings.data.train_forgeries == ("swap_alpha", "inpaint_telea")
    assert run.crop.face_detector == "mtcnn"
    stored = json.loads((runs / method / "report" / "metrics.json").read_text())["threshold"]
    assert run.threshold == stored


def test_a_run_gives_the_scores_that_it_gave(runs, prepared):
    scores = read_scores(runs / "cae" / "report" / "scores.csv")  # whose column is called method
    assert set(scores.forgery) > FORGERIES
    test = records.Records(prepared, "test")
    images = {test[i]["video"]: test[i]["image"] for i in range(len(test))}
    rows = scores[scores.split == "test"]
    found = open_run(runs / "cae").score(np.stack([images[video] for video in rows.video.tolist()]))
    np.testing.assert_allclose(found, rows.score, atol=1e-5)


@pytest.mark.slow
def test_training_resumes_from_its_checkpoint_and_goes_a_like_way(runs, prepared):
    """Not the same: which images are mirrored is drawn in another way since."""
    run = runs / "cae"
    before = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    shutil.rmtree(run / "checkpoints" / "4")
    assert loop.train(open_run(run).settings, run, prepared)
    after = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in after] == [line["step"] for line in before]
    for name in ("loss", "classification", "reconstruction"):
        losses = [[line[name] for line in lines if name in line] for lines in (before, after)]
        assert losses[1][0] == losses[0][0]  # of the step before the checkpoint
        np.testing.assert_allclose(losses[1], losses[0], rtol=0.1)


def test_a_scores_file_is_continued(runs, tmp_path, monkeypatch, capsys):
    for name in ("photo.png", "scores.jsonl"):
        shutil.copy(written_by_0_1_0.folder() / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert predict(["--run", "runs/cae", "photo.png", "--scores", "scores.jsonl", "--pictures", "none"]) == 0
    assert "resuming: 1 files are in scores.jsonl already" in capsys.readouterr().err
    assert (tmp_path / "scores.jsonl").read_text().count("\n") == 1


def test_a_queue_is_read_with_its_masks(runs):
    queue = read_queue(runs / "lae" / "queue")
    assert {row.forgery for row in queue.rows} <= FORGERIES
    assert len(read_masks(queue, queue.selection.fingerprint)) == len(queue.rows)


def test_settings_on_the_command_line_may_have_their_old_names(capsys):
    command = parse(["--config", "configs/cae.py", "--config.data.train_methods=('swap_alpha',)"])
    assert command.settings.data.train_forgeries == ("swap_alpha",)
