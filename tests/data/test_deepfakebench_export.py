import dataclasses
import json

import numpy as np
import pytest

from dfdetect_jax.data import catalog, records
from dfdetect_jax.data.deepfakebench_export import export_json, names
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.errors import RecordsError
from tests.data.drawn import drawn_example, write_records


def test_what_is_exported_is_read_back_as_it_was(tmp_path):
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"test": 14})
    file = export_json(folder, tmp_path / "rgb/drawn.json")
    listing = catalog.find_clips("deepfakebench", tmp_path / "rgb", catalog.Options(json=str(file)))
    assert {clip.forgery for clip in listing.clips} == {"", "drawn_paste", "drawn_smear"}
    linked = prepare("deepfakebench", tmp_path / "rgb", tmp_path / "out", json=str(file), processes=1)
    assert examples(linked, "test") == examples(folder, "test")


def examples(folder, split):
    """The examples of a split, as a set: pixels at the smaller size, frame, label, whether masked, and how much."""
    source = records.Records(folder, split)
    contents = set()
    for fields in (source[i] for i in range(len(source))):
        step = fields["image"].shape[0] // 32
        pixels = fields["image"][step // 2 :: step, step // 2 :: step].astype(int)
        brightness = round(float(pixels.mean()) / 10)
        contents.add((brightness, fields["frame"], fields["label"], fields["has_mask"], bool(fields["mask"].any())))
    return contents


def test_the_list_has_the_benchmarks_form(tmp_path):
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"train": 4})
    listed = json.loads(export_json(folder, tmp_path / "drawn.json").read_text())
    assert list(listed) == ["drawn"]
    assert sorted(listed["drawn"]) == ["drawn_Real", "drawn_paste", "drawn_smear"]
    (entry,) = listed["drawn"]["drawn_paste"]["train"].values()
    assert entry["label"] == "drawn_paste"
    assert entry["frames"] == ["drawn/drawn_paste/frames/clip0/001.png"]
    assert entry["masks"] == ["drawn/drawn_paste/masks/clip0/001.png"]
    assert "masks" not in listed["drawn"]["drawn_Real"]["train"]["clip0"]
    assert (tmp_path / entry["frames"][0]).is_file()


@pytest.mark.parametrize(
    ("dataset", "forgery", "video", "expected"),
    [
        ("faceforensics", "", "youtube/c23/071", ("FaceForensics++", "FF-real")),
        ("faceforensics", "Face2Face", "Face2Face/c23/071_054", ("FaceForensics++", "FF-F2F")),
        ("faceforensics", "", "actors/c23/01__talk", ("DeepFakeDetection", "DFD_real")),
        ("faceforensics", "DeepFakeDetection", "x", ("DeepFakeDetection", "DFD_fake")),
        ("celebdf", "Celeb-synthesis", "x", ("Celeb-DF-v2", "CelebDFv2_fake")),
        ("dfdc_preview", "method_B", "x", ("DFDCP", "DFDCP_FakeB")),
        ("deeperforensics", "end_to_end", "x", ("DeeperForensics-1.0", "DF_fake")),
        ("folder", "paste", "x", ("mine", "mine_paste")),
        ("folder", "", "x", ("mine", "mine_Real")),
    ],
)
def test_labels_are_the_benchmarks_where_it_has_them(dataset, forgery, video, expected):
    assert names(dataset, "mine", forgery, video) == expected


def test_compression_levels_stand_for_the_faceforensics_family(tmp_path):
    folder = write_records(tmp_path / "ffpp/c23-32px/1.0.0", {"train": 4})
    manifest = json.loads((folder / records.MANIFEST).read_text())
    manifest["settings"] |= {"dataset": "faceforensics", "compression": "c23"}
    (folder / records.MANIFEST).write_text(json.dumps(manifest))
    listed = json.loads(export_json(folder, tmp_path / "rgb/ffpp.json").read_text())
    assert list(listed["FaceForensics++"]["FF-real"]["train"]) == ["c23"]
    assert listed["FaceForensics++"]["FF-real"]["train"]["c23"]["clip0"]["frames"] == [
        "FaceForensics++/FF-real/c23/frames/clip0/000.png",
        "FaceForensics++/FF-real/c23/frames/clip0/002.png",
    ]


def test_pictures_are_written_without_loss(tmp_path):
    from dfdetect_jax.media.image import read_image

    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"val": 2})
    export_json(folder, tmp_path / "drawn.json")
    source = records.Records(folder, "val")
    for fields in (source[i] for i in range(2)):
        label = "drawn_paste" if fields["label"] else "drawn_Real"
        path = tmp_path / f"drawn/{label}/frames/{fields['video']}/{fields['frame']:03d}.png"
        assert np.array_equal(read_image(path), fields["image"])


def test_links_are_not_exported_and_a_file_in_the_way_is_refused(tmp_path):
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"val": 2})
    (tmp_path / "file").touch()
    with pytest.raises(RecordsError, match="can't be written"):
        export_json(folder, tmp_path / "file/drawn.json")
    manifest = json.loads((folder / records.MANIFEST).read_text())
    manifest["settings"]["encoding"] = "linked"
    (folder / records.MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(RecordsError, match="holds links to pictures"):
        export_json(folder, tmp_path / "x.json")


def frames_of(listed):
    """Every listed frame, in the list's order."""
    return [
        frame
        for labels in listed.values()
        for splits in labels.values()
        for videos in splits.values()
        for entry in videos.values()
        for frame in entry["frames"]
    ]


@pytest.mark.parametrize(
    "video", ["{split}/{kind}/{number}", "{kind}_{split}/{number}", "variant{number}/000_M101", "{kind}{number}/0001"]
)
def test_videos_of_one_name_in_several_folders_do_not_write_over_each_other(tmp_path, video):
    def example(split, number):
        drawn = drawn_example(split, number)
        name = video.format(split=split, kind=drawn.forgery or "real", number=number)
        return dataclasses.replace(drawn, video=name, frame=0)

    folder = write_records(
        tmp_path / "drawn/32px/1.0.0", {"train": 6, "test": 6 * ("split" in video)}, example_of=example
    )
    frames = frames_of(json.loads(export_json(folder, tmp_path / "rgb/drawn.json").read_text()))
    pictures = {(tmp_path / "rgb" / frame).read_bytes() for frame in frames}
    assert len(frames) == len(pictures) == records.read_manifest(folder).examples("all")


def test_frames_are_listed_by_number_also_beyond_a_thousand(tmp_path):
    def example(split, number):
        return dataclasses.replace(drawn_example(split, 0), frame=(999, 1015, 103, 0)[number])

    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"train": 4}, example_of=example)
    frames = frames_of(json.loads(export_json(folder, tmp_path / "drawn.json").read_text()))
    assert [frame.rpartition("/")[2] for frame in frames] == ["000.png", "103.png", "999.png", "1015.png"]


def test_the_originals_of_deeperforensics_are_named_as_in_faceforensics(tmp_path):
    def example(split, number):
        return dataclasses.replace(drawn_example(split, 2 * number), video=f"youtube/c23/{number:03d}", frame=0)

    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"train": 2}, example_of=example)
    listed = json.loads(export_json(folder, tmp_path / "drawn.json").read_text())
    assert sorted(listed["drawn"]["drawn_Real"]["train"]) == ["000", "001"]
