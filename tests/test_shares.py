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
