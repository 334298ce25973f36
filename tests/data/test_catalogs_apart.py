"""Of every catalog: nobody and no clip is in two splits, whichever way the data is split."""

import itertools
from pathlib import Path

import pytest

from dfdetect_jax.data import catalog
from dfdetect_jax.data.example import SPLITS, Label
from dfdetect_jax.errors import RecordsError
from tests.data import trees

LISTED_ELSEWHERE = {"deepfakebench"}  # its clips are those of a JSON file, with tests of its own
BUILDERS = {**trees.TREES, "folder by splits": trees.folder_by_splits}


@pytest.fixture(params=[(name, way) for name in BUILDERS for way in catalog.SPLITTINGS], ids="-".join)
def clips(request, tmp_path):
    name, way = request.param
    (tmp_path / "tree").mkdir()
    options = BUILDERS[name](tmp_path / "tree")
    return catalog.find_clips(name.split()[0], tmp_path / "tree", catalog.Options(splits=way, **options)).clips


def test_there_is_a_tree_for_every_catalog():
    assert set(trees.TREES) == set(catalog.CATALOGS) - LISTED_ELSEWHERE


def test_splits_share_no_person_and_no_clip_and_are_all_there(clips):
    people, films = {}, {}
    for split in SPLITS:
        ours = [clip for clip in clips if clip.split == split]
        people[split] = {name for clip in ours for name in (clip.identity, clip.donor)} - {""}
        films[split] = {name for clip in ours for name in (clip.video, clip.source)} - {""}
        assert people[split], f"{split} is empty"
    for one, other in itertools.combinations(SPLITS, 2):
        assert not people[one] & people[other]
        assert not films[one] & films[other]


def test_clips_are_named_once_and_their_files_exist(clips):
    assert len({clip.video for clip in clips}) == len(clips)
    for clip in clips:
        files = [clip.path, clip.source_path, clip.mask_path, *clip.frames, *clip.masks]
        assert all(Path(file).exists() for file in files if file)
        assert all(Path(file).is_absolute() for file in files if file)
        assert bool(clip.frames) == Path(clip.path).is_dir()
        assert len(clip.masks) in (0, len(clip.frames))


def test_reals_and_fakes_are_told_apart_by_method_and_source(clips):
    assert {clip.label for clip in clips} == {Label.REAL, Label.FAKE}
    for clip in clips:
        assert bool(clip.forgery) == (clip.label == Label.FAKE)
        assert not (clip.label == Label.REAL and (clip.source or clip.donor or clip.mask_media))
    there = {clip.path: clip.video for clip in clips}
    for clip in clips:
        if clip.source_path in there:
            assert there[clip.source_path] == clip.source


@pytest.mark.parametrize("name", trees.TREES)
def test_a_wrong_root_is_refused_in_one_line_that_says_what_was_expected(name, tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday/beach.txt").touch()
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordsError) as told:
            catalog.find_clips(name, root, catalog.Options())
        assert str(told.value).startswith(f"{root}")
        assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", trees.TREES)
def test_a_whole_tree_is_described_without_a_complaint_about_its_files(name, tmp_path):
    options = catalog.Options(**trees.TREES[name](tmp_path / "tree"))
    findings = catalog.find_clips(name, tmp_path / "tree", options).findings
    complaints = ("not of", "not named", "listed but", "share a stem", "belong to no", "no clips", "not in", "none of")
    assert not [finding for finding in findings if any(complaint in finding for complaint in complaints)]


@pytest.mark.parametrize("name", sorted(set(trees.TREES) - {"faceforensics"}))
def test_a_strange_folder_is_told(name, tmp_path):
    options = catalog.Options(**trees.TREES[name](tmp_path / "tree"))
    trees.put(tmp_path / "tree", "holiday/2019/beach.txt")
    assert "holiday" in "\n".join(catalog.find_clips(name, tmp_path / "tree", options).findings)
