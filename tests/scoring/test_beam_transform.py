import json

import apache_beam
import pytest

from dfdetect_jax.scoring.beam_transform import ScoreMedia
from dfdetect_jax.scoring.result import as_json
from tests import trained


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
