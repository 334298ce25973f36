"""Everything that version 0.1.0 wrote is still read."""

import json

import numpy as np
import pytest

from dfdetect_jax.data import records
from dfdetect_jax.data.encoding import TEXTS
from dfdetect_jax.data.example import Label
from dfdetect_jax.data.pipeline import eval_batches
from tests import written_by_0_1_0

FORGERIES = {"swap_alpha", "attribute_bilinear", "inpaint_telea"}


@pytest.fixture
def prepared():
    return records.locate("forge/40px-8", written_by_0_1_0.folder() / "data")


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
