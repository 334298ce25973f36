from dfdetect_jax.data.audit.mask_audit import SAMPLE, mask_findings
from tests.data.finding_lines import lines
from tests.data.masked_clips import BLACK, ellipse, folder_clip, photograph
from tests.data.scenes import clip_of


def test_pictures_of_a_folder_that_lack_a_mask_are_counted(tmp_path):
    clip = folder_clip(tmp_path, [ellipse(), None, ellipse(), None])
    (finding,), _ = mask_findings([clip])
    assert lines([finding]) == ["note: 1 clip without masks for some pictures: swap/f (2 of 4 pictures)"]


def test_a_kind_of_misfit_is_one_finding_with_its_count_and_an_example(tmp_path):
    clips = [photograph(tmp_path, BLACK, f"{i}.png") for i in range(3)] + [photograph(tmp_path, ellipse(), "fits.png")]
    findings, count = mask_findings(clips)
    (error,) = lines(findings)
    assert count == 4
    assert error.startswith("error: 3 of 4 masks examined: black all over although the clip is a fake, so they are not")
    assert "such as swap/" in error


def test_what_is_read_rightly_is_a_note(tmp_path):
    (finding,), _ = mask_findings([photograph(tmp_path, ellipse(1))])
    assert lines([finding]) == [
        "note: 1 of 1 mask examined: black and one dark value: that value will count as forged; swap/a (of 0 and 1)"
    ]


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
