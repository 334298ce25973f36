"""The commands as functions, for notebooks and programs: `import dfdetect_jax as dfd`, then `dfd.load` and so on."""

import dataclasses
import functools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from dfdetect_jax.config import Crop, Settings, check
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.exchange.opening import open_detector, open_released
from dfdetect_jax.media.detectors import FaceDetector, load_face_detector
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.decision import DecisionRule, Verdict, decision_rule
from dfdetect_jax.scoring.media_frames import FRAMES
from dfdetect_jax.scoring.result import Result
from dfdetect_jax.scoring.stream import score_files, score_images
from dfdetect_jax.stores.address import is_address
from dfdetect_jax.stores.output import written

if TYPE_CHECKING:
    from dfdetect_jax.evaluation.results import Evaluation

Media = str | os.PathLike[str] | np.ndarray
"""A photograph or video by its path, or a photograph as uint8 [H, W, 3] RGB."""
ManyMedia = list[Media] | tuple[Media, ...] | Iterator[Media]
"""Any number of them, such as `folder.glob("*.jpg")`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Detector:
    """A trained detector.

    Attributes:
        run: its run folder, opened: settings, weights, threshold, notes.
        max_fpr: share of reals that may be called fake, see `scoring.decision`; None for the default.
    """

    run: Run
    max_fpr: float | None = None

    @functools.cached_property
    def rule(self) -> DecisionRule:
        """How its scores become verdicts: thresholds from validation, for `max_fpr`."""
        return decision_rule(self.run, self.max_fpr)

    @functools.cached_property
    def face_detector(self) -> FaceDetector:
        """What finds the faces, as for the training data."""
        return load_face_detector(self.run.crop.face_detector)

    @overload
    def predict(self, media: Media, *, frames: int = FRAMES, maps: bool = False) -> Result: ...

    @overload
    def predict(self, media: ManyMedia, *, frames: int = FRAMES, maps: bool = False) -> list[Result]: ...

    def predict(self, media: Media | ManyMedia, *, frames: int = FRAMES, maps: bool = False) -> Result | list[Result]:
        """Finds the faces in photographs and videos and scores them.

        Args:
            media: one photograph or video, or many; paths, or arrays uint8 [H, W, 3] RGB.
            frames: per video, evenly spaced.
            maps: whether faces carry `views`, with crop, heat map and reconstruction; of a video the most suspicious
                frames of the highest face.

        Returns:
            A result for each: `verdict`, `score`, and `faces` with `box`, `score` and, with maps, `view.heat`.

        Raises:
            BadMediaError: one can't be read, which is named; or is neither a path nor such an array.
            RunError: the scores are not finite.
        """
        if isinstance(media, str | os.PathLike | np.ndarray):
            return self._predict([media], frames, maps)[0]
        return self._predict(list(media) if isinstance(media, Iterable) else [media], frames, maps)

    def _predict(self, media: Sequence[Media], frames: int, maps: bool) -> list[Result]:
        strange = [each for each in media if not isinstance(each, str | os.PathLike | np.ndarray)]
        if strange:
            raise BadMediaError(
                f"expected paths, or photographs as NumPy's uint8 [H, W, 3] RGB, found {type(strange[0]).__name__}; "
                "numpy.asarray makes an array of a PIL picture in RGB, or of one of JAX"
            )
        images = [each for each in media if isinstance(each, np.ndarray)]
        paths = [each for each in media if not isinstance(each, np.ndarray)]
        options: dict[str, Any] = {"rule": self.rule, "views": tuple(Verdict) if maps else ()}
        of_images = iter(score_images(self.run, self.face_detector, images, **options) if images else ())
        of_paths = score_files(self.run, self.face_detector, paths, frames, **options)
        results: list[Result] = []
        for each in media:
            result = next(of_images) if isinstance(each, np.ndarray) else next(of_paths)[1]
            if isinstance(result, Exception):
                of_paths.close()
                raise result
            results.append(result)
        return results


def load(run: str | os.PathLike[str] | None = None, *, max_fpr: float | None = None, sha256: str = "") -> Detector:
    """Opens a run folder or a model; reads JSON and arrays, runs no code from it.

    Args:
        run: None for the detector that comes with the package; a run folder or a model folder, which may be on gs:// or
            s3://; "OWNER/NAME@REVISION" on the Hugging Face hub; or a peer's NAME.onnx with NAME.json beside it.
        sha256: digest that the SHA256SUMS of a model, the package's own too, must have; needed for a model on the hub.
        max_fpr: share of reals that may be called fake, above 0 and at most 0.2; None for 0.01 where the run can hold
            it.

    Raises:
        RunError: it is no run folder, or has no intact checkpoint; or it is no model, or another than `sha256` says.
        SettingsError: its settings don't fit this version of the library.
    """
    return Detector(open_released(sha256) if run is None else open_detector(run, sha256), max_fpr)


@overload
def predict(run: str | os.PathLike[str], media: Media, *, frames: int = FRAMES, maps: bool = False) -> Result: ...


@overload
def predict(
    run: str | os.PathLike[str], media: ManyMedia, *, frames: int = FRAMES, maps: bool = False
) -> list[Result]: ...


def predict(
    run: str | os.PathLike[str], media: Media | ManyMedia, *, frames: int = FRAMES, maps: bool = False
) -> Result | list[Result]:
    """`load(run).predict(media)`, for one call; see `Detector.predict`."""
    return load(run).predict(media, frames=frames, maps=maps)


def prepare(
    dataset: str,
    root: str | os.PathLike[str] | None = None,
    *,
    out: str | os.PathLike[str] = "",
    crop: Crop | None = None,
    **options: Any,
) -> Path:
    """Cuts faces out of a data set on disk and writes records, or finds that they are written; as `dfdetect prepare`.

    Args:
        dataset: name of a catalog, or "forge".
        root: the data set's folder; None for the embedded set.
        out: where prepared data sets are, also gs:// or s3://; "" for `TFDS_DATA_DIR`, or `~/tensorflow_datasets`.
        crop: how faces are cropped; None for the data set's default.
        **options: the other attributes of `data.prepare.request.Request`, such as `frames` or `compression`.

    Returns:
        The folder of records, or a local copy of them, which `train`, by `Data(name=...)`, and `evaluate` take.

    Raises:
        RecordsError: the tree is not such a data set, or no clip could be used.
        SettingsError: an option is not allowed.
    """
    from dfdetect_jax.data import remote_records
    from dfdetect_jax.data.prepare.preparation import prepare as prepare_records
    from dfdetect_jax.data.record_folders import named_home

    home, local_root = named_home(os.fspath(out)), None if root is None else Path(root)
    if not is_address(home):
        return prepare_records(dataset, local_root, Path(out) if out else "", crop, **options)
    folder = prepare_records(dataset, local_root, remote_records.workplace(home), crop, **options)
    return remote_records.fetch(remote_records.publish(folder, home))


def evaluate(
    runs: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    data: str | Sequence[str],
    *,
    split: str = "test",
    out: str | os.PathLike[str] | None = None,
    data_dir: str = "",
    resamples: int = 1000,
) -> "Evaluation":
    """Measures runs on prepared data sets, as `dfdetect evaluate` does.

    Args:
        runs: one run folder, model folder or peer's ONNX file, or several, which are compared with the first.
        data: names of prepared data sets, or folders of records; "NAME:all", or another split, for one not of `split`.
        split: "train", "val", "test", or "all".
        out: folder to write report.html, metrics.json and scores.csv to; None to write nothing.
        data_dir: folder of prepared data sets; "" as in training.
        resamples: of identities, for 95% intervals; 0 for none.

    Returns:
        `runs`, by name, each with `metrics.data[NAME].frame.auc` and all other metrics, None where undefined, such as
        an AUC of reals alone; `metrics.notes` say what a reader should know, crops that differ from the training's
        among it. `as_json` of a run's metrics is what metrics.json holds.

    Raises:
        InputError: a run or the records can't be used, or the report can't be written.
    """
    from dfdetect_jax.evaluation.comparison import evaluate_runs
    from dfdetect_jax.evaluation.metrics.bootstrap import Resampling
    from dfdetect_jax.evaluation.report.report_files import write_report
    from dfdetect_jax.evaluation.subjects import open_subjects

    folders = [runs] if isinstance(runs, str | os.PathLike) else runs
    names = [data] if isinstance(data, str) else data
    evaluation = evaluate_runs(
        *open_subjects(folders, names, split, data_dir, open_detector), Resampling(resamples=resamples)
    )
    if out is not None:
        with written(os.fspath(out)) as folder:
            write_report(folder, evaluation)
    return evaluation


def train(
    settings: Settings, workdir: str | os.PathLike[str], *, init_from: str | os.PathLike[str] | None = None
) -> Detector:
    """Trains through all stages, or resumes from the newest checkpoint in `workdir`; as `dfdetect train`.

    Args:
        settings: checked here; `data` names the records.
        workdir: the run folder, made if absent; or gs:// or s3://.
        init_from: run folder to take the initial weights from; where the networks differ, those of its encoder alone.

    Returns:
        The detector with the best checkpoint so far: training may have stopped early for masks to be painted, as the
        last line on standard error then explains.

    Raises:
        InputError: a setting, the data or the run folder can't be used.
    """
    from dfdetect_jax.training.in_workdir import train_in_workdir

    with train_in_workdir(check(settings), workdir, init_from=init_from) as training:
        return load(training.folder)
