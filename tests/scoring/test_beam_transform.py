import json

import apache_beam
import pytest

from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.scoring.beam_transform import ScoreMedia
from dfdetect_jax.scoring.result import as_json
from dfdetect_jax.scoring.steps import score_photo, score_video
from tests import trained


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    """A photograph, a clip, and a file that is neither."""
    folder = tmp_path_factory.mktemp("media")
    (folder / "text.jpg").write_text("hello")
    photo = trained.write_photo(folder / "a.png", trained.one_face())
    clip = trained.write_clip(folder / "b.avi", [trained.one_face(2 * i) for i in range(8)])
    return [str(photo), str(clip), str(folder / "text.jpg")]


def through_beam(paths, run, out):
    with apache_beam.Pipeline() as pipeline:
        scored = pipeline | apache_beam.Create(paths) | ScoreMedia(str(run))
        scored | apache_beam.Map(json.dumps) | apache_beam.io.WriteToText(str(out))
    lines = [json.loads(line) for part in out.parent.glob(out.name + "*") for line in part.read_text().splitlines()]
    return {line["path"]: line for line in lines}


def test_a_pipeline_scores_as_predict_does(media, tmp_path):
    lines = through_beam(media, trained.folders()[0], tmp_path / "scores")
    run = trained.opened()
    face_detector = load_face_detector(run.crop.face_detector)
    photo, clip, text = media
    assert set(lines) == set(media)
    for path, alone in (
        (photo, score_photo(run, face_detector, photo)[0]),
        (clip, score_video(run, face_detector, clip)),
    ):
        assert lines[path]["score"] == pytest.approx(alone.score, abs=1e-5)
        assert lines[path]["verdict"] == alone.verdict
        assert set(lines[path]) == set(as_json(alone))
    assert lines[text]["verdict"] == "error"
    assert "found text" in lines[text]["error"]


def test_a_wrong_run_fails_the_pipeline(media, tmp_path):
    with pytest.raises(Exception, match="expected a run folder"):
        through_beam(media, tmp_path, tmp_path / "scores")
