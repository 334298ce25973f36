import pytest

from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.scoring.stream import score_files
from tests import trained


@pytest.fixture(scope="session")
def run():
    return trained.opened()


@pytest.fixture(scope="session")
def face_detector(run):
    return load_face_detector(run.crop.face_detector)


@pytest.fixture(scope="session")
def score(run, face_detector):
    """Scores one file: a result, or why it can't be scored."""

    def score_one(path, run=run, **options):
        ((_, result),) = score_files(run, face_detector, [path], **options)
        return result

    return score_one


@pytest.fixture(scope="session")
def media(tmp_path_factory):
    """A photograph of one face and one of two, one without a face, and a clip of 15 frames that pans over a face."""
    folder = tmp_path_factory.mktemp("media")
    return {
        "one": str(trained.write_photo(folder / "one.png", trained.one_face())),
        "two": str(trained.write_photo(folder / "two.png", trained.two_faces())),
        "none": str(trained.write_photo(folder / "none.png", trained.no_face())),
        "pan": str(trained.write_clip(folder / "pan.avi", [trained.one_face(2 * i) for i in range(15)])),
    }
