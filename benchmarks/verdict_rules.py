"""Rules that make one verdict of many faces: false alarms on reals and misses on fakes, before and after each part.

    python benchmarks/verdict_rules.py --run RUN --reals CLIP... --fakes CLIP... --crowd PHOTO... [--json FILE]

Clips are scored as they are, with cuts (the picture jumps every four frames), zoomed (every other four frames twice as
large) and in a crowd (eight real photographs of faces beside it). The rules:

    one track     of 0.1.0: tracks of boxes; those in a quarter of the longest one's frames decide; the highest mean
    doubt         size, confidence and time weigh; doubtful faces don't decide
    people        and tracks that look alike are one person
    number        and the highest score is lowered for the number of people: the rule in use

Thresholds are the run's own for a false alarm rate of 20%, 5% and 1% on validation's reals. The second table takes the
test split's scores of `evaluate`, in RUN/report/scores.csv, in groups of so many faces, as group photographs do.
"""

import argparse
import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import measure
import numpy as np

from dfdetect_jax import files
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.media.face import Face, track
from dfdetect_jax.media.frame import Frame
from dfdetect_jax.media.image import read_image
from dfdetect_jax.media.video import evenly_spaced, probe, read_frames
from dfdetect_jax.run.folder import Run, open_run
from dfdetect_jax.scoring.decision import DecisionRule, decision_rule
from dfdetect_jax.scoring.face_crops import crop_frame
from dfdetect_jax.scoring.people import FrameFaces, doubt, people_in, person_score

RATES = (0.2, 0.05, 0.01)
HEIGHT, FRAMES, SHOT = 540, 32, 4  # pixels; frames of a segment; frames between cuts
GROUPS = (1, 2, 5, 10, 20)


class Segment(NamedTuple):
    """Scored faces of a part of a clip."""

    frames: list[FrameFaces]
    score_of: dict[Face, float]
    appearance_of: dict[Face, np.ndarray]


def main() -> None:
    args = parse()
    keep_freed_memory()
    run = open_run(args.run)
    rules = {rate: decision_rule(run, rate) for rate in RATES}
    crowd = [cv2.resize(read_image(path), (128, 128)) for path in args.crowd[:8]]
    rows = []
    for label, clips in (("real", args.reals), ("fake", args.fakes)):
        for clip in clips:
            for images in segments(clip, args.segments):
                for variant, change in VARIANTS.items():
                    segment = scored(run, change(images, crowd))
                    scores = {name: rule(segment, rules[RATES[0]]) for name, rule in RULES.items()}
                    rows.append({"clip": Path(clip).name, "label": label, "variant": variant, **scores})
                    print(*rows[-1].values(), flush=True)
    where = measure.environment("jax", "dfdetect_jax")
    clips = clip_table(rows, rules)
    groups = group_table(run, rules)
    measure.report("clips: shares called fake, and how far scores move", where, clips, [], None)
    measure.report("groups of test faces: shares called fake", where, groups, [], None)
    if args.json:
        files.write_json(args.json, {"environment": where, "segments": rows, "clips": clips, "groups": groups})


def segments(clip: str, count: int) -> Iterator[list[np.ndarray]]:
    """Parts of a clip, each of `FRAMES` frames at `HEIGHT`."""
    chosen = evenly_spaced(probe(clip).frames, FRAMES * count)
    images = [scaled(frame.image) for frame in read_frames(clip, chosen)]
    for start in range(0, len(images) - FRAMES + 1, FRAMES):
        yield images[start : start + FRAMES]


def scaled(image: np.ndarray) -> np.ndarray:
    width = round(image.shape[1] * HEIGHT / image.shape[0])
    return cv2.resize(image, (width, HEIGHT), interpolation=cv2.INTER_AREA)


def with_cuts(images: list[np.ndarray], crowd: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The picture jumps about a larger grey one."""
    random, height, width = np.random.default_rng(0), images[0].shape[0], images[0].shape[1]
    changed = []
    for index, image in enumerate(images):
        if index % SHOT == 0:
            top, left = (int(random.integers(side)) for side in (height // 2, width // 2))
        canvas = np.full((height * 3 // 2, width * 3 // 2, 3), 110, np.uint8)
        canvas[top : top + height, left : left + width] = image
        changed.append(canvas)
    return changed


def zoomed(images: list[np.ndarray], crowd: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Every other shot shows the upper middle, twice as large."""
    height, width = images[0].shape[:2]
    part = (slice(0, height // 2), slice(width // 4, width // 4 + width // 2))
    return [
        cv2.resize(image[part], (width, height)) if index // SHOT % 2 else image for index, image in enumerate(images)
    ]


def crowded(images: list[np.ndarray], crowd: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Real faces beside the picture, the same in each frame but for a little noise."""
    random = np.random.default_rng(0)
    strip = np.concatenate([np.concatenate(crowd[:4]), np.concatenate(crowd[4:8])], axis=1)
    strip = np.pad(strip, ((0, HEIGHT - strip.shape[0]), (0, 0), (0, 0)))
    noise = random.integers(-2, 3, (len(images), *strip.shape))
    return [
        np.concatenate([image, np.clip(strip + noise[i], 0, 255).astype(np.uint8)], axis=1)
        for i, image in enumerate(images)
    ]


VARIANTS: dict[str, Callable[[list[np.ndarray], Sequence[np.ndarray]], list[np.ndarray]]] = {
    "as it is": lambda images, crowd: images,
    "cuts": with_cuts,
    "zoomed": zoomed,
    "crowd": crowded,
}


def scored(run: Run, images: list[np.ndarray]) -> Segment:
    detector = load_face_detector(run.crop.face_detector)
    faces = [found for start in range(0, len(images), 8) for found in detector(images[start : start + 8])]
    crops = [
        crop
        for index, (image, here) in enumerate(zip(images, faces, strict=True))
        for crop in crop_frame(run, Frame(index, 0.0, image), here, appearances=True)
    ]
    scores = run.score(np.stack([crop.pixels for crop in crops])) if crops else np.zeros(0)
    return Segment(
        [FrameFaces(index, list(here)) for index, here in enumerate(faces)],
        {crop.face: float(score) for crop, score in zip(crops, scores, strict=True)},
        {crop.face: crop.appearance for crop in crops if crop.appearance is not None},
    )


def one_track(segment: Segment, rule: DecisionRule) -> float:
    tracks = [[face for face in seen if face] for seen in track([frame.faces for frame in segment.frames])]
    longest = max(map(len, tracks), default=0)
    means = [np.mean([segment.score_of[f] for f in faces]) for faces in tracks if len(faces) >= 0.25 * longest]
    return float(max(means, default=0.0))


def _people(segment: Segment, joined: bool) -> list[float]:
    people = people_in(segment.frames, segment.appearance_of if joined else {})
    deciding = [person for person in people if not doubt(person)] or people
    return [person_score(person, segment.score_of) for person in deciding]


def number(segment: Segment, rule: DecisionRule) -> float:
    scores = _people(segment, True)
    return rule.highest_of(max(scores), len(scores)) if scores else 0.0


RULES: dict[str, Callable[[Segment, DecisionRule], float]] = {
    "one track": one_track,
    "doubt": lambda segment, rule: max(_people(segment, False), default=0.0),
    "people": lambda segment, rule: max(_people(segment, True), default=0.0),
    "number": number,
}


def clip_table(rows: Sequence[dict], rules: dict[float, DecisionRule]) -> list[dict]:
    """Per variant and rule: shares called fake, and how far scores move on average from those of the clip as it is."""
    table = []
    for variant in VARIANTS:
        for name in RULES:
            entry = {"variant": variant, "rule": name}
            for label in ("real", "fake"):
                scores = [row[name] for row in rows if (row["variant"], row["label"]) == (variant, label)]
                for rate, rule in rules.items():
                    entry[f"{label}@{rate}"] = float(np.mean([score >= rule.fake_from for score in scores]))
                before = [row[name] for row in rows if (row["variant"], row["label"]) == ("as it is", label)]
                entry[f"{label} moved"] = float(np.mean(np.subtract(scores, before)))
            table.append(entry)
    return table


def group_table(run: Run, rules: dict[float, DecisionRule]) -> list[dict]:
    """Groups of test reals, without a fake and with one, by the highest score and by the highest lowered."""
    with open(run.folder / "report" / "scores.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    reals, fakes = (np.array([float(r["score"]) for r in rows if r["label"] == label]) for label in "01")
    random, table = np.random.default_rng(0), []
    for size in GROUPS:
        real = random.choice(reals, (2000, size)).max(axis=1)
        fake = np.maximum(random.choice(reals, (2000, size - 1)).max(axis=1, initial=0), random.choice(fakes, 2000))
        entry = {"faces": str(size)}
        for rate, rule in rules.items():
            for label, highest in (("real", real), ("fake", fake)):
                lowered = np.array([rule.highest_of(float(score), size) for score in highest])
                entry[f"{label}@{rate} highest"] = float((highest >= rule.fake_from).mean())
                entry[f"{label}@{rate} lowered"] = float((lowered >= rule.fake_from).mean())
        table.append(entry)
    return table


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--reals", nargs="+", required=True, help="real clips")
    parser.add_argument("--fakes", nargs="+", required=True, help="fake clips")
    parser.add_argument("--crowd", nargs="+", required=True, help="eight real photographs of faces")
    parser.add_argument("--segments", type=int, default=2, help="parts of each clip (default: %(default)s)")
    parser.add_argument("--json", help="file to write the tables to")
    return parser.parse_args()


if __name__ == "__main__":
    main()
