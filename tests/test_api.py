"""The front door: `import dfdetect_jax as dfd`."""

import ast
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import dfdetect_jax as dfd
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.errors import BadMediaError, RunError, SettingsError
from dfdetect_jax.exchange import released
from dfdetect_jax.media.image import read_image
from tests import trained
from tests.conftest import tiny_lae_settings, tiny_settings


@pytest.fixture(scope="module")
def detector():
    return dfd.load(trained.folders()[0])


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return trained.write_photo(tmp_path_factory.mktemp("media") / "a.png", trained.one_face())


def test_every_name_of_the_front_door_is_there():
    for name in dfd.__all__:
        assert getattr(dfd, name) is not None
    assert set(dfd.__all__) <= set(dir(dfd))
    with pytest.raises(AttributeError, match="has no attribute 'predikt'"):
        _ = dfd.predikt


def test_type_checkers_see_the_names_of_the_front_door():
    """What is imported lazily stands once for Python and once for type checkers."""
    branches = [node for node in ast.parse(Path(dfd.__file__).read_text()).body if isinstance(node, ast.If)]
    (seen,) = (
        [name for line in node.body if isinstance(line, ast.ImportFrom) for name in line.names] for node in branches
    )
    assert sorted(["__version__", *(name.name for name in seen)]) == sorted(dfd.__all__)


def test_a_function_keeps_its_name_when_the_command_of_that_name_is_imported():
    from dfdetect_jax.train import main

    assert dfd.train is not sys.modules["dfdetect_jax.train"]
    assert callable(dfd.train)
    assert callable(main)


def test_importing_the_package_or_a_loss_imports_nothing_that_reads_files():
    code = "import sys, dfdetect_jax as dfd; dfd.CAESettings(); assert 'jax' not in sys.modules; "
    code += "import dfdetect_jax.losses; print([m for m in ('orbax', 'cv2', 'grain', 'PIL') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_a_path_and_an_array_have_the_same_result(detector, photo):
    by_path, by_array = detector.predict(photo), detector.predict(read_image(photo))
    assert isinstance(by_path, dfd.Result)
    assert (by_path.path, by_array.path) == (str(photo), "")
    assert by_path.score == pytest.approx(by_array.score, abs=1e-6)
    np.testing.assert_array_equal(by_path.faces[0].box, by_array.faces[0].box)
    assert by_path.verdict in (dfd.Verdict.REAL, dfd.Verdict.FAKE)


def test_many_keep_their_order_whatever_they_are(detector, photo):
    blank = np.zeros((240, 320, 3), np.uint8)
    results = detector.predict([photo, blank, str(photo)])
    assert [result.verdict == dfd.Verdict.NO_FACE for result in results] == [False, True, False]
    assert detector.predict([]) == []


def test_a_generator_of_paths_is_as_good_as_a_list(detector, photo):
    assert [result.path for result in detector.predict(photo.parent.glob("a.*"))] == [str(photo)]


def test_one_photograph_needs_no_list_in_a_single_call_either(detector, photo):
    assert dfd.predict(detector.run.folder, str(photo)).path == str(photo)
    assert dfd.predict(detector.run.folder, read_image(photo)).path == ""


def test_a_digest_is_compared_where_the_packages_own_detector_is_loaded(tmp_path, monkeypatch):
    folder = tmp_path / "released"
    folder.mkdir()
    (folder / "SHA256SUMS").write_text(f"{'a' * 64}  config.json\n")
    monkeypatch.setattr(released, "FOLDER", folder)
    with pytest.raises(RunError, match=f"SHA256SUMS: expected SHA-256 {'0' * 64}, found"):
        dfd.load(sha256="0" * 64)


def test_maps_come_when_asked_for(detector, photo):
    assert detector.predict(photo).faces[0].view is None
    (result,) = dfd.predict(detector.run.folder, [photo], maps=True)
    assert result.faces[0].view.heat.shape == (40, 40)


def test_a_result_is_shown_without_its_pixels(detector, photo):
    assert len(repr(detector.predict(photo, maps=True))) < 2000


def test_what_cannot_be_read_is_named(detector, photo, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(BadMediaError, match=r"text\.jpg"):
        detector.predict([photo, tmp_path / "text.jpg"])
    with pytest.raises(BadMediaError, match=r"expected RGB as uint8 \[H, W, 3\]"):
        detector.predict(np.zeros((8, 8), np.uint8))


@pytest.mark.parametrize("media", [Image.new("RGB", (8, 8)), [Image.new("RGB", (8, 8))], jnp.zeros((8, 8, 3)), None])
def test_a_picture_of_another_library_is_answered_with_how_to_convert_it(detector, media):
    with pytest.raises(BadMediaError, match=r"found (Image|ArrayImpl|NoneType); numpy\.asarray makes an array"):
        detector.predict(media)


def test_data_are_prepared_and_a_run_is_evaluated_on_them(tmp_path):
    records = dfd.prepare("forge", out=tmp_path, crop=dfd.Crop(size=40, margin=1.5), images=16)
    run = trained.folders()[0]
    evaluation = dfd.evaluate(run, str(records), split="all", out=tmp_path / "report", resamples=0)
    ((key, metrics),) = evaluation.runs["run"].metrics.data.items()
    assert key.endswith(":all")
    assert metrics.frame.n == read_manifest(records).examples("all")
    assert 0 <= metrics.frame.auc <= 1
    assert any("(trained on " in note for note in evaluation.runs["run"].metrics.notes)  # crops of another margin
    assert (tmp_path / "report" / "metrics.json").exists()


def test_settings_are_checked_before_anything_is_trained(tmp_path):
    with pytest.raises(SettingsError, match=r"train\.steps"):
        dfd.train(tiny_settings(train__steps=0), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("annotator", "process_count", "words"),
    [("people", 1, "people paint into the run folder"), ("oracle", 2, "all processes read the selected masks")],
)
def test_selected_masks_that_a_copy_would_lose_are_refused_at_an_address(annotator, process_count, words, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: process_count)
    settings = tiny_lae_settings(active__annotator=annotator)
    with pytest.raises(SettingsError, match=f"^--workdir: expected a local path, found gs://bkt/run; {words}"):
        dfd.train(settings, "gs://bkt/run")
