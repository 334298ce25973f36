"""20 encodings as phones, cameras and the web make them, decoded by this library and by ffmpeg itself.

ffmpeg is the program that the package imageio-ffmpeg carries.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg
import measure
import numpy as np

from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.video import probe, read_frames


class Encoding(NamedTuple):
    """How a clip is made.

    Attributes:
        name: for the table.
        file: name of the file.
        options: of ffmpeg, for encoding.
        filters: of ffmpeg, for encoding.
        again: options of a second ffmpeg that copies the streams, before and after its input; None without.
        shown: filters that ffmpeg needs to show the clip as this library does; it turns clips by itself.
        hdr: whether ffmpeg gives light, which is then reduced here.
    """

    name: str
    file: str
    options: str
    filters: str = "null"
    again: tuple[str, str] | None = None
    shown: str = "null"
    hdr: bool = False


_BT709 = "-colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv"
_TO_BT709 = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
_X264 = "-c:v libx264 -pix_fmt yuv420p"
_X265 = "-c:v libx265 -tag:v hvc1 -preset fast -x265-params log-level=error"
_HDR = f"{_X265} -colorspace bt2020nc -color_primaries bt2020 -color_range tv"
_TO_HLG = "zscale=min=709:tin=709:pin=709:m=2020_ncl:p=2020:t=arib-std-b67:npl=203,format=yuv420p10le"
_TO_PQ = "zscale=min=709:tin=709:pin=709:m=2020_ncl:p=2020:t=smpte2084:npl=203,format=yuv420p10le"
_LIGHT = "format=rgb48le,format=gbrp16le,zscale=t=linear:p=709:npl=100:agamma=false,format=gbrpf32le"
_VARIABLE = "select='lt(mod(n*n,7),4)'"

ENCODINGS = (
    Encoding("phone, H.264, BT.709", "a.mp4", f"-c:v libx264 {_BT709} -movflags +faststart", _TO_BT709),
    Encoding("phone held upright", "b.mp4", _X264, again=("-display_rotation 90", "")),
    Encoding("phone upside down, MOV", "c.mov", _X264, again=("-display_rotation 180", "")),
    Encoding("phone's front camera, mirrored", "d.mp4", _X264, again=("-display_hflip", "")),
    Encoding("phone, variable rate", "e.mp4", f"{_X264} -fps_mode vfr", _VARIABLE),
    Encoding("phone, HEVC", "f.mov", f"{_X265} -pix_fmt yuv420p"),
    Encoding("phone, HEVC, 10 bits, SDR", "g.mp4", f"{_X265} {_BT709}", f"{_TO_BT709[:-7]}yuv420p10le"),
    Encoding("phone, HEVC, HLG", "h.mov", f"{_HDR} -color_trc arib-std-b67", _TO_HLG, shown=_LIGHT, hdr=True),
    Encoding("phone, HEVC, PQ", "i.mp4", f"{_HDR} -color_trc smpte2084", _TO_PQ, shown=_LIGHT, hdr=True),
    Encoding("messenger, H.264, full range", "j.mp4", "-c:v libx264 -pix_fmt yuvj420p"),
    Encoding("web, VP9", "k.webm", "-c:v libvpx-vp9 -cpu-used 8 -b:v 1M -pix_fmt yuv420p"),
    Encoding("web, VP8, variable rate", "l.webm", "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -b:v 1M", _VARIABLE),
    Encoding("web, AV1", "m.mp4", "-c:v libsvtav1 -preset 12 -svtav1-params lp=1 -pix_fmt yuv420p"),
    Encoding("web, AV1, 10 bits", "n.webm", "-c:v libsvtav1 -preset 12 -svtav1-params lp=1 -pix_fmt yuv420p10le"),
    Encoding("web, H.264 in fragments", "o.mp4", f"{_X264} -g 15 -movflags +frag_keyframe+empty_moov"),
    Encoding("screen, H.264, Matroska", "p.mkv", f"{_X264} -fps_mode vfr", _VARIABLE),
    Encoding("trimmed without encoding", "q.mp4", f"{_X264} -g 60", again=("-ss 0.7", "")),
    Encoding(
        "DVD's pixels, H.264",
        "r.mp4",
        _X264,
        "setsar=64/45",
        shown="format=rgb24,scale=455:240:flags=bicubic",
    ),
    Encoding("camera, MJPEG, AVI", "s.avi", "-c:v mjpeg -pix_fmt yuvj420p -q:v 3"),
    Encoding("old, MPEG-4 with B frames, AVI", "t.avi", "-c:v mpeg4 -vtag XVID -bf 2 -q:v 3 -pix_fmt yuv420p"),
)


def make(encoding: Encoding, folder: Path) -> Path:
    """Encodes a second and a half of ffmpeg's test picture."""
    path, source = folder / encoding.file, "testsrc2=size=320x240:rate=30:duration=1.5,noise=alls=8:allf=t"
    ffmpeg("-f", "lavfi", "-i", source, "-vf", encoding.filters, *encoding.options.split(), path)
    if encoding.again:
        before, after = encoding.again
        copy = path.with_stem(f"{path.stem}-copy")
        ffmpeg(*before.split(), "-i", path, "-c", "copy", *after.split(), copy)
        return copy
    return path


def shown_by_ffmpeg(encoding: Encoding, path: Path, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    """All frames by ffmpeg, uint8 [H, W, 3]."""
    if not encoding.hdr:
        yield from by_ffmpeg(path, shape, encoding.shown)
        return
    for light in by_ffmpeg(path, shape, encoding.shown, "gbrpf32le"):  # 1 is 100 cd/m2
        luminance = np.maximum(light @ np.float32([0.2126, 0.7152, 0.0722]), 1e-9)
        shown = np.clip(light * (roll_off(100 * luminance) / 100 / luminance)[..., None], 0, 1) ** (1 / 2.4)
        yield np.round(255 * shown).astype(np.uint8)


def roll_off(light: np.ndarray) -> np.ndarray:
    """ITU-R BT.2390-11, section 5.4.1, from 1,000 to 100 cd/m2, written apart from the library's."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    y = np.minimum(light, 1000) / 10_000
    e1 = ((c1 + c2 * y**m1) / (1 + c3 * y**m1)) ** m2 / 0.751827
    t = (e1 - 0.513688) / (1 - 0.513688)
    spline = (2 * t**3 - 3 * t**2 + 1) * 0.513688 + (t**3 - 2 * t**2 + t) * 0.486312 + (-2 * t**3 + 3 * t**2) * 0.675792
    power = (np.where(e1 < 0.513688, e1, spline) * 0.751827) ** (1 / m2)
    return 10_000 * (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def compare_encodings(folder: Path) -> list[measure.Row]:
    """A row of each encoding: frames and times of this library beside those of ffmpeg."""
    rows: list[measure.Row] = []
    for encoding in ENCODINGS:
        path = make(encoding, folder)
        info, ours = probe(path), list(read_frames(path))
        theirs, times = list(shown_by_ffmpeg(encoding, path, (info.height, info.width))), times_by_ffmpeg(path)
        pairs = list(zip(ours, theirs, strict=False))
        chosen = list(read_frames(path, range(0, len(ours), 3), expected=info.frames, threads=2))
        apart = [np.abs(frame.image.astype(int) - other) for frame, other in pairs]
        late = [abs(frame.seconds - time) for frame, time in zip(ours, times, strict=False)]
        rows.append(
            {
                "encoding": encoding.name,
                "file": f"{info.codec}, {path.suffix[1:]}, {info.width}x{info.height}",
                "frames": len(ours),
                "ffmpeg's": len(theirs),
                "promised": info.frames,
                "chosen equal": sum(frame_equality(frame, ours[frame.index]) for frame in chosen) / len(chosen),
                "largest difference": float(max(each.max() for each in apart)),
                "mean difference": float(np.mean([each.mean() for each in apart])),
                "largest in seconds": max(late),
                "damage": float(sum(frame.damaged for frame in ours) + info.cut_short),
            }
        )
    return rows


def ffmpeg(*arguments: object) -> bytes:
    """What ffmpeg writes to its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def by_ffmpeg(path: Path, shape: tuple[int, int], filters: str = "null", pixels: str = "rgb24") -> Iterator[np.ndarray]:
    """All frames of a clip, uint8 [H, W, 3] for rgb24, float32 [H, W, 3] for gbrpf32le."""
    planar, size = pixels == "gbrpf32le", shape[0] * shape[1] * 3 * (4 if pixels == "gbrpf32le" else 1)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-i", str(path), "-fps_mode", "passthrough"]
    command += ["-vf", filters, "-f", "rawvideo", "-pix_fmt", pixels, "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        while running.stdout and (raw := running.stdout.read(size)):
            if planar:
                yield np.frombuffer(raw, np.float32).reshape(3, *shape)[[2, 0, 1]].transpose(1, 2, 0)
            else:
                yield np.frombuffer(raw, np.uint8).reshape(*shape, 3)


def times_by_ffmpeg(path: Path) -> list[float]:
    """Seconds of all frames, from the first one on."""
    lines = ffmpeg(
        "-i", path, "-an", "-fps_mode", "passthrough", "-enc_time_base", "demux", "-f", "framecrc", "-"
    ).decode()
    numerator, denominator = next(line for line in lines.splitlines() if line.startswith("#tb")).split()[-1].split("/")
    stamps = [int(line.split(",")[2]) for line in lines.splitlines() if not line.startswith("#")]
    return [(stamp - stamps[0]) * int(numerator) / int(denominator) for stamp in stamps]


def frame_equality(one: Frame, other: Frame) -> bool:
    """Whether two frames are the same in all."""
    return one[:2] == other[:2] and one.damaged == other.damaged and np.array_equal(one.image, other.image)
