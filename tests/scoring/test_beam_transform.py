import json
import os
import subprocess
import sys
import time

import apache_beam
import pytest

from dfdetect_jax.scoring.beam_transform import ScoreMedia
from dfdetect_jax.scoring.result import as_json
from tests import dask_cluster, trained

# Writes each answer to a file of its own, by rename: an engine may score a path again after a worker has died.
PIPELINE = """
import json, os, sys
import apache_beam
from apache_beam.options.pipeline_options import PipelineOptions
from dfdetect_jax.files import write_json
from dfdetect_jax.scoring.beam_transform import ScoreMedia

run, folder, out, *options = sys.argv[1:]
paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
with apache_beam.Pipeline(options=PipelineOptions(options)) as pipeline:
    scored = pipeline | apache_beam.Create(paths) | ScoreMedia(run)
    scored | apache_beam.Map(lambda line: write_json(os.path.join(out, os.path.basename(line["path"])), line))
"""


def through_beam(paths, run, out):
    with apache_beam.Pipeline() as pipeline:
        scored = pipeline | apache_beam.Create(paths) | ScoreMedia(str(run))
        scored | apache_beam.Map(json.dumps) | apache_beam.io.WriteToText(str(out))
    lines = [json.loads(line) for part in out.parent.glob(out.name + "*") for line in part.read_text().splitlines()]
    return {line["path"]: line for line in lines}


@pytest.mark.slow
def test_a_pipeline_scores_as_predict_does(score, media, tmp_path):
    (tmp_path / "text.jpg").write_text("hello")
    text = str(tmp_path / "text.jpg")
    lines = through_beam([media["one"], media["pan"], text], trained.folders()[0], tmp_path / "scores")
    assert set(lines) == {media["one"], media["pan"], text}
    for path in (media["one"], media["pan"]):
        alone = score(path)
        assert lines[path]["score"] == pytest.approx(alone.score, abs=1e-5)
        assert lines[path]["verdict"] == alone.verdict
        assert set(lines[path]) == set(as_json(alone))
    assert lines[text]["verdict"] == "error"
    assert "found text" in lines[text]["error"]


def test_a_wrong_run_fails_the_pipeline(tmp_path):
    with pytest.raises(Exception, match="expected a run folder"):
        through_beam(["a.png"], tmp_path, tmp_path / "scores")


def scoring(folder, out, *options):
    """The pipeline in a process of its own, and what it has written."""
    out.mkdir()
    argv = [sys.executable, "-c", PIPELINE, trained.folders()[0], folder, out, *options]
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def answers(out):
    return {path.name: json.loads(path.read_text()) for path in out.iterdir() if path.suffix == ".png"}


@pytest.mark.slow
def test_dask_scores_every_path_as_predict_does_though_one_of_two_workers_is_killed_midway(score, tmp_path):
    photographs, out, count = tmp_path / "photographs", tmp_path / "out", 40
    for number in range(count):
        trained.write_photo(photographs / f"{number}.png", trained.one_face(number))
    with dask_cluster.started(tmp_path) as cluster:
        options = ["--runner=apache_beam.runners.dask.dask_runner.DaskRunner", f"--dask_npartitions={count // 4}"]
        with scoring(photographs, out, *options, f"--dask_scheduler_file={cluster.scheduler_file}") as process:
            deadline = time.monotonic() + 240
            while len(answers(out)) < 4 and process.poll() is None:
                assert time.monotonic() < deadline, cluster.log.read_text()
                time.sleep(0.02)
            cluster.workers[0].kill()
            assert len(answers(out)) < count * 3 // 4, "killed too late"
            said = process.communicate(timeout=240)[0]
            assert process.returncode == 0, said + cluster.log.read_text()
    alone = {path.name: as_json(score(str(path))) for path in photographs.iterdir()}
    assert answers(out) == json.loads(json.dumps(alone))
