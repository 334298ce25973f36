import contextlib
import gc
import os
import subprocess
import sys
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from PIL import Image

from dfdetect_jax.config import Crop
from dfdetect_jax.errors import BadMediaError, SettingsError
from dfdetect_jax.media import limits, video, video_stream
from dfdetect_jax.media.crop import crop_matrix, warp
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.media.file_format import media_format, media_kind
from dfdetect_jax.media.frame import Frame, VideoInfo
from dfdetect_jax.media.video import MiscountError, evenly_spaced, probe, read_frames
from tests.media.clips import (
    FRAMES,
    HEIGHT,
    RATE,
    WIDTH,
    copy_clip,
    index_shown,
    mutated,
    numbered,
    write_clip,
    write_sound,
)

ENCODERS = {"mp4": "mpeg4", "avi": "mjpeg", "webm": "libvpx", "mkv": "libx264"}
GREY = [np.full((HEIGHT, WIDTH, 3), 128, np.uint8)] * 2


@pytest.fixture(scope="module", params=ENCODERS)
def clip(request, tmp_path_factory):
    pixels = "yuvj420p" if request.param == "avi" else "yuv420p"
    path = tmp_path_factory.mktemp("clips") / f"clip.{request.param}"
    return write_clip(path, encoder=ENCODERS[request.param], pixels=pixels)


@pytest.fixture(scope="module")
def h264(tmp_path_factory):
    """Groups of 10 pictures, each with frames that are predicted from later ones."""
    path = tmp_path_factory.mktemp("h264") / "clip.mp4"
    return write_clip(path, encoder="libx264", options={"crf": "15", "g": "10", "bf": "2", "sc_threshold": "0"})


def shown(path, indices=None) -> list[int]:
    return [index_shown(frame.image) for frame in read_frames(path, indices)]


def test_a_video_is_probed(clip):
    codec = {"mp4": "mpeg4", "avi": "mjpeg", "webm": "vp8", "mkv": "h264"}[clip.suffix[1:]]
    assert media_kind(clip) == "video"
    assert probe(clip) == VideoInfo(FRAMES, 25.0, WIDTH, HEIGHT, codec, False)


def test_the_container_is_named_by_the_file_itself(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", GREY).rename(tmp_path / "clip.avi")
    assert (media_format(path), probe(path).codec) == ("MP4", "mpeg4")


def test_frames_are_counted_and_timed_where_the_container_declares_no_duration(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", [numbered(index) for index in range(7)])
    content = bytearray(path.read_bytes())
    duration = content.index(b"\x44\x89\x88")  # Matroska's element Duration, 8 bytes long ...
    content[duration] = 0xEC  # ... becomes Void, 9 bytes long
    path.write_bytes(content)
    assert (probe(path).frames, probe(path).cut_short) == (7, False)
    assert [frame.seconds for frame in read_frames(path)] == pytest.approx([index / RATE for index in range(7)])


def test_all_frames_come_in_order_with_their_times(clip):
    read = list(read_frames(clip))
    assert [frame.index for frame in read] == list(range(FRAMES))
    assert [index_shown(frame.image) for frame in read] == list(range(FRAMES))
    assert [frame.seconds for frame in read] == pytest.approx([index / RATE for index in range(FRAMES)])
    assert {frame.image.shape for frame in read} == {(HEIGHT, WIDTH, 3)}
    assert {(frame.image.dtype, frame.damaged) for frame in read} == {(np.dtype(np.uint8), False)}


def test_chosen_frames_are_exactly_those_of_a_full_read(clip):
    full = {frame.index: frame.image for frame in read_frames(clip)}
    wanted = [33, 1, 39, 17, 17, 18, 0]
    chosen = {frame.index: frame.image for frame in read_frames(clip, wanted)}
    assert list(chosen) == sorted(set(wanted))
    for index, image in chosen.items():
        np.testing.assert_array_equal(image, full[index])


def test_indices_past_the_end_are_left_out(clip):
    assert shown(clip, [38, 39, 40, 1000]) == [38, 39]
    assert list(read_frames(clip, [])) == []


def test_negative_indices_are_refused(clip):
    with pytest.raises(ValueError, match="found -1"):
        read_frames(clip, [-1])


def test_frames_that_an_edit_list_hides_do_not_count(h264, tmp_path):
    path = copy_clip(h264, tmp_path / "trimmed.mp4", lead_in=13)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == FRAMES  # what the header says
    info = probe(path)
    assert (info.frames, info.fps, info.cut_short) == (FRAMES - 13, 25.0, False)
    read = list(read_frames(path, expected=info.frames))
    assert [index_shown(frame.image) for frame in read] == list(range(13, FRAMES))
    assert (read[0].seconds, read[-1].seconds) == (0, pytest.approx(26 / RATE))
    assert not any(frame.damaged for frame in read)


def test_frames_of_varying_rate_have_the_times_of_the_stream(tmp_path):
    milliseconds = [index * 40 + (index > 20) * 2000 for index in range(FRAMES)]
    path = write_clip(tmp_path / "clip.mkv", milliseconds=milliseconds)
    info = probe(path)
    assert (info.frames, info.fps) == (FRAMES, pytest.approx(39 / 3.56))
    assert [frame.seconds for frame in read_frames(path)] == pytest.approx([each / 1000 for each in milliseconds])


def test_where_the_container_has_no_times_of_display_the_rate_gives_them(tmp_path):
    path = write_clip(tmp_path / "clip.avi", encoder="libx264", options={"bf": "2"})
    read = list(read_frames(path))
    assert [index_shown(frame.image) for frame in read] == list(range(FRAMES))
    assert [frame.seconds for frame in read] == pytest.approx([index / RATE for index in range(FRAMES)])


def test_times_of_a_transport_stream_start_at_its_first_frame(tmp_path, monkeypatch):
    for module in (video, video_stream):
        monkeypatch.setattr(module, "media_format", lambda path: "MPEG-TS")
    monkeypatch.setattr(video, "is_animation", lambda path: False)
    monkeypatch.setattr(video_stream, "media_kind", lambda path: "video")
    path = write_clip(tmp_path / "clip.ts", encoder="libx264", container="mpegts")
    with av.open(str(path)) as container:
        assert container.start_time > 0
    assert probe(path).frames == FRAMES
    assert [frame.seconds for frame in read_frames(path)] == pytest.approx([index / RATE for index in range(FRAMES)])


def test_times_in_avi_are_those_of_the_packets_where_the_declared_rate_is_another(tmp_path):
    times = [round(1000 / RATE) * index for index in range(FRAMES)]
    path = write_clip(tmp_path / "clip.avi", encoder="libx264", options={"bf": "2"}, milliseconds=times)
    read = list(read_frames(path))
    assert [index_shown(frame.image) for frame in read] == list(range(FRAMES))
    assert [frame.seconds for frame in read] == pytest.approx([index / RATE for index in range(FRAMES)], abs=1 / RATE)
    assert probe(path).fps == pytest.approx(RATE, rel=0.03)


def test_times_go_on_where_a_transport_stream_starts_anew(tmp_path):
    once = write_clip(tmp_path / "once.ts", encoder="mpeg2video", container="mpegts").read_bytes()
    path = tmp_path / "twice.ts"
    path.write_bytes(once * 2)
    read = list(read_frames(path))
    assert [frame.seconds for frame in read] == pytest.approx([index / RATE for index in range(2 * FRAMES)])
    assert probe(path).fps == pytest.approx(RATE, rel=0.02)


def test_a_transport_stream_without_a_single_key_frame_is_refused_in_words(tmp_path):
    options = {"x264-params": "keyint=1000:scenecut=0"}
    whole = write_clip(tmp_path / "whole.ts", encoder="libx264", container="mpegts", options=options).read_bytes()
    path = tmp_path / "late.ts"
    path.write_bytes(whole[: 188 * 2] + whole[188 * (len(whole) // 188 // 2) :])
    with pytest.raises(BadMediaError, match="no frame can be decoded"):
        probe(path)


def test_a_lead_in_that_cannot_be_decoded_is_a_miscount_and_no_damage(h264, tmp_path):
    path = copy_clip(h264, tmp_path / "late.mp4", without=range(4))  # the first key frame is among them
    promised = probe(path).frames
    with pytest.raises(MiscountError, match=f"expected {promised} frames, found 30") as error:
        list(read_frames(path, [0, promised - 1], expected=promised))
    assert (error.value.frames, error.value.lost) == (30, 0)
    read = list(read_frames(path, [0, 29], expected=30))
    assert [index_shown(frame.image) for frame in read] == [10, 39]
    assert (read[0].seconds, read[0].damaged, probe(path).cut_short) == (0, False, False)


def test_the_number_of_frames_is_verified_only_at_the_end(h264, tmp_path):
    assert len(list(read_frames(h264, [0, 5], expected=41))) == 2
    with pytest.raises(MiscountError):
        list(read_frames(h264, [0, 40], expected=41))
    with pytest.raises(MiscountError):
        list(read_frames(h264, [0, 38], expected=39))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi"])
def test_a_video_cut_short_says_so(tmp_path, suffix):
    path = write_clip(tmp_path / f"clip.{suffix}")
    if suffix == "mp4":
        path = copy_clip(path, tmp_path / "index_first.mp4", movflags="faststart")
    assert not probe(path).cut_short
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    info = probe(path)
    assert info.cut_short
    assert info.frames < FRAMES
    assert shown(path)[:15] == list(range(15))


def test_frames_that_are_lost_in_a_hole_of_the_file_are_counted(tmp_path):
    path = write_clip(tmp_path / "hole.mp4")
    with av.open(str(path)) as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    content[places[30] : places[35]] = bytes(places[35] - places[30])
    path.write_bytes(content)
    with pytest.raises(MiscountError) as error:
        list(read_frames(path, expected=probe(path).frames))
    assert (error.value.frames, error.value.lost) == (35, 5)


def test_damaged_frames_are_marked_up_to_the_next_key_frame(h264, tmp_path):
    content = bytearray(h264.read_bytes())
    with av.open(str(h264)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    start, size = packets[20]  # the third key frame
    content[start + size // 2 : start + size] = bytes(size - size // 2)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    read = list(read_frames(path))
    assert [frame.index for frame in read if frame.damaged] == list(range(20, 30))
    assert [index_shown(frame.image) for frame in read if not frame.damaged] == [*range(20), *range(30, 40)]


def test_a_damaged_file_gives_the_same_frames_each_time(h264, tmp_path):
    path = mutated(h264, tmp_path / "mutated.mp4", seed=1)
    readings = [list(read_frames(path)) for _ in range(4)]
    assert len(readings[0]) > 30
    assert any(frame.damaged for frame in readings[0])
    for reading in readings[1:]:
        assert [frame.damaged for frame in reading] == [frame.damaged for frame in readings[0]]
        assert all(np.array_equal(*pair) for pair in zip(_images(reading), _images(readings[0]), strict=True))


def test_pictures_of_motion_jpeg_that_are_damaged_are_lost(tmp_path):
    path = write_clip(tmp_path / "clip.avi", encoder="mjpeg", pixels="yuvj420p")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [packet.pos + packet.size // 2 for packet in container.demux(video=0) if packet.size]
    for number in (3, 30):
        content[places[number] : places[number] + 100] = b"\xff\xd8" * 50
    path.write_bytes(content)
    with pytest.raises(MiscountError) as error:
        list(read_frames(path, expected=probe(path).frames))
    assert (error.value.frames, error.value.lost) == (38, 2)
    assert shown(path) == [*range(3), *range(4, 30), *range(31, 40)]


def test_motion_jpeg_that_breaks_the_rules_in_every_picture_is_decoded(tmp_path):
    path = write_clip(tmp_path / "clip.avi", [numbered(1), numbered(2)], encoder="mjpeg", pixels="yuvj420p")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        ends = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for start, size in ends:
        content[start + size * 3 // 4 : start + size * 3 // 4 + 100] = b"\xff\xd8" * 50
    path.write_bytes(content)
    with video_stream.open_stream(path) as stream:
        assert not list(video_stream.FrameDecoder(stream))
    assert probe(path).frames == 2
    assert shown(path) == [1, 2]


def _images(frames: list[Frame]) -> list[np.ndarray]:
    return [frame.image for frame in frames]


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_file_is_read_or_refused(clip, tmp_path, seed):
    path = mutated(clip, tmp_path / clip.name, seed, count=200)
    with contextlib.suppress(BadMediaError):
        read = list(read_frames(path))
        assert len(read) <= FRAMES + 1
        assert all(frame.image.shape[2] == 3 for frame in read)


def test_an_mp4_without_its_index_is_refused_in_words(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])  # the index of an MP4 written in one go stands at its end
    with pytest.raises(BadMediaError, match="no video stream can be opened"):
        probe(path)


def test_garbage_after_the_header_is_refused_in_words(tmp_path):
    path = tmp_path / "garbage.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42" + np.random.default_rng(0).bytes(5000))
    for read in (probe, lambda path: list(read_frames(path))):
        with pytest.raises(BadMediaError, match=r"garbage\.mp4: no "):
            read(path)


@pytest.mark.parametrize("cover", [None, numbered(1)], ids=["plain", "with a cover"])
def test_sound_is_refused_in_words(tmp_path, cover):
    path = write_sound(tmp_path / "song.m4a", cover)
    for read in (probe, lambda path: list(read_frames(path))):
        with pytest.raises(BadMediaError, match="expected a video, found sound without video"):
            read(path)


def test_sound_with_a_cover_that_is_not_declared_as_one_is_refused_in_words(tmp_path):
    with pytest.raises(BadMediaError, match="expected a video, found sound without video"):
        probe(write_sound(tmp_path / "song.m4a", numbered(1), declared=False))


def test_a_list_of_other_files_is_not_followed(h264, tmp_path, monkeypatch):
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile {h264}\n")
    monkeypatch.setattr(video, "is_animation", lambda path: False)
    monkeypatch.setattr(video_stream, "media_kind", lambda path: "video")
    for container in video_stream.DEMUXERS:
        monkeypatch.setattr(video_stream, "media_format", lambda path, container=container: container)
        with pytest.raises(BadMediaError, match=r"list\.mp4: no video stream"):
            probe(path)


def test_a_broken_video_leaves_standard_error_empty(tmp_path):
    whole = write_clip(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "zeroed.mp4").write_bytes(whole[:3000] + bytes(len(whole) - 6000) + whole[-3000:])
    code = """if True:
        import sys
        from dfdetect_jax.errors import BadMediaError
        from dfdetect_jax.media.video import read_frames
        for path in sys.argv[1:]:
            try:
                print(len(list(read_frames(path))))
            except BadMediaError:
                print("refused")
    """
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "cut.mp4", tmp_path / "zeroed.mp4"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.split()[0] == "refused"
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads and open files by Linux's /proc")
def test_files_and_threads_are_given_back(clip, tmp_path):
    def held() -> list[int]:
        return [len(os.listdir(f"/proc/self/{what}")) for what in ("fd", "task")]

    broken = mutated(clip, tmp_path / clip.name, seed=0)
    before = held()
    for _ in range(3):
        next(read_frames(clip))  # and abandons the rest
        list(read_frames(broken, [0, 5]))
    assert all(now <= earlier for now, earlier in zip(held(), before, strict=True))


def test_a_few_frames_are_in_memory_at_a_time(clip):
    gc.collect()
    gc.disable()  # so that what references itself would stay
    try:
        frames = read_frames(clip)
        last = [next(frames).index for _ in range(30)][-1]
        held = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
    finally:
        gc.enable()
    assert held < 10 < last


def test_a_photograph_is_not_a_video(tmp_path):
    path = tmp_path / "photo.mp4"
    Image.fromarray(numbered(3)).save(path, format="PNG")
    with pytest.raises(BadMediaError, match="expected a video, found a photograph"):
        probe(path)


def test_the_frame_size_is_capped(tmp_path, monkeypatch):
    path = write_clip(tmp_path / "clip.mp4", GREY, sample_aspect_ratio=Fraction(2))
    for most, size in ((128 * 48 - 1, "128 x 48"), (256 * 48 - 1, "256 x 48")):
        monkeypatch.setattr(limits, "MAX_FRAME_PIXELS", most)
        for read in (probe, lambda path: list(read_frames(path))):
            with pytest.raises(BadMediaError, match=f"found {size};"):
                read(path)


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (Fraction(2), (256, 48)),
        (Fraction(1, 2), (128, 96)),
        (Fraction(64, 45), (182, 48)),
        (Fraction(1001, 1000), (128, 48)),
        (Fraction(100), (128, 48)),
    ],
)
def test_pixels_are_made_square_by_enlarging(tmp_path, aspect, size):
    path = write_clip(tmp_path / "clip.mp4", GREY, sample_aspect_ratio=aspect)
    assert probe(path)[2:4] == size
    assert {frame.image.shape for frame in read_frames(path)} == {(*size[::-1], 3)}


@pytest.fixture(scope="module")
def square(tmp_path_factory, astronaut):
    """The first frame of a clip with square pixels, and the face in it."""
    return frame_and_face(write_clip(tmp_path_factory.mktemp("square") / "clip.mp4", [astronaut] * 2))


def frame_and_face(path):
    image = next(read_frames(path)).image
    ((face,),) = load_face_detector("haar")([image])
    return image, face


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(("size", "aspect"), [((256, 512), Fraction(2)), ((512, 384), Fraction(3, 4))])
def test_a_face_in_anamorphic_pixels_has_the_crop_of_square_ones(tmp_path, astronaut, square, suffix, size, aspect):
    stored = cv2.resize(astronaut, size, interpolation=cv2.INTER_AREA)
    clip = write_clip(tmp_path / f"clip.{suffix}", [stored] * 2, ENCODERS[suffix], sample_aspect_ratio=aspect)
    (image, face), (square_image, square_face) = frame_and_face(clip), square
    np.testing.assert_allclose(face.box, square_face.box, atol=4)
    matrix = crop_matrix(square_face, Crop(size=64, align="box", face_detector="haar"))
    crop, expected = warp(image, matrix, 64), warp(square_image, matrix, 64)
    assert np.abs(crop.astype(int) - expected).mean() < 5


ONE = 0x10000
TURNED = {  # the display matrix's a, b, c, d (ISO/IEC 14496-12, 6.2.2), and what it does to a picture
    "a quarter clockwise": ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
    "a quarter counterclockwise": ((0, -1, 1, 0), lambda image: np.rot90(image)),
    "half": ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    "mirrored": ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda image: image[::-1]),
    "transposed": ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
}


@pytest.mark.parametrize("turn", TURNED)
def test_the_display_matrix_is_applied(tmp_path, turn):
    """A phone held upright stores frames lying down and a matrix that says how to turn them."""
    path = write_clip(tmp_path / "clip.mp4", [numbered(index) for index in range(2)])
    stored = [frame.image for frame in read_frames(path)]
    (a, b, c, d), turned = TURNED[turn]
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 8  # ISO/IEC 14496-12, 8.3.2: version 0
    assert int.from_bytes(content[matrix : matrix + 4], "big") == ONE
    values = (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 0x40000000)
    content[matrix : matrix + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in values)
    path.write_bytes(content)
    assert probe(path)[2:4] == turned(stored[0]).shape[1::-1]
    for frame in read_frames(path):
        np.testing.assert_array_equal(frame.image, turned(stored[frame.index]))


def flat(y: int, u: int, v: int, pixels: str = "yuv420p") -> list[av.VideoFrame]:
    """A frame of one colour, by its stored values."""
    bits = 10 if pixels.endswith("10le") else 8
    frame = av.VideoFrame(64, 48, pixels)
    for plane, value in zip(frame.planes, (y, u, v), strict=True):
        kind = np.uint8 if bits == 8 else np.uint16
        plane.update(np.full(plane.buffer_size // kind().itemsize, value, kind).tobytes())
    return [frame]


def colour_of(path) -> list[int]:
    """The colour of the only frame's middle."""
    (frame,) = read_frames(path)
    return frame.image[24, 32].tolist()


LOSSLESS = {"encoder": "libx264", "options": {"qp": "1"}}


@pytest.mark.parametrize(
    ("matrix", "full", "expected"),  # by hand: ITU-R BT.601-7, BT.709-6 and BT.2020-2 for Y 120, Cb 110, Cr 170
    [
        (Colorspace.ITU601, False, (188, 94, 85)),
        (Colorspace.ITU709, False, (196, 102, 83)),
        (None, False, (188, 94, 85)),  # undeclared: as BT.601
        (Colorspace.ITU601, True, (179, 96, 88)),
    ],
)
def test_matrix_and_range_are_undone_as_declared(tmp_path, matrix, full, expected):
    declared = {"color_range": ColorRange.JPEG if full else ColorRange.MPEG}
    if matrix is not None:
        declared["colorspace"] = 6 if matrix == Colorspace.ITU601 else 1  # ITU-T H.273, table 4
    path = write_clip(tmp_path / "clip.mp4", flat(120, 110, 170), **LOSSLESS, **declared)
    np.testing.assert_allclose(colour_of(path), expected, atol=2)


def test_ten_bits_are_reduced_to_eight(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", flat(480, 440, 680, "yuv420p10le"), pixels="yuv420p10le", **LOSSLESS)
    np.testing.assert_allclose(colour_of(path), (188, 94, 85), atol=2)


@pytest.mark.parametrize(
    ("transfer", "luma", "expected"),
    # BT.2100's limited range of 10 bits, and by hand: light by table 4 or 5, BT.2390's EETF to 100 cd/m2, BT.1886
    [(ColorTrc.ARIB_STD_B67, 721, 242), (ColorTrc.SMPTE2084, 573, 242), (ColorTrc.BT2020_10, 502, 128)],
)
def test_high_dynamic_range_and_wide_gamut_become_sdr(tmp_path, transfer, luma, expected):
    path = write_clip(
        tmp_path / "clip.mp4",
        flat(luma, 512, 512, "yuv420p10le"),
        pixels="yuv420p10le",
        color_trc=transfer,
        color_primaries=ColorPrimaries.BT2020,
        colorspace=9,  # ITU-T H.273, table 4: BT.2020, non-constant luminance
        **LOSSLESS,
    )
    np.testing.assert_allclose(colour_of(path), [expected] * 3, atol=2)


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [(10, 3, [0, 4, 9]), (5, 5, [0, 1, 2, 3, 4]), (3, 32, [0, 1, 2]), (0, 4, []), (100, 1, [0])],
)
def test_frames_are_spread_evenly(total, count, expected):
    assert evenly_spaced(total, count) == expected


def test_spread_frames_never_repeat():
    for total in range(1, 80):
        for count in range(1, total + 3):
            indices = evenly_spaced(total, count)
            assert len(set(indices)) == len(indices) == min(total, count)


def test_at_least_one_frame_must_be_requested():
    with pytest.raises(SettingsError, match="at least 1"):
        evenly_spaced(10, 0)
