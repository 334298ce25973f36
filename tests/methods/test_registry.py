"""Methods by name: those of the package, and one from outside it, in one file, through every command."""

import json

import numpy as np
import pytest

from dfdetect_jax import methods
from dfdetect_jax.config import CAESettings, LAESettings, check, override, to_dict
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.evaluate import main as evaluate
from dfdetect_jax.exchange.model_folder import write_model
from dfdetect_jax.exchange.opening import open_detector
from dfdetect_jax.predict import main as predict
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.train import main as train
from dfdetect_jax.training import stages
from tests import tiny_methods, trained

LAE = override(LAESettings(), {"loss.perceptual": 0.0})


def test_the_methods_of_the_package_are_found_by_their_modules_names():
    assert {"cae", "lae"} <= set(methods.names())
    assert methods.find("cae").settings is CAESettings
    assert methods.find("lae").settings is LAESettings


@pytest.mark.parametrize("settings", [CAESettings(), LAE])
def test_settings_are_read_back_as_those_of_their_method(settings):
    assert methods.read_settings(json.loads(json.dumps(to_dict(settings)))) == settings


@pytest.mark.parametrize("name", ["cea", "step", "os", "../cae", ""])
def test_a_name_that_is_no_methods_is_answered_with_those_there_are(name):
    with pytest.raises(SettingsError, match=r"method: expected one of .*cae.*lae"):
        methods.read_settings({"method": name})


def test_two_methods_of_one_name_are_refused():
    class Other(CAESettings):
        pass

    with pytest.raises(ValueError, match="a second 'cae'"):
        methods.register(Other, lambda settings, weights: None)


def test_a_method_from_outside_the_package_trains_evaluates_and_predicts(tmp_path, capsys):
    _, records = trained.folders()
    run, photo = tmp_path / "run", trained.write_photo(tmp_path / "a.png", trained.one_face())
    assert train(["--config", "examples/own_method.py", "--workdir", str(run), f"--config.data.name={records}"]) == 0
    assert "accuracy" in capsys.readouterr().out
    assert evaluate(["--run", str(run), "--data", str(records), "--resamples", "0"]) == 0
    assert json.loads((run / "report" / "metrics.json").read_text())["data"]
    assert predict(["--run", str(run), str(photo), "--pictures", "none"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["verdict"] in ("real", "fake")


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in tiny_methods.TINY if name not in ("cae", "lae")])
def test_a_method_of_the_package_trains_evaluates_predicts_and_is_exported(name, tmp_path, capsys):
    _, records = trained.folders()
    settings = override(
        tiny_methods.TINY[name], {"data.name": str(records), "train.steps": 2, "data.forge_images": 4000}
    )
    folder, photo = tmp_path / "run", trained.write_photo(tmp_path / "a.png", trained.one_face())
    assert stages.train(check(settings), folder, records)
    assert evaluate(["--run", str(folder), "--data", str(records), "--resamples", "0"]) == 0
    assert predict(["--run", str(folder), str(photo)]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["verdict"] in ("real", "fake")
    run, size = open_run(folder), settings.data.image_size
    crops = np.random.default_rng(0).integers(0, 256, (3, size, size, 3)).astype(np.uint8)
    expected = run.predict(crops)
    for form in ("jax", "onnx"):
        actual = open_detector(write_model(run, tmp_path / form, form)).predict(crops)
        for field, array in expected._asdict().items():
            if array is not None:
                np.testing.assert_allclose(getattr(actual, field), array, rtol=1e-4, atol=1e-4, err_msg=field)
