import os

import pytest

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.shares import Share, read_share


@pytest.mark.parametrize(("text", "share"), [("0/1", Share(0, 1)), ("2/3", Share(2, 3))])
def test_a_share_is_parsed(text, share):
    assert read_share(text) == share


@pytest.mark.parametrize("text", ["", "1", "3/3", "-1/3", "1/0", "a/b", "1/3/5"])
def test_malformed_shares_are_refused(text):
    with pytest.raises(SettingsError, match="expected i/n with i from 0 to n - 1"):
        read_share(text)


def test_shares_are_disjoint_and_complete():
    shares = [Share(index, 3).of(10) for index in range(3)]
    assert shares == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]
    assert Share(5, 8).of(2) == []


# As `printf %s PATH | b2sum -l 64` prints them.
@pytest.mark.parametrize(
    ("path", "hashed"), [(b"/archive/a.jpg", 0xB1091CF83E2A0248), (b"/archive/\xff.jpg", 0x533035A050FEC8CF)]
)
def test_a_file_belongs_to_the_share_that_the_hash_of_its_path_names(path, hashed):
    assert [index for index in range(7) if Share(index, 7).has(os.fsdecode(path))] == [hashed % 7]


def test_shares_of_paths_are_disjoint_complete_and_the_same_for_relative_ones(tmp_path, monkeypatch):
    names = [f"{number}.jpg" for number in range(40)]
    monkeypatch.chdir(tmp_path)
    shares = [[name for name in names if Share(index, 3).has(name)] for index in range(3)]
    monkeypatch.chdir("/")
    assert shares == [[name for name in names if Share(index, 3).has(str(tmp_path / name))] for index in range(3)]
    assert sorted(name for share in shares for name in share) == sorted(names)
    assert all(shares)
