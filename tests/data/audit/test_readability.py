import numpy as np

from dfdetect_jax.data.audit.readability import open_clips
from tests.data.finding_lines import lines
from tests.data.photographs import write_damaged_jpeg, write_video
from tests.data.scenes import clip_of, save, scene


def file_lines(clips):
    findings, _ = open_clips(clips, lambda picture: picture)
    return lines(findings)


def picture_of(clip):
    (picture,) = open_clips([clip], lambda picture: picture)[1]
    return picture


def folder_clip(folder, count, **fields):
    frames = tuple(str(save(folder / f"{i:03d}.png", scene(i))) for i in range(count))
    return clip_of(folder, "swap", frames=frames, **fields)


def test_intact_files_have_no_findings_and_each_clip_gives_a_picture(tmp_path):
    photograph = clip_of(save(tmp_path / "a.png", scene(1)))
    write_video(tmp_path / "b.mp4", [scene(2)] * 3)
    video, folder = clip_of(tmp_path / "b.mp4"), folder_clip(tmp_path / "c", 5)
    assert file_lines([photograph, video, folder]) == []
    np.testing.assert_array_equal(picture_of(photograph), scene(1))
    assert np.abs(picture_of(video).astype(int) - scene(2)).mean() < 10
    np.testing.assert_array_equal(picture_of(folder), scene(2))  # the middle one


def test_unreadable_files_are_errors_with_their_role(tmp_path):
    whole, broken = save(tmp_path / "a.png", scene(1)), tmp_path / "broken.png"
    broken.write_bytes(whole.read_bytes()[:100])
    missing = str(tmp_path / "missing.mp4")
    clips = [clip_of(broken), clip_of(whole, "swap", mask_path=str(tmp_path), source_path=missing)]
    clip, mask, source = file_lines(clips)
    assert clip.startswith("error: real/broken: clip can't be read: ")
    assert mask.startswith("error: swap/a: mask can't be read: ")
    assert source.startswith("error: swap/a: source can't be read: ")
    assert missing in source


def test_a_source_that_is_a_clip_itself_is_reported_once(tmp_path):
    (tmp_path / "000.mp4").write_bytes(b"nothing")
    real = clip_of(tmp_path / "000.mp4")
    fakes = [clip_of(save(tmp_path / f"{i}.png", scene(i)), "swap", source_path=real.path) for i in range(2)]
    (only,) = file_lines([*fakes, real])
    assert only.startswith("error: real/000: clip")


def test_of_a_folder_no_picture_may_be_empty_or_missing(tmp_path):
    clip = folder_clip(tmp_path / "c", 9)
    (tmp_path / "c/003.png").write_bytes(b"")
    assert "003.png: an empty file" in file_lines([clip])[0]
    (tmp_path / "c/003.png").unlink()
    assert "003.png: can't be opened" in file_lines([clip])[0]


def test_masks_that_some_pictures_lack_are_no_files_to_open(tmp_path):
    mask = str(save(tmp_path / "mask.png", scene(3)))
    assert file_lines([folder_clip(tmp_path / "c", 3, masks=("", mask, ""))]) == []


def test_the_black_before_a_fade_in_is_passed_over(tmp_path):
    write_video(tmp_path / "fade.mp4", [np.zeros_like(scene(4))] * 15 + [scene(4)] * 10)
    assert picture_of(clip_of(tmp_path / "fade.mp4")).std() > 20


def test_many_broken_files_are_counted(tmp_path):
    (tmp_path / "bad.png").write_bytes(b"x")
    clips = [clip_of(save(tmp_path / f"{i}.png", scene(0)), mask_path=str(tmp_path / f"no{i}")) for i in range(25)]
    findings = file_lines(clips)
    assert len(findings) == 21
    assert findings[-1] == "error: more that can't be read: 5 masks"


def test_each_file_moves_the_bar(tmp_path):
    path = save(tmp_path / "a.png", scene(0))
    steps = []
    clips = [clip_of(path), clip_of(path, "swap", mask_path=str(tmp_path / "none.png"))]

    def progress(name, total):
        steps.append(total)
        return lambda: steps.append(1)

    open_clips(clips, lambda picture: None, progress)
    assert steps == [2, 1, 1]


def test_a_photograph_that_decodes_though_it_is_damaged_is_an_error(tmp_path):
    damaged = write_damaged_jpeg(tmp_path / "a.jpg", scene(1))
    (error,) = file_lines([clip_of(damaged)])
    assert error.startswith("error: real/a: clip can't be read: ")
    assert "damage inside the file" in error
