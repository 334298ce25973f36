"""Images per second from records to metrics, and seconds from scores to metrics with intervals.

    python benchmarks/evaluate.py --images 2000 [--size 96] [--json FILE]           end to end, an untrained CAE
    python benchmarks/evaluate.py [--frames 100000] [--resamples 1000] [--json FILE]

The scores are synthetic: per person equal numbers of clips of every class (real, each forgery), 50 frames a clip or
single photographs; logits depend on the label, with offsets shared by the frames of a person and of a clip. The timed
function is `summary.summarize`: every metric of frames, of videos and of each forgery against all reals, under the same
bootstrap resamples of people.

End to end, the crops are those of the embedded set, and the CAE that of `configs/cae.py`, with random weights.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import measure
import numpy as np

from dfdetect_jax import methods
from dfdetect_jax.config import CAESettings, Crop, check, override
from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.prepare.preparation import prepare
from dfdetect_jax.data.records import Records, read_manifest
from dfdetect_jax.evaluation.measure import measure_run
from dfdetect_jax.evaluation.metrics import frame_scores, summary
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS, Resampling
from dfdetect_jax.evaluation.prepared_split import PreparedSplit
from dfdetect_jax.run.folder import Run

_FRAMES_PER_CLIP = 50
_METHODS = ("", "Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")


def score_table(frames: int, people: int, frames_per_clip: int, seed: int = 0) -> frame_scores.FrameScores:
    """About `frames` synthetic rows: `people` with equal numbers of clips of every class."""
    rng = np.random.default_rng(seed)
    clips = max(1, round(frames / (people * len(_METHODS) * frames_per_clip)))
    shape = (people, len(_METHODS), clips, frames_per_clip)
    person, method, clip, frame = (place.ravel() for place in np.indices(shape))
    shifts = 0.7 * rng.normal(size=(people, 1, 1, 1)) + 0.7 * rng.normal(size=shape[:3])[..., None]
    logits = shifts + rng.normal(size=shape) + 1.5 * np.sign(np.arange(len(_METHODS)))[:, None, None]
    names = np.array(_METHODS)[method]
    return frame_scores.from_columns(
        {
            "dataset": ["made"] * person.size,
            "split": ["test"] * person.size,
            "forgery": names,
            "video": [_clip_name(*place) for place in zip(names, person, clip, strict=True)],
            "identity": [f"{p:05d}" for p in person],
            "frame": frame,
            "label": names != "",
            "score": 1 / (1 + np.exp(-logits.ravel())),
        }
    )


def _clip_name(method: str, person: int, clip: int) -> str:
    return f"{method}/{person:05d}_{clip:03d}_swap" if method else f"original/{person:05d}_{clip:03d}"


def bootstrap_rows(frames: int, resamples: int) -> list[measure.Row]:
    """Seconds to sum up `frames` scores with `resamples`: few people with many clips, many with one, photographs."""
    rows, kinds = [], len(_METHODS)
    cases = ((50, _FRAMES_PER_CLIP), (frames // (kinds * _FRAMES_PER_CLIP), _FRAMES_PER_CLIP), (frames // kinds, 1))
    for people, frames_per_clip in cases:
        table = score_table(frames, max(people, 1), frames_per_clip)

        def sum_up(count: int, table: frame_scores.FrameScores = table) -> summary.SplitMetrics:
            resampling = Resampling(resamples=count)
            return summary.summarize(table, 0.5, _METHODS[1:], temperature=1.5, resampling=resampling)

        taken = measure.take_turns({"figures": lambda: sum_up(0), "intervals": lambda: sum_up(resamples)}, 1, warmup=0)
        count = sum_up(0).video.n
        rows.append(
            {
                "scores": f"{len(table)} frames, {count} videos, {people} people",
                "figures, s": taken["figures"][0].clock,
                f"with {resamples} resamples, s": taken["intervals"][0].clock,
                "processor, s": taken["intervals"][0].processor,
            }
        )
    return rows


def end_to_end_rows(images: int, size: int) -> list[measure.Row]:
    """Images per second from records on disk to the report's metrics, and of its parts, for an untrained CAE."""
    values = {"data.image_size": size, "model.width": 0.25, "model.middle_blocks": 2}
    settings = check(override(CAESettings(), values | {"model.decoder_widths": (512, 256, 128, 64)}))
    variables = jax.jit(methods.build(settings).init)(jax.random.key(0)).variables
    with tempfile.TemporaryDirectory() as home:
        folder = prepare("forge", None, home, Crop(size=size), images=images, log=lambda line: None)
        manifest = read_manifest(folder)
        run = Run(
            folder=Path(home),
            settings=settings,
            variables=variables,
            crop=manifest.crop,
            threshold=0.5,
            seen=(),
            info={"data": {"folder": str(folder), "fingerprint": manifest.fingerprint}, "checkpoint": {"step": 0}},
        )
        data = [PreparedSplit(key="forge:train", folder=folder, split="train")]
        count = len(Records(folder, "train"))
        in_memory = np.concatenate([batch["image"] for batch in batches_of(folder, size)])[:count]
        arms = {
            "records to batches": lambda: [None for _ in batches_of(folder, size)],
            "the network": lambda: run.score(in_memory),
            "end to end": lambda: measure_run(run, data, NO_INTERVALS),
            "end to end, 1000 resamples": lambda: measure_run(run, data),
        }
        taken = {name: measure.medians(found) for name, found in measure.take_turns(arms, 3).items()}
    return [
        {"what": name, "images": str(count), "seconds": found.clock, "images/s": count / found.clock}
        for name, found in taken.items()
    ]


def batches_of(folder: Path, size: int) -> Iterator[dict]:
    return iter(eval_batches(folder, "train", batch_size=32, image_size=size))


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = measure.command_line(__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=100_000, help="rows of the score table")
    parser.add_argument("--resamples", type=int, default=1000, help="resamples of people")
    parser.add_argument(
        "--images", type=int, default=0, help="measure from records to metrics, on this number of crops"
    )
    parser.add_argument("--size", type=int, default=96, help="side of those crops, pixels (%(default)s)")
    return parser.parse_args()


def main() -> None:
    """Measures and reports."""
    args = parsed()
    where = measure.environment("numpy", "scipy", "jax", "grain")
    if args.images:
        notes = ["records are raw; decoding overlaps with the network; each arm three times, medians"]
        measure.report(f"evaluate, {args.size} px", where, end_to_end_rows(args.images, args.size), notes, args.json)
        return
    notes = [
        f"all metrics of frames, videos and {len(_METHODS) - 1} forgeries against all reals, under the same resamples"
    ]
    measure.report("scores to figures", where, bootstrap_rows(args.frames, args.resamples), notes, args.json)


if __name__ == "__main__":
    main()
