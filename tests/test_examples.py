"""The scripts of examples/ do what they promise; the method of one's own is run by tests/methods/test_registry.py."""

import runpy
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.api import Detector
from dfdetect_jax.train import main as train
from tests import trained
from tests.conftest import TINY_CAE, command_line
from tests.documents import ROOT

EXAMPLES = ROOT / "examples"


def load(name: str) -> dict:
    """The names that a script defines."""
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_a_script_without_arguments_ends_with_one_line_of_usage(name, monkeypatch):
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert str(ended.value).startswith("usage: ")
    assert "\n" not in str(ended.value)
    assert f"examples/{name}.py" in str(ended.value)


def test_the_loss_of_the_ablation_is_the_absolute_error():
    absolute_error = load("another_loss")["absolute_error"]
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 4, 4, 3)).astype(np.float32)
    expected = np.abs(x[0].astype(np.float64) - x[1]).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(absolute_error(*jnp.asarray(x)), expected, rtol=1e-5)


def test_the_ablation_is_under_forty_lines_and_trains_the_network_of_the_cae():
    source = (EXAMPLES / "another_loss.py").read_text()
    code = [line for line in source.splitlines() if line.strip() and '"""' not in line and "import" not in line]
    assert len(code) < 40
    method = load("another_loss")["build"](TINY_CAE)
    batch = {"image": jnp.zeros((2, 40, 40, 3), jnp.uint8), "label": jnp.zeros(2, jnp.int32)}
    state = jax.eval_shape(method.init, jax.random.key(0))
    new_state, metrics = jax.eval_shape(method.train_step, state, batch)
    assert jax.tree.structure(new_state) == jax.tree.structure(state)
    assert state.params.keys() == {"encoder", "classifier", "decoder"}
    assert {"loss", "reconstruction", "gradient_norm"} <= set(metrics)


@pytest.mark.slow
def test_the_ablation_trains_by_the_command(tmp_path, capsys):
    data = trained.folders()[1].parents[2]
    tiny = command_line(tmp_path / "run", data__data_dir=str(data), train__steps=2, train__eval_every=2)
    assert train(["--config", "examples/another_loss.py", *tiny[2:]]) == 0
    assert "accuracy" in capsys.readouterr().out


def test_a_folder_becomes_a_table(tmp_path):
    trained.write_photo(tmp_path / "face.jpg", trained.one_face())
    trained.write_photo(tmp_path / "deeper" / "landscape.png", trained.no_face())
    (tmp_path / "notes.txt").write_text("no photograph")
    table = load("score_folder")["score_folder"](Detector(trained.opened()), tmp_path)
    assert table.path[0].endswith("face.jpg")
    assert table.score.notna().tolist() == [True, False, False]
    assert table.faces.tolist() == [1, 0, 0]
    assert set(table.verdict[1:]) == {"no face", "error"}
