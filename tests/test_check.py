import shutil

import cv2
import pytest

from dfdetect_jax import check
from dfdetect_jax.errors import RecordsError, SettingsError
from tests.data.drawn import write_records
from tests.data.photographs import face_picture, forged_picture, mask_picture, write_image


@pytest.fixture
def tree(tmp_path):
    """Enough photographs that each split has some, all fakes with masks."""
    for number in range(40):
        write_image(tmp_path / f"real/p{number}.png", face_picture()[::4, ::4])
        write_image(tmp_path / f"paste/p{number}.png", forged_picture()[::4, ::4])
        write_image(tmp_path / f"masks/paste/p{number}.png", mask_picture()[::4, ::4])
    return tmp_path


def run(capsys, *arguments):
    status = check.main(list(map(str, arguments)))
    return status, capsys.readouterr().out


def test_a_sound_tree_is_counted_and_called_sound(tree, capsys):
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == check.SOUND
    assert printed.splitlines()[-1] == "sound"
    counts, findings = check.check_tree("folder", tree)
    assert list(counts) == ["train", "val", "test"]
    assert sum(count["clips"] for methods in counts.values() for count in methods.values()) == 80
    assert findings == []


def test_unreadable_clips_and_masks_are_named(tree, capsys):
    (tree / "paste/p3.png").write_bytes(b"not a picture")
    (tree / "masks/paste/p4.png").write_bytes((tree / "masks/paste/p4.png").read_bytes()[:60])
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == check.FINDINGS
    assert "- paste/p3: clip can't be read: " in printed
    assert "- paste/p4: mask can't be read: " in printed


def test_fakes_of_another_size_or_quality_than_the_reals_are_told(tree):
    for path in (tree / "paste").iterdir():
        picture = cv2.imread(str(path))
        path.unlink()
        cv2.imwrite(str(path.with_suffix(".jpg")), picture[:-2])
    told = "\n".join(check.check_tree("folder", tree)[1])
    assert "reals and fakes differ in size (reals mostly 90x50, fakes 90x48): a detector may learn that" in told
    assert "reals and fakes differ in format and JPEG quality (reals mostly PNG, fakes JPEG with" in told


def test_what_the_catalog_finds_is_told(tree, capsys):
    shutil.rmtree(tree / "real")
    status, printed = run(capsys, "--dataset", "folder", "--root", tree)
    assert status == check.FINDINGS
    assert "- real: no reals, so nothing to tell fakes from" in printed


def test_sound_records_are_called_sound(drawn_records, capsys):
    status, printed = run(capsys, "--records", drawn_records)
    assert (status, printed.splitlines()[-1]) == (check.SOUND, "sound")
    assert "examples" in printed


def test_changed_records_are_found(drawn_records, capsys):
    (drawn_records / "index-val.npy").write_bytes(b"")
    status, printed = run(capsys, "--records", drawn_records)
    assert status == check.FINDINGS
    assert "- index-val.npy: its bytes are not those that were written" in printed


@pytest.fixture
def drawn_records(tmp_path):
    return write_records(tmp_path / "drawn/32px/1.0.0", {"train": 8, "val": 4})


@pytest.mark.parametrize("arguments", [[], ["--dataset", "folder"], ["--records", "x", "--root", "y"]])
def test_it_is_told_what_to_give(arguments):
    with pytest.raises(SettingsError, match="either --dataset with --root, or --records"):
        check.main(arguments)


def test_what_is_no_tree_at_all_is_refused(tmp_path):
    with pytest.raises(RecordsError):
        check.main(["--dataset", "faceforensics", "--root", str(tmp_path)])
    with pytest.raises(RecordsError):
        check.main(["--records", str(tmp_path)])
