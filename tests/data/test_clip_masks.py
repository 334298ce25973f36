import cv2
import pytest

from dfdetect_jax.config import Crop
from dfdetect_jax.data.audit.mask_audit import mask_findings
from dfdetect_jax.data.clip_masks import grey_share, review_mask
from dfdetect_jax.data.finding import Severity
from dfdetect_jax.data.prepare.crops import clip_examples
from dfdetect_jax.data.prepare.linked import linked_examples
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import load_face_detector
from tests.data.masked_clips import BLACK, ellipse, folder_clip, photograph, video
from tests.data.photographs import write_video
from tests.data.scenes import clip_of, save, scene

WHOLE = Crop(size=64, margin=1.0, align="box", face_detector="none")


def misfits(clip):
    return review_mask(clip).misfits


def test_masks_that_fit_have_no_findings(tmp_path):
    clips = [
        photograph(tmp_path, ellipse()),
        photograph(tmp_path, ellipse(), "b.png", suffix=".jpg"),
        video(tmp_path, [ellipse()] * 12),
        folder_clip(tmp_path, [ellipse()] * 4),
    ]
    assert [misfits(clip) for clip in clips] == [{}] * 4


@pytest.mark.parametrize(
    ("mask", "misfit"),
    [
        (ellipse()[:, 4:], {"size": " (124x96, its picture 128x96)"}),
        (BLACK, {"black": " (its brightest value is 0)"}),
        (BLACK + 1, {"black": " (its brightest value is 1)"}),
        (ellipse(1), {"two-valued": " (of 0 and 1)"}),
        (ellipse(40) | ellipse(1)[:, ::-1], {"black": " (its brightest value is 41)"}),
        (BLACK + 255, {"white": ""}),
        (ellipse(150), {"grey": " (100% of the marked pixels)"}),
    ],
    ids=["of another size", "black", "1 alone", "0 and 1", "0, 1, 40 and 41", "white", "grey"],
)
def test_each_misfit_of_a_photograph_is_named(tmp_path, mask, misfit):
    assert misfits(photograph(tmp_path, mask)) == misfit


def test_a_mask_video_that_ends_early_or_has_another_size_is_a_misfit(tmp_path):
    assert misfits(video(tmp_path, [ellipse()] * 8)) == {"shorter": " (8 of 12 frames)"}
    assert misfits(video(tmp_path, [ellipse()[:48, :64]] * 12)) == {"size": " (64x48, its picture 128x96)"}


def test_a_mask_video_is_black_only_if_it_is_so_to_the_end(tmp_path):
    assert misfits(video(tmp_path, [BLACK] * 50, frames=50)) == {"black": " (its brightest value is 0)"}
    assert misfits(video(tmp_path, [BLACK] * 40 + [ellipse()] * 10, frames=50)) == {}


def test_one_photograph_may_be_the_mask_of_a_video(tmp_path):
    write_video(tmp_path / "a.mp4", [scene(1)] * 3)
    clip = clip_of(tmp_path / "a.mp4", "swap", mask_path=str(save(tmp_path / "m.png", ellipse())))
    assert misfits(clip) == {}


@pytest.mark.parametrize("quality", [20, 50, 90])
def test_what_jpeg_does_to_an_outline_is_not_grey(quality):
    _, coded = cv2.imencode(".jpg", ellipse(), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert grey_share(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)) < 0.01


def test_soft_masks_are_grey():
    assert grey_share(cv2.GaussianBlur(ellipse(), (0, 0), 8)) > 0.1
    assert grey_share(BLACK) == 0


def test_in_a_folder_one_bright_mask_makes_the_dark_ones_black(tmp_path):
    assert review_mask(folder_clip(tmp_path / "a", [ellipse(1)] * 4)).least == 1
    assert review_mask(folder_clip(tmp_path / "b", [ellipse(1), ellipse(), BLACK])).least == 128


def test_a_dark_mask_video_is_black_since_compression_may_have_made_its_values(tmp_path):
    assert list(misfits(video(tmp_path, [ellipse(40)] * 3, frames=3))) == ["black"]


def test_a_mask_that_can_not_be_read_is_refused_and_unreadable_pictures_of_a_folder_are_left_out(tmp_path):
    clip = folder_clip(tmp_path, [ellipse()] * 3)
    (tmp_path / "m/0.png").write_bytes(b"no picture")
    assert misfits(clip) == {}
    for place in (1, 2):
        (tmp_path / f"m/{place}.png").unlink()
    with pytest.raises(BadMediaError):
        misfits(clip)


KINDS = {
    "fits": lambda folder: photograph(folder, ellipse()),
    "of another size": lambda folder: photograph(folder, ellipse()[:, 4:]),
    "black": lambda folder: photograph(folder, BLACK),
    "0 and 1": lambda folder: photograph(folder, ellipse(1)),
    "grey": lambda folder: photograph(folder, ellipse(150)),
    "black folder": lambda folder: folder_clip(folder, [BLACK] * 3),
    "folder of 0 and 7": lambda folder: folder_clip(folder, [ellipse(7)] * 3),
    "black video": lambda folder: video(folder, [BLACK] * 5, frames=5),
}


@pytest.mark.parametrize("kind", KINDS)
def test_prepare_uses_the_masks_that_check_does_not_call_an_error_and_no_others(tmp_path, kind):
    clip = KINDS[kind](tmp_path)
    error = any(finding.severity == Severity.ERROR for finding in mask_findings([clip])[0])
    examples, report = clip_examples(clip, load_face_detector("none"), WHOLE, 4)
    assert report.mask_refused == error == any(words.startswith("mask refused: ") for words in report.words)
    assert [example.has_mask for example in examples] == [not error] * len(examples)
    assert all(example.mask.any() == example.has_mask for example in examples)


@pytest.mark.parametrize(("mask", "linked"), [(ellipse(), True), (ellipse(1), False), (BLACK, False)])
def test_linked_pictures_are_without_a_mask_that_would_read_black(tmp_path, mask, linked):
    (example,), report = linked_examples(photograph(tmp_path, mask), str(tmp_path), 1)
    assert (example.has_mask, bool(example.mask), not report.mask_refused) == (linked,) * 3
