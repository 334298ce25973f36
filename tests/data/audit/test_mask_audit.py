import cv2
import numpy as np
import pytest

from dfdetect_jax.data.audit.mask_audit import SAMPLE, grey_share, mask_findings, misfits
from tests.data.finding_lines import lines
from tests.data.photographs import write_video
from tests.data.scenes import clip_of, save, scene

BLACK = np.zeros((96, 128), np.uint8)


def ellipse(value=255):
    return cv2.ellipse(BLACK.copy(), (64, 48), (20, 30), 20, 0, 360, value, -1)


def photograph(folder, mask, name="a.png", forgery="swap", suffix=".png"):
    path = save(folder / forgery / name, scene(1))
    mask_path = save((folder / "masks" / forgery / name).with_suffix(suffix), mask)
    return clip_of(path, forgery, mask_path=str(mask_path))


def video(folder, masks, frames=12):
    write_video(folder / "a.mp4", [scene(1)] * frames)
    write_video(folder / "m.mp4", masks)
    return clip_of(folder / "a.mp4", "swap", mask_path=str(folder / "m.mp4"))


def folder_clip(folder, masks):
    frames = tuple(str(save(folder / f"f/{i}.png", scene(i))) for i in range(len(masks)))
    paths = ("" if mask is None else str(save(folder / f"m/{i}.png", mask)) for i, mask in enumerate(masks))
    return clip_of(folder / "f", "swap", frames=frames, masks=tuple(paths))


def test_masks_that_fit_have_no_findings(tmp_path):
    clips = [
        photograph(tmp_path, ellipse()),
        photograph(tmp_path, ellipse(), "b.png", suffix=".jpg"),
        video(tmp_path, [ellipse()] * 12),
        folder_clip(tmp_path, [ellipse()] * 4),
    ]
    assert [misfits(clip) for clip in clips] == [{}] * 4
    assert mask_findings(clips) == ([], 4)


@pytest.mark.parametrize(
    ("mask", "misfit"),
    [
        (ellipse()[:, 4:], {"size": " (124x96, its picture 128x96)"}),
        (BLACK, {"black": " (its brightest value is 0)"}),
        (ellipse(1), {"black": " (its brightest value is 1)"}),
        (BLACK + 255, {"white": ""}),
        (ellipse(150), {"grey": " (100% of the marked pixels)"}),
    ],
    ids=["of another size", "black", "0 and 1", "white", "grey"],
)
def test_each_misfit_of_a_photograph_is_named(tmp_path, mask, misfit):
    assert misfits(photograph(tmp_path, mask)) == misfit


def test_a_mask_video_that_ends_early_or_has_another_size_is_a_misfit(tmp_path):
    assert misfits(video(tmp_path, [ellipse()] * 8)) == {"shorter": " (8 of 12 frames)"}
    assert misfits(video(tmp_path, [ellipse()[:48, :64]] * 12)) == {"size": " (64x48, its picture 128x96)"}


def test_a_mask_video_is_black_only_if_it_is_so_to_the_end(tmp_path):
    assert misfits(video(tmp_path, [BLACK] * 50, frames=50)) == {"black": " (its brightest value is 0)"}
    assert misfits(video(tmp_path, [BLACK] * 40 + [ellipse()] * 10, frames=50)) == {}


def test_pictures_of_a_folder_that_lack_a_mask_are_counted(tmp_path):
    clip = folder_clip(tmp_path, [ellipse(), None, ellipse(), None])
    (finding,), _ = mask_findings([clip])
    assert lines([finding]) == ["note: 1 clip without masks for some pictures: swap/f (2 of 4 pictures)"]


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


def test_a_kind_of_misfit_is_one_warning_with_its_count_and_an_example(tmp_path):
    clips = [photograph(tmp_path, BLACK, f"{i}.png") for i in range(3)] + [photograph(tmp_path, ellipse(), "fits.png")]
    findings, count = mask_findings(clips)
    (warning,) = lines(findings)
    assert count == 4
    assert warning.startswith("warning: 3 of 4 masks examined: black all over")
    assert "such as swap/" in warning


def test_unreadable_masks_are_left_to_the_stage_that_opens_files(tmp_path):
    clip = photograph(tmp_path, ellipse())
    assert mask_findings([clip_of(tmp_path / "none.png", "swap", mask_path=clip.mask_path)]) == ([], 1)


def test_a_sample_of_each_forgery_is_examined(tmp_path):
    clip = photograph(tmp_path, ellipse())
    clips = [
        clip_of(tmp_path / f"{i}.png", path=clip.path, mask_path=clip.mask_path, forgery=forgery, label=1)
        for forgery in ("swap", "gan")
        for i in range(SAMPLE + 5)
    ]
    assert mask_findings(clips)[1] == 2 * SAMPLE
    assert mask_findings([clip_of(tmp_path / "real.png")]) == ([], 0)
