"""A model folder: what is exported opens as the same detector, and only as what was exported."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

import dfdetect_jax as dfd
from dfdetect_jax import export, files
from dfdetect_jax.errors import InputError, RecordsError, RunError
from dfdetect_jax.exchange.model_folder import write_model
from dfdetect_jax.exchange.opening import open_detector
from dfdetect_jax.exchange.sealed_folder import SUMS, seal
from dfdetect_jax.run.folder import records_of
from dfdetect_jax.run.frozen import read_frozen
from dfdetect_jax.scoring.decision import decision_rule
from tests import trained


def crops(run, count=3):
    size = run.settings.data.image_size
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    return write_model(trained.opened_lae(), tmp_path_factory.mktemp("exported") / "lae")


@pytest.fixture
def copy(exported, tmp_path):
    return shutil.copytree(exported, tmp_path / "copy")


def test_an_exported_run_gives_equal_scores_and_maps(exported):
    run, model = trained.opened_lae(), open_detector(exported)
    expected, actual = run.localize(crops(run)), model.localize(crops(run))
    np.testing.assert_array_equal(actual.score, expected.score)
    np.testing.assert_array_equal(actual.attention, expected.attention)
    for name in ("crop", "threshold", "seen", "notes"):
        assert getattr(model, name) == getattr(run, name)
    assert read_frozen(model) == read_frozen(run)


def test_a_command_that_needs_a_run_says_that_a_model_is_none(exported, tmp_path):
    with pytest.raises(RunError, match="expected a run folder, found a model that export made of one; give it as --mo"):
        export.main(["--run", str(exported), "--out", str(tmp_path / "again")])


def test_a_detector_is_shown_in_a_few_lines(exported):
    """Neither weights nor the scores of validation's reals are printed at a prompt."""
    detector = dfd.load(exported)
    assert len(repr(detector)) < 5000
    assert len(repr(detector.rule)) < 1000


def test_verdicts_rest_on_the_scores_of_reals_in_the_folder(copy):
    change(copy, lambda values: values["validation"].update(reals=[0.1] * 90 + [0.8] * 10))
    assert decision_rule(open_detector(copy), 0.05).fake_from == pytest.approx(0.8, abs=1e-3)


def test_half_precision_is_half_as_large_and_nearly_as_exact(exported, tmp_path):
    run = trained.opened_lae()
    half = write_model(run, tmp_path / "half", dtype="float16")
    sizes = [(folder / "weights.safetensors").stat().st_size for folder in (half, exported)]
    assert sizes[0] < 0.7 * sizes[1]
    np.testing.assert_allclose(open_detector(half).score(crops(run)), run.score(crops(run)), atol=1e-3)
    again = write_model(open_detector(half), tmp_path / "again")
    assert (again / "weights.safetensors").read_bytes() == (half / "weights.safetensors").read_bytes()


def test_no_path_of_the_machine_is_handed_on(exported):
    run = trained.opened_lae()
    content = "".join((exported / name).read_text() for name in ("config.json", "README.md"))
    assert str(run.folder.parent) not in content
    with pytest.raises(RecordsError, match="found a model"):
        records_of(open_detector(exported))


def test_the_digests_are_those_that_sha256sum_checks(exported):
    lines = dict(reversed(line.split("  ")) for line in (exported / SUMS).read_text().splitlines())
    assert lines == {p.name: files.sha256_file(p) for p in exported.iterdir() if p.name != SUMS}
    assert set(lines) == {"README.md", "config.json", "weights.safetensors"}


def test_a_folder_with_content_is_left_alone(tmp_path):
    (tmp_path / "note").write_text("mine")
    with pytest.raises(RunError, match="found one with content"):
        write_model(trained.opened_lae(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def test_a_run_that_can_not_be_written_leaves_nothing(tmp_path):
    run = trained.opened_lae()
    beyond = {"params": {"layer": {"kernel": np.float32([[1e6]])}}, "batch_stats": {}}
    with pytest.raises(RunError, match="params/layer/kernel: expected finite numbers as float16"):
        write_model(dataclasses.replace(run, variables=beyond), tmp_path / "out", dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_the_digest_of_the_sums_stands_for_the_folder(exported):
    assert open_detector(exported, files.sha256_file(exported / SUMS)).seen
    with pytest.raises(RunError, match=r"expected SHA-256 0{64}, found"):
        open_detector(exported, "0" * 64)
    with pytest.raises(RunError, match="found no SHA256SUMS"):
        open_detector(trained.folders()[0], "0" * 64)


def change(folder, change_values):
    """Changes config.json and seals the folder again, as whoever makes a bad model on purpose would."""
    values = json.loads((folder / "config.json").read_text())
    change_values(values)
    (folder / "config.json").write_text(json.dumps(values))
    seal(folder)


def link_to_a_copy(path):
    shutil.move(path, path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def resized(folder):
    change(folder, lambda values: values["settings"]["model"].update(width=2.0))


FAULTS = {
    "a flipped byte": (
        lambda f: (f / "weights.safetensors").write_bytes((f / "weights.safetensors").read_bytes()[:-1] + b"x"),
        r"weights\.safetensors: expected the SHA-256 in SHA256SUMS, found another",
    ),
    "a link": (lambda f: link_to_a_copy(f / "weights.safetensors"), r"found none \(a link\)"),
    "a pipe": (lambda f: ((f / "config.json").unlink(), os.mkfifo(f / "config.json")), "found another"),
    "a missing file": (lambda f: (f / "config.json").unlink(), r"config\.json: expected a file of a model folder"),
    "an unlisted file": (lambda f: ((f / "config.json").unlink(), seal(f)), r"expected config\.json in SHA256SUMS"),
    "a name outside": (lambda f: (f / SUMS).write_text(f"{'0' * 64}  ../config.json\n"), "expected lines of"),
    "another network": (resized, r"expected the \d+ arrays of these settings .* found others, first "),
    "an unknown setting": (lambda f: change(f, lambda v: v["settings"].update(x=1)), r"no setting config\.x"),
    "an unknown method": (lambda f: change(f, lambda v: v["settings"].update(method="os")), "method: expected one of"),
    "an unknown version": (lambda f: change(f, lambda v: v["model"].update(version=9)), "use the version that wrote"),
    "a threshold": (lambda f: change(f, lambda v: v["checkpoint"].update(threshold="0")), r"checkpoint\.threshold"),
    "a temperature": (lambda f: change(f, lambda v: v["validation"].update(temperature=0)), r"validation\.temperature"),
    "no crop": (lambda f: change(f, lambda v: v["data"].update(crop=None)), "crop"),
    "a list": (lambda f: ((f / "config.json").write_text("[]"), seal(f)), "expected a JSON object, found list"),
    "depth": (lambda f: ((f / "config.json").write_text("[" * 10**5), seal(f)), "expected JSON, found"),
    "no number": (lambda f: ((f / "config.json").write_text('{"a": NaN}'), seal(f)), "found NaN"),
    "no tensors": (lambda f: ((f / "weights.safetensors").write_text("x" * 20), seal(f)), "expected safetensors"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_differs_from_an_exported_folder_is_refused_in_one_line(fault, copy):
    cause, message = FAULTS[fault]
    cause(copy)
    with pytest.raises(InputError, match=message) as error:
        open_detector(copy)
    assert "\n" not in str(error.value)


def test_the_command_writes_what_load_and_predict_take(tmp_path, capsys, monkeypatch):
    from dfdetect_jax.predict import main as predict

    monkeypatch.chdir(tmp_path)
    run = trained.folders()[0]
    assert export.main(["--run", str(run), "--out", "cae"]) == 0
    folder, digest = capsys.readouterr().out.split("\nsha256 ")
    photo = str(trained.write_photo(tmp_path / "a.png", trained.one_face()))
    assert predict(["--model", folder, "--sha256", digest.strip(), photo]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["score"] == pytest.approx(dfd.load(run).predict(photo).score, abs=1e-6)
    assert line["picture"].startswith(str(tmp_path / "predictions"))
    assert [path.name for path in sorted((tmp_path / "cae").iterdir())] == sorted(
        ["README.md", SUMS, "config.json", "weights.safetensors"]
    )
