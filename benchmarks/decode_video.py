"""OpenCV and PyAV as decoders of the same clips, and this library's frames beside those of ffmpeg itself.

    python benchmarks/decode_video.py [CLIP ...] [--rounds 3] [--mutated 12] [--json FILE]
    python benchmarks/decode_video.py --encodings [--json FILE]
    python benchmarks/decode_video.py --long [CLIP ...] [--minutes 10] [--rounds 3] [--json FILE]

The first command reads each clip as a whole and 32 frames of it, with OpenCV as this library did before, and with PyAV
by one thread, as now, by threads within a frame and by threads over frames. Without CLIP, clips are encoded of a
test picture. Peak memory is that of a process that reads the clip and nothing else. A mutated clip has 200
bytes of other values; it is read three times by a process of its own, since a decoder may crash.

The second command makes 20 clips as phones, cameras and the web do and compares all frames and times with those of
ffmpeg. Of HLG, PQ and BT.2020 the light is ffmpeg's (zimg); its reduction to SDR is worked out here from BT.2390.

The third command reads 32 frames of a long clip as `predict` does, from `probe` on, in processes of their own:
everything decoded, and only what the frames depend on, by one thread and by one per processor. The frames have to be
the same. Without CLIP, a clip of 720p and 30 frames/s is made by repeating a minute that x264 encodes, with a key frame
every 250 frames at least.

ffmpeg is the program that the package imageio-ffmpeg carries.
"""

import collections
import functools
import itertools
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import measure
import numpy as np
from decode_video_worker import DECODERS, FRAMES, Mutation, Pictures, Reading
from video_encodings import by_ffmpeg, compare_encodings, ffmpeg

from dfdetect_jax.devices.host import processors
from dfdetect_jax.media.video import probe

_MUTATED_BYTES = 200


def in_a_process(path: Path, decoder: str, mode: str) -> bytes | None:
    """The output of the worker; None if it crashed or hangs."""
    command = [sys.executable, str(Path(__file__).with_name("decode_video_worker.py")), str(path), decoder, mode]
    try:
        ended = subprocess.run(command, capture_output=True, timeout=300)
    except subprocess.TimeoutExpired:
        return None
    return ended.stdout if ended.returncode == 0 else None


def mutated(path: Path, folder: Path, seed: int) -> Path:
    """A copy of a clip with other values in its middle part."""
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    generator = np.random.default_rng(seed)
    places = generator.integers(len(content) // 20, len(content) * 19 // 20, _MUTATED_BYTES)
    content[places] = generator.integers(0, 256, _MUTATED_BYTES)
    copy = folder / f"{seed}{path.suffix}"
    copy.write_bytes(content.tobytes())
    return copy


def compare_decoders(clips: list[Path], rounds: int, copies: int, folder: Path) -> list[measure.Row]:
    """A row of each clip and decoder."""
    rows: list[measure.Row] = []
    for clip in clips:
        info = probe(clip)
        name = f"{clip.stem} ({info.codec}, {info.width}x{info.height}, {info.frames} frames)"
        whole, some = (measure.take_turns(readings(clip, count), rounds) for count in (0, FRAMES))
        for decoder in DECODERS:
            all_frames, some_frames = measure.medians(whole[decoder]), measure.medians(some[decoder])
            memory = in_a_process(clip, decoder, "memory")
            rows.append(
                {
                    "clip": name,
                    "decoder": decoder,
                    "equal to ffmpeg's": equality(clip, decoder, (info.height, info.width)),
                    "frames/s, all": info.frames / all_frames.clock,
                    f"clips/s, {FRAMES} frames": 1 / some_frames.clock,
                    "CPU s/clip": some_frames.processor,
                    "peak MB": json.loads(memory) if memory else None,
                    **resistance(clip, decoder, copies, folder),
                }
            )
    return rows


def readings(clip: Path, count: int) -> dict[str, Callable[[], object]]:
    """Reads a clip by each decoder and keeps nothing."""

    def consume(read: Callable[[Path, int], Pictures]) -> None:
        collections.deque(read(clip, count), maxlen=0)

    return {name: functools.partial(consume, read) for name, read in DECODERS.items()}


def equality(clip: Path, decoder: str, shape: tuple[int, int]) -> str:
    """How many frames equal ffmpeg's, of how many of ffmpeg's."""
    pairs = itertools.zip_longest(DECODERS[decoder](clip, 0), by_ffmpeg(clip, shape))
    equal = [ours is not None and np.array_equal(ours[0], theirs) for ours, theirs in pairs if theirs is not None]
    return f"{sum(equal)} of {len(equal)}"


def resistance(clip: Path, decoder: str, copies: int, folder: Path) -> measure.Row:
    """What a decoder makes of mutated copies."""
    outputs = [in_a_process(mutated(clip, folder, seed), decoder, "mutated") for seed in range(copies)]
    read = [Mutation(*json.loads(output)) for output in outputs if output]
    return {
        "crashed": f"{copies - len(read)} of {copies}",
        "same each time": f"{sum(each.same for each in read)} of {copies}",
        "damage reported": f"{sum(each.damaged for each in read)} of {copies}",
    }


def made_clips(folder: Path, seconds: int) -> list[Path]:
    """Clips of ffmpeg's moving test picture with noise."""
    kinds = {
        "web-480p.mp4": ("854x480", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        "web-1080p.mp4": ("1920x1080", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        "phone-1080p.mov": ("1920x1080", "-c:v", "libx265", "-tag:v", "hvc1", "-x265-params", "log-level=error"),
        "web-720p.webm": ("1280x720", "-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "2M"),
    }
    for name, (size, *options) in kinds.items():
        source = f"testsrc2=size={size}:rate=30:duration={seconds},noise=alls=12:allf=t"
        ffmpeg("-f", "lavfi", "-i", source, *options, folder / name)
    return [folder / name for name in kinds]


def long_clip(folder: Path, minutes: float) -> Path:
    """A minute of a moving test picture with noise, 720p, about 2.5 Mbit/s, repeated; less of it for less."""
    source = f"testsrc2=size=1280x720:rate=30:duration={60 * min(1, minutes)},noise=alls=6:allf=t"
    once, clip = folder / "minute.mp4", folder / f"{minutes:g}-minutes.mp4"
    ffmpeg(
        "-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "fast", "-b:v", "2500k", "-pix_fmt", "yuv420p", once
    )
    ffmpeg("-stream_loop", max(0, int(minutes) - 1), "-i", once, "-c", "copy", clip)
    return clip


def compare_readings(clips: list[Path], rounds: int) -> list[measure.Row]:
    """A row of each clip and way of reading some of its frames."""
    rows: list[measure.Row] = []
    for clip in clips:
        ways = {"everything": [], "what is needed, 1 thread": [], f"what is needed, {processors()} threads": []}
        for _ in range(rounds):
            for name, mode in zip(ways, ("everything", "1", str(processors())), strict=True):
                output = in_a_process(clip, "library", mode)
                if output is None:
                    raise RuntimeError(f"{clip}: expected frames, found a process that ended with an error or hangs")
                ways[name].append(Reading(*json.loads(output)))
        digests = {reading.digest for readings in ways.values() for reading in readings}
        for name, readings in ways.items():
            clock, used, peak = np.median([reading[:3] for reading in readings], axis=0).tolist()
            row = {"clip": clip.stem, "decoded": name, f"s, {FRAMES} frames": clock, "CPU s": used, "peak MB": peak}
            rows.append({**row, "same frames": "yes" if len(digests) == 1 else "NO"})
    return rows


def main() -> None:
    parser = measure.command_line(__doc__.partition("\n")[0])
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP")
    parser.add_argument("--rounds", type=int, default=3, help="timed readings of each clip by each decoder")
    parser.add_argument("--seconds", type=int, default=10, help="length of the clips that are made without CLIP")
    parser.add_argument("--mutated", type=int, default=12, help="mutated copies of each clip")
    parser.add_argument("--long", action="store_true", help="read 32 frames of a long clip instead")
    parser.add_argument("--minutes", type=float, default=10, help="length of the long clip that is made without CLIP")
    parser.add_argument("--encodings", action="store_true", help="compare 20 encodings with ffmpeg instead")
    arguments = parser.parse_args()
    where = {**measure.environment("av", "opencv-python-headless"), "ffmpeg": imageio_ffmpeg.get_ffmpeg_version()}
    with tempfile.TemporaryDirectory() as folder:
        if arguments.encodings:
            rows, title = compare_encodings(Path(folder)), "frames beside ffmpeg's"
            notes = ["differences are of 8-bit values"]
        elif arguments.long:
            clips = arguments.clips or [long_clip(Path(folder), arguments.minutes)]
            rows, title = compare_readings(clips, arguments.rounds), f"{FRAMES} frames of a long clip"
            notes = ["seconds are from opening to the last frame, with counting the frames, without imports"]
        else:
            clips = arguments.clips or made_clips(Path(folder), arguments.seconds)
            rows = compare_decoders(clips, arguments.rounds, arguments.mutated, Path(folder))
            title, notes = "decoders of video", [f"mutated: {_MUTATED_BYTES} bytes; read three times"]
        measure.report(title, where, rows, notes, arguments.json)


if __name__ == "__main__":
    main()
