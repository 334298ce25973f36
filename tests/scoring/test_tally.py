from dfdetect_jax.errors import BadMediaError
from dfdetect_jax.scoring.tally import Tally


def test_one_face_is_no_plural():
    tally = Tally()
    tally.faces = 1
    assert ", 1 face scored in " in tally.report()


def test_counts_are_reported_in_one_line():
    tally = Tally()
    tally.add(BadMediaError("broken"))
    assert tally.report().startswith("1 file, 1 failed, 0 faces scored in ")
    tally.add(BadMediaError("broken"))
    tally.pictures_missing += 1
    assert tally.report().startswith("2 files, 2 failed, 1 without their picture, 0 faces scored in ")
    assert tally.seconds_since_report() < 60
