import dataclasses

import numpy as np
import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data import catalog, records
from dfdetect_jax.data.prepare.linked import linked_examples
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media.image import read_image
from tests.data import benchmark_tree
from tests.data.photographs import face_picture, write_video


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("rgb")
    return root, benchmark_tree.write_faceforensics(root)


@pytest.fixture(scope="module")
def linked(tree, tmp_path_factory):
    root, file = tree
    return prepare("deepfakebench", root, tmp_path_factory.mktemp("out"), json=str(file), processes=1)


def fake(tree):
    root, file = tree
    listing = catalog.find_clips("deepfakebench", root, catalog.Options(json=str(file)))
    return root, next(clip for clip in listing.clips if clip.video.endswith("071_054"))


def test_records_of_the_benchmark_hold_paths_and_give_its_pictures(tree, linked):
    root, _ = tree
    assert linked.parts[-3:-1] == ("deepfakebench_faceforensics", "c23-256px")
    source = records.Records(linked, "train")
    assert len(source) == 4 * 3
    picture, _ = source.paths(0)
    assert picture.is_relative_to(root)
    crop = records.read_manifest(linked).crop
    assert (crop.size, crop.margin, crop.align, crop.face_detector) == (256, 1.3, "landmarks", "mtcnn")
    fields = source[0]
    assert fields["image"].shape == (256, 256, 3)
    assert np.abs(fields["image"][4::8, 4::8].astype(int) - read_image(picture)).max() < 40  # enlarged eight times


def test_masks_are_linked_along(linked):
    source = records.Records(linked, "train")
    for i in range(len(source)):
        fields = source[i]
        assert fields["has_mask"]
        assert fields["mask"].any() == (fields["label"] == 1)
        assert (source.paths(i)[1] is not None) == (fields["label"] == 1)


def test_linked_records_verify(linked):
    assert records.verify(linked) == []


def test_frames_are_spread_evenly_over_those_listed_not_the_first(tree):
    root, clip = fake(tree)
    examples, report = linked_examples(clip, str(root), 2)
    assert [example.frame for example in examples] == [0, 20]
    assert (report.asked, report.got, report.mask, report.words) == (2, 2, "own", ("mask: own",))


def test_pictures_and_masks_that_are_missing_are_reported(tree):
    root, clip = fake(tree)
    missing = dataclasses.replace(
        clip, frames=("/none/0.png", *clip.frames[1:]), masks=(*clip.masks[:2], "/none/2.png")
    )
    examples, report = linked_examples(missing, str(root), 3)
    assert [example.has_mask for example in examples] == [True, False]
    assert report.words == ("partial: 2 of 3 listed pictures exist", "mask: own", "1 frames without mask")
    assert not report.failed
    assert linked_examples(dataclasses.replace(missing, frames=("/none/0.png",) * 3), str(root), 3)[1].failed


def test_a_video_can_not_be_linked_to(tree, tmp_path):
    _, clip = fake(tree)
    write_video(tmp_path / "v.mp4", [face_picture()])
    with pytest.raises(BadMediaError, match="expected pictures to link to, found a video"):
        linked_examples(dataclasses.replace(clip, path=str(tmp_path / "v.mp4"), frames=(), masks=()), "/", 3)


def test_the_benchmarks_pictures_may_be_packed_too(tree, tmp_path):
    root, file = tree
    whole = Crop(size=32, margin=1.0, align="box", face_detector="none")
    folder = prepare("deepfakebench", root, tmp_path, whole, json=str(file), encoding="raw", processes=1)
    assert folder.parts[-2] == "c23-32px-m1-box-none-raw"
    source = records.Records(folder, "test")
    listed = {tuple(read_image(path).ravel()) for path in root.glob("FaceForensics++/*/*/c23/frames/*/*.png")}
    assert all(tuple(source[i]["image"].ravel()) in listed for i in range(len(source)))


def test_linking_needs_pictures_that_are_used_as_a_whole(tmp_path):
    with pytest.raises(SettingsError, match="give --face_detector none"):
        prepare("folder", tmp_path, tmp_path, encoding="linked")
