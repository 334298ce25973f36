import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from dfdetect_jax import check
from dfdetect_jax.cli import ExitStatus
from dfdetect_jax.data.catalog import folder
from dfdetect_jax.data.finding import Finding, Severity, Subject
from dfdetect_jax.errors import RecordsError, SettingsError
from tests.data.drawn import write_records
from tests.data.scenes import save, scene


@pytest.fixture
def tree(tmp_path):
    """Enough photographs that each split has some, all fakes with masks."""
    for number in range(40):
        save(tmp_path / f"real/p{number}.png", scene(number))
        forged = scene(number)
        forged[30:60, 40:90] = 255 - forged[30:60, 40:90]
        save(tmp_path / f"paste/p{number}.png", forged)
        mask = np.zeros((96, 128), np.uint8)
        mask[30:60, 40:90] = 255
        save(tmp_path / f"masks/paste/p{number}.png", mask)
    return tmp_path


def run(capsys, *arguments):
    status = check.main(list(map(str, arguments)))
    return status, capsys.readouterr().out


def of_subject(result, subject):
    return [finding.words for finding in result.findings if finding.subject == subject]


def test_a_sound_tree_is_counted_and_called_sound(tree, capsys):
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == ExitStatus.OK
    assert printed.splitlines()[0] == str(tree)
    assert printed.splitlines()[-1] == "sound"
    result = check.check_tree("folder", tree)
    assert list(result.counts) == ["train", "val", "test"]
    assert sum(count["clips"] for forgeries in result.counts.values() for count in forgeries.values()) == 80
    assert result.findings == []


def test_a_tree_without_a_single_clip_is_reported_on_all_the_same(tmp_path, capsys):
    (tmp_path / "metadata.json").write_text('{"a.mp4": {"label": "REAL"}}')
    status, printed = run(capsys, "--dataset", "dfdc", "--root", tmp_path)
    assert status == ExitStatus.INCOMPLETE
    assert "listed but absent: a (1)" in printed
    assert "- error: no reals and no fakes" in printed


def test_masks_are_counted_for_fakes_alone(tree):
    (tree / "masks/paste/p0.png").unlink()
    counts = check.check_tree("folder", tree).counts
    assert {forgeries[""]["with mask"] for forgeries in counts.values()} == {None}
    assert sum(forgeries["paste"]["with mask"] for forgeries in counts.values()) == 39


def test_the_stages_of_the_audit_are_printed(tree, capsys):
    _, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert "opened 80 clips" in printed
    assert "read the traits of 40 reals and 40 fakes: " in printed
    assert "examined 40 masks: " in printed


def test_notes_alone_leave_a_tree_sound(tree, capsys):
    (tree / "masks/paste/p0.png").unlink()
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == ExitStatus.OK
    assert "- note: paste: neither mask nor source on disk, so no masks: paste/p0 (1)" in printed
    assert printed.splitlines()[-1] == "sound (1 note)"


@pytest.mark.parametrize(("fail_on", "unsound"), [("note", True), ("warning", True), ("error", False)])
def test_the_level_decides_from_which_severity_on_a_tree_is_unsound(tree, tmp_path, capsys, fail_on, unsound):
    (tree / "empty").mkdir()  # a warning
    report = tmp_path / "report.json"
    status, printed = run(capsys, "--dataset", "folder", "--root", tree, "--fail_on", fail_on, "--report", report)
    assert status == (ExitStatus.INCOMPLETE if unsound else ExitStatus.OK)
    assert printed.splitlines()[-1] == ("1 warning" if unsound else "sound (1 warning)")
    assert json.loads(report.read_text())["sound"] is not unsound


def test_an_unknown_level_is_refused_in_one_line(tree):
    with pytest.raises(SettingsError, match="check: argument --fail_on: invalid choice: 'fatal'"):
        check.main(["--dataset", "folder", "--root", str(tree), "--fail_on", "fatal"])


def test_unreadable_clips_and_masks_are_named(tree, capsys):
    (tree / "paste/p3.png").write_bytes(b"not a picture")
    (tree / "masks/paste/p4.png").write_bytes((tree / "masks/paste/p4.png").read_bytes()[:60])
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == ExitStatus.INCOMPLETE
    assert "- error: paste/p3: clip can't be read: " in printed
    assert "- error: paste/p4: mask can't be read: " in printed
    assert printed.splitlines()[-1] == "2 errors"


def test_fakes_saved_differently_from_reals_are_reported(tree):
    for path in list((tree / "paste").iterdir()):
        path.unlink()
        save(path.with_suffix(".jpg"), scene(int(path.stem[1:]) + 100)[:-2])
    shortcuts = of_subject(check.check_tree("folder", tree), "shortcuts")
    assert [words.partition(" (")[0] for words in shortcuts] == [
        "reals and fakes differ in size",
        "reals and fakes differ in file format",
    ]
    assert "0% of reals and 100% of fakes: 128x94" in shortcuts[0]


def test_a_picture_in_two_splits_is_found_as_a_copy_or_saved_again(tree):
    split_of = {Path(clip.path).stem: clip.split for clip in folder.find_clips(tree).clips if not clip.forgery}
    train, test = (next(stem for stem in split_of if split_of[stem] == split) for split in ("train", "test"))
    picture = scene(int(train[1:]))
    save(tree / f"real/{test}.png", picture)
    result = check.check_tree("folder", tree)
    assert of_subject(result, "look-alikes") == []
    (words,) = of_subject(result, "duplicates")
    assert f", real/{train} (train) and real/{test} (test): " in words
    save(tree / f"real/{test}.png", np.clip(picture * 0.95, 0, 255).astype(np.uint8))
    result = check.check_tree("folder", tree)
    (words,) = of_subject(result, "look-alikes")
    assert words.startswith(f"test against train: 1 look-alike, real/{test} like real/{train}; ")
    assert of_subject(result, "duplicates") == []


def test_masks_that_do_not_fit_are_reported(tree):
    save(tree / "masks/paste/p5.png", np.full((40, 40), 255, np.uint8))
    misfits = of_subject(check.check_tree("folder", tree), "masks")
    assert [words.partition(":")[0] for words in misfits] == ["1 of 40 masks examined"] * 2
    assert "paste/p5 (40x40, its picture 128x96)" in misfits[0]


def test_findings_about_the_tree_are_printed_last(tree, capsys):
    shutil.rmtree(tree / "paste")
    shutil.rmtree(tree / "masks")
    (tree / "real/p3.png").write_bytes(b"not a picture")
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == ExitStatus.INCOMPLETE
    assert "- error: no fakes: training and most metrics need both" in printed
    assert printed.index("\nfiles:\n") < printed.index("\ntree:\n")


def test_the_report_is_for_scripts(tree, tmp_path, capsys):
    (tree / "paste/p3.png").write_bytes(b"not a picture")
    run(capsys, "--dataset", "folder", "--root", tree, "--report", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["checked"] == str(tree)
    assert report["sound"] is False
    assert report["counts"] == check.check_tree("folder", tree).counts
    (finding,) = report["findings"]
    assert (finding["subject"], finding["severity"]) == ("files", "error")
    assert not list(tmp_path.glob("*.partial"))


def test_a_report_that_can_not_be_written_is_an_input_error(tree, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"--report .*can't be written"):
        check.main(["--dataset", "folder", "--root", str(tree), "--report", str(tmp_path / "file/report.json")])


def test_findings_are_folded_for_a_terminal_alone():
    findings = [
        Finding(Subject.FILES, Severity.ERROR, "word " * 30),
        Finding(Subject.TREE, Severity.WARNING, "/a/path/without/spaces" * 6),
    ]
    heading, *folded = check.finding_lines(findings[:1], 40)
    assert heading == "files:"
    lines = folded[0].splitlines()
    assert all(len(line) <= 40 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])
    assert list(check.finding_lines(findings))[3] == f"- warning: {'/a/path/without/spaces' * 6}"
    assert "/a/path/without/spaces" * 6 in list(check.finding_lines(findings, 40))[3]  # paths can be copied


def test_sound_records_are_called_sound(drawn_records, capsys):
    status, printed = run(capsys, "--records", drawn_records)
    assert (status, printed.splitlines()[-1]) == (ExitStatus.OK, "sound")
    assert "examples" in printed


def test_changed_records_are_found(drawn_records, capsys):
    (drawn_records / "index-val.npy").write_bytes(b"")
    status, printed = run(capsys, "--records", drawn_records)
    assert status == ExitStatus.INCOMPLETE
    assert "- error: index-val.npy: its bytes are not those that were written" in printed


def test_every_file_of_records_is_hashed(drawn_records):
    for path in drawn_records.iterdir():
        if path.name == "manifest.json":
            continue
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        assert [path.name in finding.words for finding in check.check_records(drawn_records).findings] == [True]
        path.write_bytes(whole)
    assert check.check_records(drawn_records).findings == []


@pytest.fixture
def drawn_records(tmp_path):
    return write_records(tmp_path / "drawn/32px/1.0.0", {"train": 8, "val": 4})


@pytest.mark.parametrize("arguments", [[], ["--dataset", "folder"], ["--records", "x", "--root", "y"]])
def test_a_command_line_with_neither_or_both_is_refused(arguments):
    with pytest.raises(SettingsError, match="check: expected either --dataset with --root, or --records"):
        check.main(arguments)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(RecordsError):
        check.main(["--dataset", "faceforensics", "--root", str(tmp_path)])
    with pytest.raises(RecordsError):
        check.main(["--records", str(tmp_path)])
