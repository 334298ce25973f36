import dataclasses

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from dfdetect_jax.config import Crop
from dfdetect_jax.data.example import Clip, Label
from dfdetect_jax.data.prepare.crops import clip_examples
from dfdetect_jax.data.trees.layout import frame_files
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import load_face_detector
from tests.data.photographs import (
    face_picture,
    forged_picture,
    mask_picture,
    write_damaged_jpeg,
    write_image,
    write_video,
)

CROP = Crop(size=64, margin=1.3, align="box", face_detector="haar")
SHIFTS = range(0, 24, 2)
CHINA = np.full((200, 360, 3), 90, np.uint8)  # nobody


@pytest.fixture(scope="module")
def face_detector():
    return load_face_detector("haar")


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    folder = tmp_path_factory.mktemp("media")
    write_video(folder / "real.mp4", [face_picture(shift) for shift in SHIFTS])
    write_video(folder / "fake.mp4", [forged_picture(shift) for shift in SHIFTS])
    write_video(folder / "mask.mp4", [mask_picture(shift) for shift in SHIFTS])
    write_video(folder / "gone.mp4", [face_picture() if i < 8 else CHINA for i in range(12)])
    write_video(folder / "empty.mp4", [CHINA] * 4)
    write_image(folder / "real.png", face_picture())
    write_image(folder / "fake.png", forged_picture())
    write_image(folder / "mask.png", mask_picture())
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    return folder


def clip_of(path, label=Label.FAKE, **fields):
    forgery = "paste" if label else ""
    return Clip(path=str(path), video="v", label=label, forgery=forgery, split="val", identity="ann", **fields)


def overlap(mask, other):
    return np.count_nonzero(mask & other) / np.count_nonzero(mask | other)


def test_a_real_clip_gives_evenly_spaced_frames_with_empty_masks(media, face_detector):
    examples, report = clip_examples(clip_of(media / "real.mp4", Label.REAL), face_detector, CROP, 4, dataset="mine")
    assert [example.frame for example in examples] == [0, 3, 7, 11]
    assert (report.asked, report.got, report.mask, report.words) == (4, 4, "", ())
    for example in examples:
        assert example.image.shape == (64, 64, 3)
        assert example.has_mask
        assert not example.mask.any()
        assert (example.dataset, example.split, example.identity, example.forgery) == ("mine", "val", "ann", "")


def test_the_crop_follows_the_face(media, face_detector):
    examples, _ = clip_examples(clip_of(media / "real.mp4", Label.REAL), face_detector, CROP, 12)
    first, last = (example.image.astype(float) for example in (examples[0], examples[-1]))
    assert np.corrcoef(first.ravel(), last.ravel())[0, 1] > 0.9


def test_a_video_with_fewer_frames_gives_all_of_them(media, face_detector):
    examples, report = clip_examples(clip_of(media / "real.mp4", Label.REAL), face_detector, CROP, 100)
    assert report.asked == report.got == len(examples) == 12


def test_the_mask_is_cropped_with_the_image(media, face_detector):
    fake = clip_of(media / "fake.mp4", mask_path=str(media / "mask.mp4"))
    real = clip_of(media / "fake.mp4", Label.REAL)
    examples, report = clip_examples(fake, face_detector, CROP, 3)
    assert (report.mask, report.words) == ("own", ("mask: own",))
    for example, plain in zip(examples, clip_examples(real, face_detector, CROP, 3)[0], strict=True):
        assert np.array_equal(example.image, plain.image)  # the mask bears on nothing else
        assert set(np.unique(example.mask)) == {0, 255}
        brightness = example.image.mean(-1)
        assert brightness[example.mask > 0].mean() > brightness[example.mask == 0].mean() + 60


def test_without_a_mask_the_difference_to_the_source_is_used(media, face_detector):
    fake = clip_of(media / "fake.mp4", source="real", source_path=str(media / "real.mp4"))
    own = dataclasses.replace(fake, mask_path=str(media / "mask.mp4"))
    examples, report = clip_examples(fake, face_detector, CROP, 4)
    assert (report.mask, report.words) == ("difference", ("mask: difference",))
    for example, known in zip(examples, clip_examples(own, face_detector, CROP, 4)[0], strict=True):
        assert example.has_mask
        assert overlap(example.mask, known.mask) > 0.6


def test_a_source_that_is_another_scene_gives_no_mask_and_a_reason(media, face_detector):
    fake = clip_of(media / "fake.mp4", source="real", source_path=str(media / "empty.mp4"))
    examples, report = clip_examples(fake, face_detector, CROP, 4)
    assert report.mask == ""
    assert report.words[0].startswith("difference unusable: ")
    assert not any(example.has_mask or example.mask.any() for example in examples)


def test_a_fake_with_neither_mask_nor_source_is_reported(media, face_detector):
    examples, report = clip_examples(clip_of(media / "fake.mp4", source="somebody"), face_detector, CROP, 2)
    assert report.words == ("no source",)
    assert not any(example.has_mask for example in examples)
    assert clip_examples(clip_of(media / "fake.mp4"), face_detector, CROP, 2)[1].words == ("no mask",)


def test_an_unreadable_mask_is_reported_and_the_source_used_instead(media, face_detector):
    fake = clip_of(
        media / "fake.mp4", mask_path=str(media / "broken.mp4"), source="r", source_path=str(media / "real.mp4")
    )
    _, report = clip_examples(fake, face_detector, CROP, 2)
    assert report.mask == "difference"
    assert report.words[0].startswith("mask unreadable: ")


def test_frames_without_a_face_are_counted(media, face_detector):
    examples, report = clip_examples(clip_of(media / "gone.mp4", Label.REAL), face_detector, CROP, 12)
    assert len(examples) == 8
    assert report.words == ("no face in 4 of 12 frames",)


def test_a_clip_without_any_face_gives_no_example_and_a_remark(media, face_detector):
    examples, report = clip_examples(clip_of(media / "empty.mp4", Label.REAL), face_detector, CROP, 3)
    assert examples == []
    assert (report.got, report.words, report.failed) == (0, ("no face in 3 of 3 frames",), False)


def test_a_video_with_a_hole_gives_the_frames_that_can_be_decoded(media, face_detector, tmp_path):
    whole = (media / "real.mp4").read_bytes()
    moov = whole.index(b"moov") - 4
    if whole.index(b"mdat") < moov:  # keep the header that declares 12 frames, spoil the data of the last ones
        cut = whole[: moov * 6 // 10] + bytes(moov - moov * 6 // 10) + whole[moov:]
    (tmp_path / "cut.mp4").write_bytes(cut)
    _, report = clip_examples(clip_of(tmp_path / "cut.mp4", Label.REAL), face_detector, CROP, 12)
    assert 0 < report.got <= report.asked < 12
    assert any("damage inside the stream: " in words for words in report.words)


def test_a_damaged_photograph_is_left_out_with_the_reason(face_detector, tmp_path):
    damaged = write_damaged_jpeg(tmp_path / "a.jpg", face_picture())
    examples, report = clip_examples(clip_of(damaged, Label.REAL), face_detector, CROP, 1)
    assert examples == []
    assert report.words == ("damage inside the stream: 1 frame or photograph is damaged and left out",)
    assert report.failed


def test_an_animation_is_a_clip(face_detector, tmp_path):
    first, *others = [Image.fromarray(face_picture(shift)) for shift in SHIFTS]
    first.save(tmp_path / "a.webp", save_all=True, append_images=others, duration=40)
    examples, report = clip_examples(clip_of(tmp_path / "a.webp", Label.REAL), face_detector, CROP, 4)
    assert [example.frame for example in examples] == [0, 3, 7, 11]
    assert report.words == ()


def test_the_person_with_the_forged_face_is_cropped_not_the_largest(face_detector, tmp_path):
    small, large = face_picture()[::2, ::2], face_picture()
    beside = np.concatenate([small, small[::-1]])  # the second one stands on its head, where no face is found
    mask = np.concatenate([np.zeros((200, 360), np.uint8), np.zeros((200, 180), np.uint8)], 1)
    mask[66:78, 360 + 73 : 360 + 91] = 255
    write_video(tmp_path / "two.mp4", [np.concatenate([large, beside], 1)] * 3)
    write_video(tmp_path / "mask.mp4", [mask] * 3)
    with_mask, _ = clip_examples(
        clip_of(tmp_path / "two.mp4", mask_path=str(tmp_path / "mask.mp4")), face_detector, CROP, 3
    )
    without, _ = clip_examples(clip_of(tmp_path / "two.mp4"), face_detector, CROP, 3)
    assert all(example.mask.any() for example in with_mask)
    assert not np.array_equal(with_mask[0].image, without[0].image)


def test_a_photograph_is_a_clip_of_one_frame(media, face_detector):
    fake = clip_of(media / "fake.png", mask_path=str(media / "mask.png"))
    (example,), report = clip_examples(fake, face_detector, CROP, 32)
    assert (example.frame, report.asked, report.got, report.words) == (0, 1, 1, ("mask: own",))
    assert 0.02 < (example.mask > 0).mean() < 0.2


def test_a_broken_clip_is_refused_by_name(media, face_detector):
    with pytest.raises(BadMediaError, match=r"broken\.mp4"):
        clip_examples(clip_of(media / "broken.mp4"), face_detector, CROP, 2)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """Pictures of a fake clip by number, and a mask for all but the last."""
    folder = tmp_path_factory.mktemp("frames")
    for number in (8, 9, 10):
        write_image(folder / f"clip/{number}.png", forged_picture(number))
        write_image(folder / f"masks/{number}.png", mask_picture(number))
    return folder


def pictures_clip(frames, **fields):
    return clip_of(frames / "clip", frames=frame_files(frames / "clip"), **fields)


def test_a_folder_of_pictures_is_a_clip_and_keeps_their_numbers(frames, face_detector):
    examples, report = clip_examples(pictures_clip(frames), face_detector, CROP, 2)
    assert [example.frame for example in examples] == [8, 10]
    assert (report.asked, report.got) == (2, 2)
    assert not any(example.has_mask for example in examples)


@pytest.mark.parametrize("names", [("a8", "b9"), ("8", "08"), ("1596633245123", "1596633245163")])
def test_pictures_that_are_not_all_named_by_a_number_of_their_own_are_numbered_in_order(frames, names):
    clip = clip_of(frames, frames=tuple(f"/x/{name}.png" for name in names))
    assert [clip.frame_number(position) for position in (0, 1)] == [0, 1]


def test_each_picture_has_its_own_mask_or_none(frames, face_detector):
    masks = (str(frames / "masks/8.png"), str(frames / "masks/9.png"), "")
    examples, _ = clip_examples(pictures_clip(frames, masks=masks), face_detector, CROP, 3)
    assert [example.has_mask for example in examples] == [True, True, False]
    assert examples[0].mask.any()


def test_without_a_face_detector_pictures_are_used_as_a_whole(media):
    whole = Crop(size=90, margin=1.0, align="box", face_detector="none")
    clip = clip_of(media / "fake.png", mask_path=str(media / "mask.png"))
    (example,), _ = clip_examples(clip, load_face_detector("none"), whole, 1)
    expected = np.zeros((90, 90), bool)
    expected[20:70] = mask_picture()[2::4, 2::4] > 0  # 360 x 200 at a quarter, 50 rows in the middle
    assert overlap(example.mask > 0, expected) > 0.8
    assert not example.image[:19].any()
    assert example.image[21:69].any()


def test_a_photograph_and_what_a_generator_made_of_its_middle_give_a_mask(tmp_path):
    photograph = cv2.resize(data.astronaut()[0:218, 130:308], (178, 218))
    made = cv2.resize(photograph[20:198], (128, 128), interpolation=cv2.INTER_AREA)
    made[50:80, 40:90] = np.clip(made[50:80, 40:90].astype(int) + 50, 0, 255)
    write_image(tmp_path / "source.png", photograph)
    write_image(tmp_path / "made.png", made)
    clip = clip_of(tmp_path / "made.png", source="s", source_path=str(tmp_path / "source.png"))
    whole = Crop(size=128, margin=1.0, align="box", face_detector="none")
    (example,), report = clip_examples(clip, load_face_detector("none"), whole, 1)
    assert report.words == ("mask: difference",)
    forged = np.zeros((128, 128), np.uint8)
    forged[50:80, 40:90] = 255
    assert overlap(example.mask, forged) > 0.8
