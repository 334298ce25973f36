"""Scoring media on a cluster that runs Apache Beam, as a step of the user's own pipeline.

    with beam.Pipeline(options=options) as pipeline:
        (
            pipeline
            | beam.io.ReadFromText("gs://bucket/paths.txt")
            | beam.Reshuffle()
            | ScoreMedia("/mnt/runs/cae")
            | beam.Map(json.dumps)
            | beam.io.WriteToText("gs://bucket/scores", ".jsonl")
        )

Workers open the run folder and the media by the given paths, so both must be at these paths on every worker: on a
network disk, a mounted bucket, or in the container image. Beam's runner for Dask loses what is emitted in
`finish_bundle`, so there neither `ReadFromText` nor `WriteToText` can be used; see docs/clusters.md.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import apache_beam
from apache_beam.utils.shared import Shared

from dfdetect_jax import cli
from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.media.detectors import FaceDetector, load_face_detector
from dfdetect_jax.run.folder import Run, open_run
from dfdetect_jax.scoring.decision import DecisionRule, decision_rule
from dfdetect_jax.scoring.media_frames import FRAMES
from dfdetect_jax.scoring.result import as_json, error_as_json
from dfdetect_jax.scoring.stream import score_files

_FILES_AT_ONCE = 64  # per element that a worker gets, at most; their faces share batches


class ScoreMedia(apache_beam.PTransform[Any, Any]):
    """PCollection of paths (str) to PCollection of dicts, each the JSON of one file as `predict` prints it, no picture.

    A file that can't be scored, or a folder, is an element with the verdict "error", not a failure of the pipeline. The
    order is the runner's.

    Args:
        run: run folder, as the workers see it.
        frames: per video, evenly spaced.

    Raises:
        InputError: on the workers, which fails the pipeline: the run can't be used, or has diverged.
    """

    def __init__(self, run: str, frames: int = FRAMES):
        super().__init__()
        self._run, self._frames = str(run), frames

    def expand(self, paths: apache_beam.PCollection[str]) -> apache_beam.PCollection[dict[str, Any]]:
        """Batches paths, and scores each batch by `score_files`."""
        return (
            paths
            | _batches_for(paths.pipeline.runner)
            | apache_beam.ParDo(_ScoreBatch(self._run, self._frames, Shared()))
        )


def _batches_for(runner: Any) -> apache_beam.PTransform[Any, Any]:
    """Paths to lists of paths; of one each on Dask, whose runner loses all that is emitted in `finish_bundle`."""
    if type(runner).__name__ == "DaskRunner":
        return "OneByOne" >> apache_beam.Map(lambda path: [path])
    return apache_beam.BatchElements(min_batch_size=1, max_batch_size=_FILES_AT_ONCE)


class _ScoreBatch(apache_beam.DoFn):
    """Scores some paths. A worker's threads share one run and one face detector."""

    def __init__(self, run: str, frames: int, shared: Shared):
        self._folder, self._frames, self._shared = run, frames, shared

    def setup(self) -> None:
        cli.keep_compiled_programs()
        self._opened = self._shared.acquire(lambda: _Opened(self._folder), tag=self._folder)

    def process(self, paths: Sequence[str]) -> Iterator[dict[str, Any]]:
        opened = self._opened
        results = score_files(opened.run, opened.face_detector, paths, self._frames, rule=opened.rule)
        with contextlib.closing(results) as answers:
            for path, answer in answers:
                if isinstance(answer, BadMediaError):
                    yield error_as_json(path, opened.rule, answer)
                else:
                    yield as_json(answer)


class _Opened:
    """A run with its face detector; a class of its own, since what is shared must allow weak references."""

    def __init__(self, folder: str):
        self.run: Run = open_run(folder)
        self.rule: DecisionRule = decision_rule(self.run)
        self.face_detector: FaceDetector = load_face_detector(self.run.crop.face_detector)
