"""Results of an evaluation made from scores, without any detector."""

import numpy as np

from dfdetect_jax.evaluation.example_views import ExampleView, Kind
from dfdetect_jax.evaluation.leakage import Leakage
from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
from dfdetect_jax.evaluation.metrics.detection_metrics import (
    METRICS,
    BootstrapIntervals,
    DetectionMetrics,
    VideoMetrics,
)
from dfdetect_jax.evaluation.metrics.heat_metrics import HEAT_METRICS, HeatMetrics
from dfdetect_jax.evaluation.metrics.localization import Localization
from dfdetect_jax.evaluation.metrics.summary import summarize
from dfdetect_jax.evaluation.results import DataSetMetrics, Evaluation, Provenance, RunMetrics, RunResult
from dfdetect_jax.evaluation.stress.attacks import AttackLevel, AttackResult
from dfdetect_jax.evaluation.stress.robustness import CorruptionLevel, Robustness
from dfdetect_jax.evaluation.thresholds.ways import ValidationScores, compare_thresholds
from dfdetect_jax.scoring.result import HeatKind
from tests.evaluation.scored import clips

NO_LEAKAGE = Leakage(identities=0, videos=0, files=0)
TEMPERATURE = 2.0


def data_set_metrics(
    frames, seen=("a",), *, threshold=0.5, resamples=0, localization=None, leakage=NO_LEAKAGE, **stress
):
    """The metrics of made scores."""
    split = summarize(
        frames, threshold, seen, localization, temperature=TEMPERATURE, resampling=Resampling(resamples=resamples)
    )
    return DataSetMetrics(**vars(split), leakage=leakage, **stress)


def run_metrics(data, notes=(), threshold=0.5):
    return RunMetrics(threshold=threshold, temperature=TEMPERATURE, notes=tuple(notes), data=data)


def run_result(frames=None, *, keys=("set",), notes=("trained in a hurry",), settings=None, examples=None, **options):
    """A run measured on equal data sets, called `keys`; `options` are those of `data_set_metrics`."""
    frames = clips() if frames is None else frames
    metrics = data_set_metrics(frames, **{"resamples": 20, **options})
    return RunResult(
        metrics=run_metrics(dict.fromkeys(keys, metrics), notes),
        scores=dict.fromkeys(keys, frames),
        examples=dict.fromkeys(keys, [example()] if examples is None else examples),
        provenance=provenance(keys, settings),
    )


def provenance(keys=("set",), settings=None, fingerprint="f1"):
    default = {"seed": 0, "train": {"steps": 7}, "data": {"name": "forge", "data_dir": "here"}}
    return Provenance(
        settings=default | (settings or {}),
        fingerprints=dict.fromkeys(keys, "f00d"),
        versions={"jax": "1.2.3"},
        commit="c0ffee",
        checkpoint={"step": 7},
        training_data={"fingerprint": fingerprint},
        intervals="20 resamples by identity, seed 0",
    )


def evaluation(**runs):
    return Evaluation(title="A title", runs=runs or {"first": run_result()})


def example(side=64, **changes):
    image = np.random.default_rng(0).integers(0, 255, (side, side, 3)).astype(np.uint8)
    pictures = {"image": image, "heat": image[..., 0] / np.float32(255), "reconstruction": image, "mask": image[..., 0]}
    fields = {"label": 1, "forgery": "a", "video": "a/0", "frame": 3, "score": 0.25, "kind": Kind.MISSED}
    return ExampleView(**{**pictures, **fields, "shows": HeatKind.ATTENTION, **changes})


def detection_metrics(auc, bounds=None, kind=DetectionMetrics, **values):
    """Of four reals and four fakes, with one interval if there are bounds."""
    intervals = None
    if bounds is not None:
        intervals = BootstrapIntervals(
            bounds=dict.fromkeys(METRICS) | {"auc": bounds}, resamples=20, resamples_left_out=0, clusters=8
        )
    return kind(n_real=4, n_fake=4, auc=auc, intervals=intervals, **values)


def video_metrics(auc, bounds=None):
    return detection_metrics(auc, bounds, VideoMetrics, dfb_compat=auc)


def corruption_level(number, auc, bounds=None):
    return CorruptionLevel(
        level=number,
        parameter=number / 2 or None,
        psnr=30.0 - number if number else None,
        frame=detection_metrics(auc, bounds),
        video=video_metrics(auc, bounds),
    )


def robustness(name="blur"):
    """The AUC falls from 0.9 by 0.05 per level."""
    levels = [corruption_level(i, 0.9 - i / 20, (0.85 - i / 20, 0.95 - i / 20)) for i in range(6)]
    notes = ("corruptions apply to crops",)
    return Robustness(n=8, of=8, seed=0, notes=notes, clean=levels[0], corruptions={name: levels[1:]})


def attack_level(epsilon, auc):
    frame = detection_metrics(auc, tpr=0.125)
    return AttackLevel(
        epsilon=epsilon, step_size=epsilon / 4, frame=frame, video=video_metrics(0.2), both=detection_metrics(0.0)
    )


def attack(name="pgd"):
    return AttackResult(
        attack=name,
        steps=10,
        seed=0,
        n=8,
        of=8,
        note="white box, crops",
        clean=attack_level(0, 0.9),
        epsilons=[attack_level(2, 0.1234)],
    )


def heat(auc=0.8, bounds=(0.7, 0.9)):
    """Of the maps of a method without attention, all values the same."""
    values = dict.fromkeys(HEAT_METRICS, auc)
    baselines = {"random": dict.fromkeys(HEAT_METRICS, 0.25), "centre": dict.fromkeys(HEAT_METRICS, 0.95)}
    of_map = HeatMetrics(n=7, values=values, baselines=baselines, intervals={"pixel_auc": bounds})
    return {HeatKind.RECONSTRUCTION_ERROR: of_map, HeatKind.CLASS_ACTIVATION: of_map}


def thresholds():
    """All ways, on scores that lean towards their labels."""
    validation = ValidationScores(clips(seed=1), clips(("", "self_blended"), seed=2))
    return compare_thresholds(clips(), validation, 0.5, TEMPERATURE)


def localization(*forgeries, mask=((0, 1), (1, 1)), has_mask=True):
    """A real and a fake per forgery, whose attention is high on two of three forged pixels."""
    n = len(forgeries) + 1
    batch = {
        "mask": np.array([np.zeros((2, 2)), *[mask] * (n - 1)], np.uint8) * 255,
        "has_mask": np.array([True] + [has_mask] * (n - 1)),
        "label": np.array([0] + [1] * (n - 1)),
        "forgery": np.array(["", *forgeries]),
        "identity": np.array([f"p{i}" for i in range(n)]),
        "valid": np.ones(n),
    }
    gathered = Localization(by_identity=True)
    gathered.update(np.float32([[[0.1, 0.1], [0.1, 0.3]], *[[[0.1, 0.9], [0.8, 0.2]]] * (n - 1)]), batch)
    return gathered
