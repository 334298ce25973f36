import cv2
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from dfdetect_jax.data.audit import file_traits as traits
from dfdetect_jax.data.audit.file_traits import traits_of
from tests.data.photographs import write_video
from tests.data.scenes import clip_of, save, scene


def test_a_jpeg_has_quality_and_subsampling(tmp_path):
    Image.fromarray(scene(1)).save(tmp_path / "a.jpg", quality=50, subsampling=0)
    assert traits_of(clip_of(tmp_path / "a.jpg")) == {
        traits.SIZE: "128x96",
        traits.AREA: "11,586 to 16,383 pixels",
        traits.FORMAT: "JPEG",
        traits.EXIF: "without EXIF",
        traits.COLOUR: "RGB",
        traits.JPEG: "mean luma step 57.6, chroma 4:4:4",  # 57.625: mean of Annex K's table, which is quality 50
    }


@pytest.mark.parametrize(("subsampling", "name"), [(1, "4:2:2"), (2, "4:2:0")])
def test_subsampling_is_named(tmp_path, subsampling, name):
    Image.fromarray(scene(1)).save(tmp_path / "a.jpg", subsampling=subsampling)
    assert traits_of(clip_of(tmp_path / "a.jpg"))[traits.JPEG].endswith(f"chroma {name}")


def test_a_grey_jpeg_has_no_subsampling(tmp_path):
    Image.fromarray(scene(1)).convert("L").save(tmp_path / "a.jpg")
    values = traits_of(clip_of(tmp_path / "a.jpg"))
    assert values[traits.COLOUR] == "L"
    assert values[traits.JPEG].endswith("no chroma")


def test_the_format_is_that_of_the_bytes_and_exif_is_a_trait(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    Image.fromarray(scene(1)).save(tmp_path / "a.webp", exif=exif)
    values = traits_of(clip_of((tmp_path / "a.webp").rename(tmp_path / "a.jpg")))
    assert (values[traits.FORMAT], values[traits.EXIF]) == ("WEBP", "with EXIF")
    assert traits.JPEG not in values


def test_a_video_has_container_codec_rate_and_length(tmp_path):
    write_video(tmp_path / "a.mp4", [scene(1)] * 10)
    values = traits_of(clip_of((tmp_path / "a.mp4").rename(tmp_path / "a.avi")))
    expected = {traits.SIZE: "128x96", traits.FORMAT: "MP4", traits.CODEC: "mpeg4", traits.RATE: "25.00 frames/s"}
    assert values == {**expected, traits.AREA: "11,586 to 16,383 pixels", traits.LENGTH: "8 to 11 frames"}


def test_a_folder_has_the_traits_of_its_middle_picture_and_its_length(tmp_path):
    frames = [save(tmp_path / name, scene(number)) for number, name in enumerate(("0.png", "1.jpg", "2.png"))]
    values = traits_of(clip_of(tmp_path, "swap", frames=tuple(map(str, frames))))
    assert (values[traits.FORMAT], values[traits.LENGTH]) == ("JPEG", "3 to 3 frames")


def test_numbers_fall_into_ranges_without_gaps():
    for count in range(1, 3000):
        first, _, last, _ = traits.half_octave(count, "x").replace(",", "").split()
        assert int(first) <= count <= int(last)
        assert traits.half_octave(int(first), "x") == traits.half_octave(int(last), "x")


def test_an_unreadable_file_has_no_traits(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff and nothing more")
    (tmp_path / "b.mp4").write_bytes(b"text")
    assert [traits_of(clip_of(tmp_path / name)) for name in ("a.jpg", "b.mp4", "none.png")] == [{}, {}, {}]


def test_sizes_are_those_of_the_decoded_picture(tmp_path):
    path = save(tmp_path / "a.bmp", scene(1, width=50, height=30))
    height, width = cv2.imread(str(path)).shape[:2]
    assert traits_of(clip_of(path))[traits.SIZE] == f"{width}x{height}"


@pytest.mark.parametrize("kind", ["HEIF", "AVIF", "TIFF", "GIF"])
def test_every_format_of_photographs_has_traits(tmp_path, kind):
    register_heif_opener()
    Image.fromarray(scene(1)).save(tmp_path / "a", kind)
    values = traits_of(clip_of(tmp_path / "a"))
    assert (values[traits.SIZE], values[traits.FORMAT]) == ("128x96", kind)
