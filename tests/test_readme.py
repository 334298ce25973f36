"""The Python code of the README and of the page on evaluation runs, on a smaller network and data set."""

import functools

import pytest

import dfdetect_jax as dfd
from tests import trained
from tests.documents import blocks

SMALLER = {
    "image_size=96": "image_size=40, forge_images=16, data_dir='data'",
    "width=0.25": "width=0.02, middle_blocks=0, decoder_widths=(16, 8), classifier_width=16",
    "steps=800, eval_every=200": "batch_size=8, steps=2, eval_every=2",
}


def code_of(document: str) -> str:
    """Of its block that this test runs."""
    (block,) = [block for block in blocks("python") if block.place.startswith(document) and block.mark == "run by"]
    assert block.reason == "tests/test_readme.py"
    return block.code


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current one, with a photograph and a video."""
    monkeypatch.chdir(tmp_path)
    trained.write_photo(tmp_path / "photo.jpg", trained.one_face())
    trained.write_clip(tmp_path / "clip.avi", [trained.one_face(2 * i) for i in range(3)]).rename("clip.mp4")


def test_the_front_door_in_ten_lines(folder, capsys, monkeypatch):
    monkeypatch.setattr(dfd, "evaluate", functools.cache(dfd.evaluate))  # both blocks measure the same
    code = code_of("README.md")
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
    exec(code_of("evaluate.md"), {})  # of the same run
    assert "swap_alpha True" in capsys.readouterr().out
