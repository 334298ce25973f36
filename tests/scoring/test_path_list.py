import os
import threading

import pytest

from dfdetect_jax.errors import SettingsError
from dfdetect_jax.scoring.path_list import listed_paths


@pytest.fixture
def paths(tmp_path, monkeypatch):
    """Reads a list of the given bytes, in a folder with some files."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", '"in quotes.jpg"', " blank.jpg"):
        (tmp_path / name).touch()

    def read(content, **options):
        (tmp_path / "list").write_bytes(content)
        return list(listed_paths("list", **options))

    return read


def test_a_list_has_a_path_per_line_and_its_ends_do_not_matter(paths):
    names = ["a.jpg", "with space.jpg", os.fsdecode(b"\xff.jpg"), "last.jpg"]
    assert paths(b"a.jpg\n\nwith space.jpg\r\n\xff.jpg\nlast.jpg") == names


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("block", [1, 3, 65_536])
def test_a_byte_order_mark_names_the_encoding(encoding, block, paths):
    content = "\N{BYTE ORDER MARK}a.jpg\r\nM\N{LATIN SMALL LETTER U WITH DIAERESIS}ller \N{GRINNING FACE}.jpg\r\n"
    assert paths(content.encode(encoding), block=block) == ["a.jpg", "M\xfcller \U0001f600.jpg"]


def test_bytes_that_are_no_text_survive_a_byte_order_mark(paths):
    assert paths(b"\xef\xbb\xbf\xff.jpg\n") == [os.fsdecode(b"\xff.jpg")]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('"a.jpg"', "a.jpg"),
        ("'absent.jpg'", "absent.jpg"),
        ('"in quotes.jpg"', '"in quotes.jpg"'),
        ('"half.jpg', '"half.jpg'),
        ('"C:\\photos\\x.jpg"', "C:\\photos\\x.jpg"),
        ("a.jpg \t", "a.jpg"),
        (" blank.jpg", " blank.jpg"),
        ('""', '""'),
    ],
)
def test_quotes_and_blanks_around_a_path_are_dropped_unless_they_belong_to_it(line, path, paths):
    assert paths(f"{line}\n".encode()) == [path]


def test_nuls_separate_paths_that_may_have_any_other_character(paths):
    lines = []
    names = ["a.jpg", "new\nline.jpg", '"a.jpg"', " "]
    content = "\0".join(names).encode()
    assert paths(content, log=lines.append) == names
    assert lines == ["--paths_from: the paths in list are separated by NUL"]
    assert paths(b"new\nline.jpg\0b.jpg\0", null=True) == ["new\nline.jpg", "b.jpg"]
    assert paths(b"a\0b\0c\0d\0", null=True) == list("abcd")


def test_a_list_of_nothing_is_said(paths):
    for content in (b"", b"\xef\xbb\xbf"):
        lines = []
        assert paths(content, log=lines.append) == []
        assert lines == ["--paths_from: the list in list is empty"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("a.jpg\nb.jpg\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        ("a.jpg\nb.jpg\n".encode("utf-16-be"), "UTF-16 without a byte order mark"),
        (b"\xff\xd8\xff\xe1\x45\x67Exif\0\0", "no text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "no text"),
        (b"BM\x36\x30\x0c\x00\x00\x00\x00\x00", "no text"),
        (b"PK\x03\x04\x14\x00\x06\x00", "no text"),
    ],
)
def test_what_is_no_list_is_refused(content, kind, paths):
    with pytest.raises(
        SettingsError, match=rf"expected a list of paths in list, found {kind}.*write one path per line"
    ):
        paths(content)


def test_a_long_list_is_split_into_lines_across_blocks(paths):
    names = [f"{i}.jpg" for i in range(100)]
    assert paths("\n".join(names).encode(), block=7) == names


@pytest.mark.parametrize("separator", ["\n", "\0"])
def test_a_list_is_read_as_its_paths_come(separator, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    more = threading.Event()

    def write():
        with open(pipe, "w") as file:
            file.write(f"a.jpg{separator}")
            file.flush()
            more.wait(10)
            file.write(f"b.jpg{separator}")

    threading.Thread(target=write, daemon=True).start()
    paths = listed_paths(str(pipe))
    assert next(paths) == "a.jpg"
    more.set()
    assert list(paths) == ["b.jpg"]


@pytest.mark.parametrize("source", ["absent", "."])
def test_a_list_that_cannot_be_read_is_refused(source, tmp_path):
    with pytest.raises(SettingsError, match="expected a list of paths"):
        list(listed_paths(str(tmp_path / source)))
