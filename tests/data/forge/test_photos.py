"""Forging a folder of real photographs."""

import dataclasses

import cv2
import numpy as np
import pytest
from skimage import data as pictures

from dfdetect_jax.config import Crop
from dfdetect_jax.data import forge
from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media import decoding
from dfdetect_jax.media.face import Face
from dfdetect_jax.media.frame import Frame
from tests.data.photographs import write_damaged_jpeg

CROP = Crop(size=48)
LANDMARKS = np.array([[66.0, 87], [106, 87], [89, 111], [69, 131], [107, 131]], np.float32)
FACE = Face(box=np.array([40, 40, 135, 165], np.float32), landmarks=LANDMARKS, confidence=1.0)


def finds_the_face(frames):
    return [[FACE] for _ in frames]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photographs")
    portrait = pictures.astronaut()[20:220, 140:340, ::-1]
    for number in range(30):
        brightness = 0.7 + 0.01 * number
        assert cv2.imwrite(str(root / f"{number:02d}.jpg"), (portrait * brightness).astype(np.uint8))
    return root


@pytest.fixture(scope="module")
def photos(folder):
    return forge.plan_photos(sorted(folder.glob("*.jpg")), folder)


def test_each_photograph_is_in_one_split_and_donors_are_from_the_same(photos):
    assert len({photo.path for photo in photos}) == len(photos) == 30
    split_of = {photo.path: photo.split for photo in photos}
    for photo in photos:
        assert photo.path not in photo.donors
        assert {split_of[donor] for donor in photo.donors} == {photo.split}


def test_the_division_does_not_depend_on_the_order_of_the_files(folder, photos):
    backwards = forge.plan_photos(sorted(folder.glob("*.jpg"), reverse=True), folder)
    assert backwards == photos
    assert forge.plan_photos(sorted(folder.glob("*.jpg")), folder, seed=1) != photos


def test_too_few_photographs_are_refused(folder):
    with pytest.raises(SettingsError, match=r"expected at least 2\d photographs to forge, found 3"):
        forge.plan_photos(sorted(folder.glob("*.jpg"))[:3], folder)


def test_a_photograph_gives_a_real_and_a_forged_example(photos):
    forgeries = set()
    for photo in photos:
        if photo.split == "test":
            real, fake = forge.forge_photo(photo, finds_the_face, CROP)
            forgeries.add(fake.forgery)
            assert real.identity == fake.identity == photo.name
            assert fake.source == real.video
            assert not real.mask.any()
            assert (fake.mask == 255).any()
            assert real.image.shape == fake.image.shape == (48, 48, 3)
    assert forgeries == set(forge.FORGERIES)


def test_a_photograph_without_a_face_is_bad_media(photos):
    with pytest.raises(BadMediaError, match="no face found"):
        forge.forge_photo(photos[0], lambda frames: [[] for _ in frames], CROP)


def test_a_face_too_small_for_the_crop_is_bad_media(photos):
    with pytest.raises(BadMediaError, match="use a smaller crop"):
        forge.forge_photo(photos[0], finds_the_face, Crop(size=512))


def test_a_detector_without_landmarks_is_refused(photos):
    face = Face(box=FACE.box, landmarks=None, confidence=1.0)
    with pytest.raises(SettingsError, match="five landmarks"):
        forge.forge_photo(photos[0], lambda frames: [[face]], Crop(size=48, align="box", face_detector="haar"))


def test_a_swap_takes_the_donor_whose_pose_is_nearest(photos):
    photo = next(p for p in photos if p.split == "test" and p.number % 6 == 0)
    nose_shift = dict(zip((photo.path, *photo.donors), (6, -6, 5, 0), strict=True))
    opened = []

    def finds_turned_faces(frames):
        turned = LANDMARKS + np.array([[0, 0]] * 2 + [[nose_shift[order[len(opened)]], 0]] + [[0, 0]] * 2, np.float32)
        opened.append(frames)
        return [[Face(box=FACE.box, landmarks=turned, confidence=1.0)]]

    order = (photo.path, *photo.donors)
    _, fake = forge.forge_photo(photo, finds_turned_faces, CROP)
    nose_shift[photo.donors[0]] = nose_shift[photo.donors[2]] = 60  # hardly a face: never nearer than the second
    opened.clear()
    _, again = forge.forge_photo(photo, finds_turned_faces, CROP)
    assert fake.forgery == "swap_alpha"
    np.testing.assert_array_equal(fake.image, again.image)


def test_a_damaged_photograph_is_bad_media(photos, tmp_path):
    damaged = write_damaged_jpeg(tmp_path / "a.jpg", pictures.astronaut()[20:220, 140:340])
    with pytest.raises(BadMediaError, match="damage inside the file"):
        forge.forge_photo(dataclasses.replace(photos[0], path=str(damaged)), finds_the_face, CROP)


def test_photographs_are_decoded_where_isolation_has_it(photos, monkeypatch):
    asked = []

    def read_photograph(path):
        asked.append(path)
        return Frame(0, 0.0, np.zeros((90, 90, 3), np.uint8))

    monkeypatch.setattr(decoding, "read_photograph", read_photograph)
    with pytest.raises(BadMediaError, match="no face found"):
        forge.forge_photo(photos[0], lambda frames: [[] for _ in frames], CROP)
    assert asked == [photos[0].path]
