import av
import pytest

from dfdetect_jax.media.packet_table import read_table
from dfdetect_jax.media.video_stream import open_stream
from tests.media.clips import FRAMES, copy_clip, numbered, write_clip

GROUPS_OF_10 = {"g": "10", "bf": "2", "sc_threshold": "0"}


def table_of(path):
    with open_stream(path) as stream:
        return read_table(stream)


@pytest.fixture(scope="module")
def h264(tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "clip.mp4"
    return write_clip(path, encoder="libx264", options=GROUPS_OF_10)


def entries(table) -> list[int]:
    return [number for number, entry in enumerate(table.entries) if entry]


def test_all_packets_are_in_the_table(h264):
    table = table_of(h264)
    with av.open(str(h264)) as container:
        packets = [(each.pts, each.dts, each.size, True) for each in container.demux(video=0) if each.size]
    assert list(zip(table.stamps, table.decoded_at, table.sizes, table.shown, strict=True)) == packets
    assert entries(table) == [0, 10, 20, 30]


def test_a_key_frame_of_an_open_group_of_h264_is_no_entry(tmp_path):
    options = {"x264-params": "keyint=10:open-gop=1:bframes=2:scenecut=0"}
    path = write_clip(tmp_path / "open.mkv", encoder="libx264", options=options)
    with av.open(str(path)) as container:
        assert sum(each.is_keyframe for each in container.demux(video=0)) > 3  # as the container marks them
    assert entries(table_of(path)) == [0]


def test_frames_that_an_edit_list_hides_are_not_displayed(h264, tmp_path):
    table = table_of(copy_clip(h264, tmp_path / "trimmed.mp4", lead_in=13))
    assert (sum(table.shown), len(table.shown)) == (FRAMES - 13, FRAMES - 10)  # the first group is left out


def test_temporal_layers_are_told(tmp_path):
    layers = {"x265-params": "log-level=error:keyint=10:temporal-layers=2", "preset": "ultrafast"}
    for parameters, layered in ((layers, True), ({**layers, "x265-params": "log-level=error:keyint=10"}, False)):
        path = write_clip(tmp_path / f"{layered}.mp4", encoder="libx265", options=parameters)
        assert table_of(path).layered == layered


def hole(path, content):
    with av.open(str(path)) as container:
        places = [(each.pos, each.size) for each in container.demux(video=0) if each.size]
    start, size = places[5]
    return content[:start] + bytes(size) + content[start + size :]


def test_a_file_with_a_hole_has_no_table(h264, tmp_path):
    path = tmp_path / "hole.mp4"
    path.write_bytes(hole(h264, h264.read_bytes()))
    assert table_of(path) is None


def test_a_file_without_its_first_key_frame_has_no_table(h264, tmp_path):
    assert table_of(copy_clip(h264, tmp_path / "late.mp4", without=range(4))) is None


def test_a_transport_stream_that_starts_anew_has_no_table(tmp_path):
    once = write_clip(tmp_path / "once.ts", encoder="libx264", container="mpegts", options=GROUPS_OF_10)
    assert len(table_of(once).stamps) == FRAMES
    twice = tmp_path / "twice.ts"
    twice.write_bytes(once.read_bytes() * 2)
    assert table_of(twice) is None


def test_parameter_sets_that_change_have_no_table(tmp_path):
    def coded(path, cabac):
        options = {"x264-params": f"cabac={cabac}"}
        return write_clip(path, [numbered(3)] * 5, "libx264", container="mpegts", options=options)

    plain, other = (coded(tmp_path / f"{cabac}.ts", cabac) for cabac in (0, 1))
    with av.open(str(plain)) as one, av.open(str(other)) as two, av.open(str(tmp_path / "both.ts"), "w") as both:
        stream = both.add_stream_from_template(one.streams.video[0])
        for shift, source in ((0, one), (900_000, two)):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    both.mux(packet)
    assert table_of(plain) is not None
    assert table_of(tmp_path / "both.ts") is None


@pytest.mark.parametrize(("suffix", "encoder"), [("avi", "mpeg4"), ("webm", "libvpx"), ("ts", "mpeg2video")])
def test_other_containers_and_codecs_have_no_table(tmp_path, suffix, encoder):
    path = write_clip(tmp_path / f"clip.{suffix}", encoder=encoder, container="mpegts" if suffix == "ts" else None)
    assert table_of(path) is None
