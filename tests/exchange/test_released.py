"""The detector that comes with the package."""

import pytest
import skimage.data

import dfdetect_jax as dfd
from dfdetect_jax import card, export
from dfdetect_jax.errors import RunError
from dfdetect_jax.evaluation.subjects import open_subjects
from dfdetect_jax.exchange import released
from dfdetect_jax.exchange.card import read_card
from dfdetect_jax.exchange.model_folder import write_model
from dfdetect_jax.exchange.opening import open_detector, open_released
from dfdetect_jax.exchange.sealed_folder import SUMS
from dfdetect_jax.files import sha256_file
from dfdetect_jax.predict import main as predict
from dfdetect_jax.scoring.decision import Verdict, decision_rule
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


def test_it_is_measured_by_its_name_and_a_folder_of_that_name_by_its_path(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # in which `released` is a folder, too
    data = trained.folders()[1].parents[2]
    ((name, run),) = open_subjects(["released"], ["forge"], data_dir=str(data), open_one=open_detector).runs.items()
    assert (name, run.folder) == ("released", folder)
    monkeypatch.setattr(released, "SHA256", "0" * 64)
    assert open_detector("./released").folder == folder
    with pytest.raises(RunError, match=r"expected SHA-256 0{64}"):
        open_detector("released")


def test_its_card_is_printed(folder, capsys):
    assert card.main([]) == 0
    assert capsys.readouterr().out == (folder / "README.md").read_text()


def test_a_card_carries_the_notes_of_the_export(folder):
    assert "- Research only." in (folder / "README.md").read_text().splitlines()


def test_it_is_exported_by_its_name_with_the_figures_and_notes_of_its_card(folder, tmp_path, capsys):
    (tmp_path / "notes").write_text("Handed on by us.\n")
    command = ["--model", "released", "--out", str(tmp_path / "out"), "--notes", str(tmp_path / "notes")]
    assert export.main(command) == 0
    (title, kept), (own_title, own) = (
        read_card((each / "README.md").read_text()) for each in (tmp_path / "out", folder)
    )
    assert (title, kept["Verdicts"], kept["Figures"]) == (own_title, own["Verdicts"], own["Figures"])
    assert kept["Training"] == [*own["Training"], "", "- Handed on by us."]
    assert released.SHA256 in (tmp_path / "out" / "README.md").read_text()
    photo, model = trained.one_face(), open_detector(tmp_path / "out")
    assert dfd.Detector(model).predict(photo).score == dfd.load().predict(photo).score


def test_the_released_files_are_small_and_the_ones_that_are_pinned():
    files = [path for path in released.FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8e6
    assert sha256_file(released.FOLDER / SUMS) == released.SHA256


def test_the_released_detector_has_a_verdict_between_and_maps():
    run = open_released()
    rule = decision_rule(run)
    assert rule.real_below < rule.fake_from
    assert rule.temperature is not None
    assert run.localizes
    assert run.settings.loss.attention > 0


@pytest.mark.slow
def test_the_released_detector_calls_a_known_photograph_real_with_the_score_of_its_release():
    result = dfd.load().predict(skimage.data.astronaut())
    assert result.verdict == Verdict.REAL
    assert result.score == pytest.approx(0.056, abs=0.01)
