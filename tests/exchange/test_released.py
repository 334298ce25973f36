"""The detector that comes with the package."""

import pytest

from dfdetect_jax import card
from dfdetect_jax.exchange import released
from dfdetect_jax.exchange.model_folder import write_model
from dfdetect_jax.exchange.sealed_folder import SUMS
from dfdetect_jax.files import sha256_file
from dfdetect_jax.predict import main as predict
from tests import trained


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Another detector in its place, so that what it says is known."""
    folder = write_model(trained.opened_lae(), tmp_path / "released", notes=["Research only."])
    monkeypatch.setattr(released, "FOLDER", folder)
    monkeypatch.setattr(released, "SHA256", sha256_file(folder / SUMS))
    return folder


def test_predict_without_a_run_uses_it_and_says_so(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo = trained.write_photo(tmp_path / "a.png", trained.one_face())
    assert predict([str(photo), "--pictures", "none"]) == 0
    printed = capsys.readouterr()
    assert "the detector that comes with the package" in printed.err
    assert '"score"' in printed.out


def test_its_card_is_printed(folder, capsys):
    assert card.main([]) == 0
    assert capsys.readouterr().out == (folder / "README.md").read_text()


def test_a_card_carries_the_notes_of_the_export(folder):
    assert "- Research only." in (folder / "README.md").read_text().splitlines()
