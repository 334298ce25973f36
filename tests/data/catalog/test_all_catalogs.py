"""What every catalog does, on a small tree of each data set."""

import dataclasses
import functools
import itertools
import shutil
from pathlib import Path

import pytest

from dfdetect_jax.data import catalog
from dfdetect_jax.data.example import SPLITS, Label
from dfdetect_jax.data.finding import Severity
from dfdetect_jax.errors import RecordsError, SettingsError
from tests.data import sample_trees
from tests.data.finding_lines import lines

LISTED_ELSEWHERE = {"deepfakebench"}  # its clips are those of a JSON file, with tests of its own
BUILDERS = {**sample_trees.TREES, "folder by splits": sample_trees.folder_by_splits}
WITH_LISTS = ("celeba", "celebdf", "deeperforensics", "dfdc", "dfdc_preview")
WITH_SOURCES = ("celeba", "celebdf", "deeperforensics", "dfdc", "faceforensics", "uadfv")
WITH_MASKS = ("celeba", "folder", "forged_images", "inpainting")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Builds the tree of a name in `BUILDERS`, once: (root, options)."""

    @functools.cache
    def built(name):
        root = tmp_path_factory.mktemp("parent") / "tree"
        root.mkdir()
        return root, catalog.Options(**BUILDERS[name](root))

    return built


@pytest.fixture(scope="module", params=[(name, way) for name in BUILDERS for way in catalog.SPLITTINGS], ids="-".join)
def clips(request, build):
    name, way = request.param
    root, options = build(name)
    return catalog.find_clips(name.split()[0], root, dataclasses.replace(options, splits=way)).clips


@pytest.fixture
def tree(request, tmp_path):
    """(name, root, options) of the catalog that the test is for, in a tree that it may change."""
    name, root = request.param, tmp_path / "tree"
    return name, root, catalog.Options(**sample_trees.TREES[name](root))


def test_every_module_is_a_catalog_under_its_own_name():
    assert {catalog.load(name).NAME for name in catalog.NAMES} == set(catalog.NAMES)
    assert set(sample_trees.TREES) == set(catalog.NAMES) - LISTED_ELSEWHERE


def test_an_unknown_data_set_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(SettingsError, match=r'dataset: expected one of celeba, .*, found "celbea"'):
        catalog.find_clips("celbea", tmp_path, catalog.Options())


def test_options_reach_the_catalogs_that_take_them():
    options = catalog.Options(compression="raw", json="x.json")
    assert catalog.options_of("faceforensics", options) == {"compression": "raw"}
    assert catalog.options_of("folder", options) == {"real_folder": "", "allow_one_class": False}
    assert catalog.options_of("uadfv", options) == {}


def test_splits_share_no_person_and_no_clip_and_none_is_empty(clips):
    people, videos = {}, {}
    for split in SPLITS:
        ours = [clip for clip in clips if clip.split == split]
        people[split] = {person for clip in ours for person in clip.people}
        videos[split] = {name for clip in ours for name in (clip.video, clip.source)} - {""}
        assert people[split], f"{split} is empty"
    for one, other in itertools.combinations(SPLITS, 2):
        assert not people[one] & people[other]
        assert not videos[one] & videos[other]


def test_clips_have_unique_names_and_existing_files(clips):
    assert len({clip.video for clip in clips}) == len(clips)
    for clip in clips:
        files = [clip.path, clip.source_path, clip.mask_path, *clip.frames, *clip.masks]
        assert all(Path(file).exists() for file in files if file)
        assert all(Path(file).is_absolute() for file in files if file)
        assert bool(clip.frames) == Path(clip.path).is_dir()
        assert len(clip.masks) in (0, len(clip.frames))


def test_fakes_have_a_forgery_and_reals_have_neither_source_nor_mask(clips):
    assert {clip.label for clip in clips} == {Label.REAL, Label.FAKE}
    for clip in clips:
        assert bool(clip.forgery) == (clip.label == Label.FAKE)
        assert not (clip.label == Label.REAL and (clip.source or clip.donor or clip.mask_media))


def test_a_source_on_disk_is_the_clip_of_that_name(clips):
    names = {clip.path: clip.video for clip in clips}
    for clip in clips:
        if clip.source_path in names:
            assert names[clip.source_path] == clip.source


@pytest.mark.parametrize("name", sample_trees.TREES)
def test_a_wrong_root_is_refused_in_one_line_that_names_it(name, tmp_path):
    sample_trees.put(tmp_path, "holiday/beach.txt")
    for root in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RecordsError) as refusal:
            catalog.find_clips(name, root, catalog.Options())
        assert str(refusal.value).startswith(f"{root}")
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", sample_trees.TREES)
def test_a_complete_tree_has_notes_alone(name, build):
    root, options = build(name)
    findings = catalog.find_clips(name, root, options).findings
    assert [finding for finding in findings if finding.severity != Severity.NOTE] == []


@pytest.mark.parametrize("name", sample_trees.TREES)
def test_a_folder_that_is_not_part_of_the_data_set_is_reported(name, build):
    root, options = build(name)
    sample_trees.put(root, "holiday/2019/beach.txt")
    try:
        findings = catalog.find_clips(name, root, options).findings
    finally:
        shutil.rmtree(root / "holiday")
    about_it = [finding for finding in findings if "holiday" in finding.words]
    assert about_it
    assert all("left out" in finding.words or "no p" in finding.words for finding in about_it)


@pytest.mark.parametrize(
    ("tree", "before", "after"),
    [
        ("df40", "*/fake", "Fake"),
        ("forged_images", "Au", "Authentic"),
        ("inpainting", "real", "Originals"),
        ("uadfv", "real", "REAL"),
        ("wilddeepfake", "real_test", "Real_Test"),
    ],
    indirect=["tree"],
)
def test_folders_of_a_class_are_known_in_whatever_case(tree, before, after):
    name, root, options = tree

    def seen():
        clips = catalog.find_clips(name, root, options).clips
        return {(clip.identity, clip.label, clip.split) for clip in clips}

    usual = seen()
    for folder in root.glob(before):
        folder.rename(folder.with_name(after))
    assert seen() == usual


@pytest.mark.parametrize(
    ("tree", "before", "after"),
    [
        ("celeba", "masks", "Masks"),
        ("folder", "masks", "GT"),
        ("forged_images", "Gt", "Ground_Truth"),
        ("inpainting", "gl/masks", "MASKS"),
    ],
    indirect=["tree"],
)
def test_folders_of_masks_are_known_by_their_usual_names(tree, before, after):
    name, root, options = tree

    def masked():
        listing = catalog.find_clips(name, root, options)
        return {clip.video for clip in listing.clips if clip.mask_media}, lines(listing.findings)

    usual = masked()
    (folder,) = root.glob(before)
    folder.rename(folder.with_name(after))
    assert masked() == usual


@pytest.mark.parametrize("tree", WITH_LISTS, indirect=True)
def test_a_listed_clip_that_is_absent_is_a_warning(tree):
    name, root, options = tree
    clips = catalog.find_clips(name, root, options).clips
    clip = next(clip for clip in clips if clip.label == (Label.FAKE if name == "deeperforensics" else Label.REAL))
    if name == "celebdf":  # its list names test videos alone
        clip = next(clip for clip in clips if clip.split == "test")
    Path(clip.path).unlink()
    (warning,) = [line for line in lines(catalog.find_clips(name, root, options).findings) if "listed but" in line]
    assert warning.startswith("warning: ")
    assert "listed but absent: " in warning
    assert Path(clip.path).stem in warning


@pytest.mark.parametrize("tree", WITH_SOURCES, indirect=True)
def test_fakes_without_mask_whose_source_is_absent_are_noted(tree):
    name, root, options = tree
    clips = catalog.find_clips(name, root, options).clips
    fake = next(clip for clip in clips if clip.source_path and not clip.mask_media)
    Path(fake.source_path).unlink()
    notes = [line for line in lines(catalog.find_clips(name, root, options).findings) if "neither mask nor" in line]
    start = f"note: {fake.forgery}: neither mask nor source on disk, so no masks: "
    assert any(note.startswith(start) and fake.video in note for note in notes)


@pytest.mark.parametrize("tree", WITH_MASKS, indirect=True)
def test_a_mask_of_no_fake_is_a_warning(tree):
    name, root, options = tree
    mask = next(
        Path(file) for c in catalog.find_clips(name, root, options).clips for file in (c.mask_path, *c.masks) if file
    )
    mask.rename(mask.with_stem(f"nobody{mask.stem[-5:]}"))
    (warning,) = [f for f in catalog.find_clips(name, root, options).findings if "nobody" in f.words]
    assert warning.severity == Severity.WARNING
