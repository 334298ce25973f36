import dataclasses

from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.trees import findings
from dfdetect_jax.media.file_format import IMAGE_SUFFIXES, MEDIA_SUFFIXES
from tests.data.finding_lines import lines
from tests.data.sample_trees import put


def clip(video, label=Label.REAL, **fields):
    forgery = "swap" if label == Label.FAKE else ""
    return Clip(path=f"/{video}", video=video, label=label, forgery=forgery, split="train", identity=video, **fields)


def test_other_files_and_folders_are_noted_by_name(tmp_path):
    put(tmp_path, "a.jpg", "notes.txt", ".DS_Store", "other/x", ".cache/x", "known/x")
    (tmp_path / "clip7").symlink_to(tmp_path / "gone")
    assert lines(findings.other_files(tmp_path, MEDIA_SUFFIXES, "here")) == [
        "note: here: left out, neither pictures nor videos: clip7, notes.txt (2)"
    ]
    assert lines(findings.other_folders(tmp_path, ["known"], "here")) == [
        "note: here: left out, folders that are not part of this data set: other (1)"
    ]


def test_pictures_and_videos_that_are_not_read_are_a_warning(tmp_path):
    put(tmp_path, "a.jpg", "b.JXL", "c.mp4")
    (warning,) = lines(findings.other_files(tmp_path, IMAGE_SUFFIXES))
    assert warning.startswith("warning: ")
    assert warning.endswith(": b.JXL, c.mp4 (2)")


def test_a_class_without_clips_is_an_error_unless_it_is_meant():
    assert findings.missing_classes([clip("a"), clip("b", Label.FAKE)]) == []
    words = "no fakes: training and most metrics need both"
    assert lines(findings.missing_classes([clip("a")])) == [
        f"error: {words}; if one class is meant, give --allow_one_class"
    ]
    assert lines(findings.missing_classes([clip("a")], allowed=True)) == [f"note: {words}"]
    assert lines(findings.missing_classes([]))[0].startswith("error: no reals and no fakes: ")


def test_a_split_of_one_class_is_a_warning():
    test = dataclasses.replace(clip("c"), split="test")
    found = lines(findings.missing_classes([clip("b", Label.FAKE), test]))
    assert found == [
        "warning: train: no reals: training needs both",
        "warning: test: no fakes: most metrics need both",
    ]


def test_fakes_with_mask_or_source_need_no_note():
    fakes = [clip("a", Label.FAKE, mask_path="/m.png"), clip("b", Label.FAKE, source_path="/a.png")]
    assert findings.fakes_without_mask([clip("c"), *fakes]) == []
    assert lines(findings.fakes_without_mask([clip("d", Label.FAKE)])) == [
        "note: swap: neither mask nor source on disk, so no masks: d (1)"
    ]


def test_only_the_first_few_names_are_listed():
    (line,) = lines(findings.notes("here", "odd", [str(number) for number in range(9)]))
    assert line == "note: here: odd: 0, 1, 2, 3, 4, ... (9)"
    assert findings.notes("here", "odd", []) == []


def test_of_clips_that_share_a_name_the_first_is_kept():
    first, second = clip("a", source="1"), clip("a", source="2")
    clips, repeated = findings.first_of_each_name([clip("b"), first, second])
    assert clips == [first, clip("b")]
    assert lines(repeated) == ["warning: several files share a stem, only the first is read: a (1)"]
