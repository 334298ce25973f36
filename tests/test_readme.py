"""The README's Python code runs, on a smaller network and data set."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests import trained

README = (Path(__file__).parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SMALLER = {
    "image_size=96": "image_size=40, forge_images=16, data_dir='data'",
    "width=0.25": "width=0.02, middle_blocks=0, decoder_widths=(16, 8), classifier_width=16",
    "steps=800, eval_every=200": "batch_size=8, steps=2, eval_every=2",
}


def test_the_front_door_in_ten_lines(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trained.write_photo(tmp_path / "photo.jpg", trained.one_face())
    trained.write_clip(tmp_path / "clip.avi", [trained.one_face(2 * i) for i in range(3)]).rename("clip.mp4")
    code = BLOCKS[0]
    assert len(code.strip().splitlines()) <= 12
    for large, small in SMALLER.items():
        assert large in code
        code = code.replace(large, small)
    names = {}
    exec(code, names)
    assert [result.path for result in names["results"]] == ["photo.jpg", "clip.mp4"]
    assert names["heat"].shape == (40, 40)
    assert names["detector"].run.info["checkpoint"]["step"] == 2
    *_, auc = capsys.readouterr().out.split()
    assert 0 <= float(auc) <= 1


def test_the_pure_functions_are_called_as_shown():
    names = {}
    code = BLOCKS[1].replace("state = method.init(", "state = jax.eval_shape(method.init, ")
    exec(code.replace('"real"}', '"real", "model.middle_blocks": 0}'), names)
    assert names["settings"].loss.reconstruct == "real"
    assert hash(names["settings"])
    batch = {"image": np.zeros((2, 299, 299, 3), np.uint8), "label": np.zeros(2, np.int32)}
    state, metrics = names["jax"].eval_shape(names["step"], names["state"], batch)
    assert json.dumps(sorted(metrics))
    assert state.step.shape == ()


@pytest.mark.parametrize("name", re.findall(r"\]\(((?:dfdetect_jax|tests|configs|benchmarks|launch)[^)#]*)\)", README))
def test_a_file_that_the_readme_links_to_is_there(name):
    assert (Path(__file__).parents[1] / name).exists()
