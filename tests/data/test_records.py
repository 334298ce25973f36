import json
import pickle
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from dfdetect_jax.data import records
from dfdetect_jax.data.prepare.array_files import write_array_file
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import drawn_example, write_records


def fields_equal(fields, example):
    return all(np.array_equal(fields[name], getattr(example, name)) for name in vars(example))


def test_every_example_is_read_back_from_its_split_once(drawn):
    read = {fields["frame"]: fields for fields in map(records.Records(drawn, "train").__getitem__, range(22))}
    assert sorted(read) == list(range(22))
    assert all(fields_equal(read[number], drawn_example("train", number)) for number in read)


def test_records_lie_in_no_order_of_their_clips(drawn):
    frames = [records.Records(drawn, "train")[i]["frame"] for i in range(22)]
    assert frames != sorted(frames)


def test_columns_agree_with_the_records_without_decoding(drawn):
    test = records.Records(drawn, "test")
    assert test.labels.tolist() == [test[i]["label"] for i in range(13)]
    assert test.forgeries.tolist() == [test[i]["forgery"] for i in range(13)]
    assert test.index.itemsize * len(test) == 4 * 13


def test_all_splits_are_those_that_have_examples_one_after_the_other(drawn, tmp_path):
    whole = records.Records(drawn, "all")
    parts = [records.Records(drawn, split) for split in ("train", "val", "test")]
    assert [fields["split"] for fields in map(whole.names, range(44))] == ["train"] * 22 + ["val"] * 9 + ["test"] * 13
    assert len(whole) == records.read_manifest(drawn).examples("all") == 44
    for column in ("labels", "forgeries"):
        np.testing.assert_array_equal(getattr(whole, column), np.concatenate([getattr(part, column) for part in parts]))
    assert fields_equal(pickle.loads(pickle.dumps(whole))[22 + 3], drawn_example("val", parts[1][3]["frame"]))
    alone = write_records(tmp_path / "drawn" / "32px" / records.VERSION, {"val": 2})
    assert len(records.Records(alone, "all")) == 2


def test_the_bytes_do_not_depend_on_how_examples_were_spread_over_parts(drawn, tmp_path):
    other = write_records(
        tmp_path / "drawn" / "32px" / records.VERSION, {"train": 22, "val": 9, "test": 13}, per_part=7
    )
    assert records.read_manifest(other) == records.read_manifest(drawn)


@pytest.mark.parametrize("encoding", ["raw", "png"])
def test_tfds_opens_the_folder_without_tensorflow(tmp_path, encoding):
    folder = write_records(tmp_path / "drawn" / "32px" / records.VERSION, {"val": 9}, encoding=encoding)
    source = tfds.builder_from_directory(str(folder)).as_data_source("val")
    ours = records.Records(folder, "val")
    assert len(source) == 9
    assert all(np.array_equal(source[i]["image"], ours[i]["image"]) for i in range(9))
    assert all(np.array_equal(source[i]["mask"][..., 0], ours[i]["mask"]) for i in range(9))
    assert source[0]["image"].dtype == np.uint8
    assert "tensorflow" not in sys.modules


def test_records_whose_manifest_has_no_encoding_are_png(tmp_path):
    folder = write_records(tmp_path / "drawn" / "32px" / records.VERSION, {"val": 3}, encoding="png")
    manifest = json.loads((folder / records.MANIFEST).read_text())
    del manifest["settings"]["encoding"]
    (folder / records.MANIFEST).write_text(json.dumps(manifest))
    assert fields_equal(*_same(records.Records(folder, "val")))


def _same(source):
    fields = source[0]
    return fields, drawn_example("val", fields["frame"])


def test_the_mask_need_not_be_decoded(drawn):
    source = records.Records(drawn, "val")
    assert "mask" not in source.without_mask(0)
    assert np.array_equal(source.without_mask(0)["image"], source[0]["image"])


def test_records_are_small_when_pickled(drawn):
    pickled = pickle.dumps(records.Records(drawn, "val"))
    assert len(pickled) < 1000
    assert fields_equal(pickle.loads(pickled)[2], drawn_example("val", records.Records(drawn, "val")[2]["frame"]))


def test_an_absent_split_names_those_that_are_there(tmp_path):
    folder = write_records(tmp_path / "drawn" / "32px" / records.VERSION, {"val": 2})
    with pytest.raises(RecordsError, match="no examples in split 'test'; it has val"):
        records.Records(folder, "test")


def test_a_sound_folder_verifies(drawn):
    assert records.verify(drawn) == []


def test_a_flipped_byte_a_missing_file_and_a_missing_manifest_are_found(tmp_path):
    folder = write_records(tmp_path / "drawn" / "32px" / records.VERSION, {"val": 4, "test": 4})
    (shard,) = folder.glob("*val.array_record*")
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(damaged)
    (folder / "index-test.npy").unlink()
    assert sorted(records.verify(folder)) == [
        "drawn-val.array_record-00000-of-00001: its bytes are not those that were written",
        "index-test.npy: missing",
    ]
    (folder / records.MANIFEST).write_text("{")
    with pytest.raises(RecordsError, match="not a manifest"):
        records.verify(folder)


def test_a_shard_cut_short_is_refused(tmp_path):
    folder = write_records(tmp_path / "drawn" / "32px" / records.VERSION, {"val": 4})
    (shard,) = folder.glob("*.array_record*")
    shard.write_bytes(shard.read_bytes()[:5000])
    with pytest.raises(RecordsError, match="val can't be opened"):
        records.Records(folder, "val")


def test_a_full_disk_is_refused_in_one_line():
    with pytest.raises(RecordsError, match="can't be written"):
        write_array_file("/dev/full", [b"x" * 2**20])
