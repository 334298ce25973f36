"""A folder of files that is trusted by the digests in it: `SHA256SUMS`, in the format of `sha256sum`.

Only regular files that stand in the folder itself are read, by plain names: no links, no "..", no other folders. A
file's bytes are read once, and what was hashed is what is used.
"""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from dfdetect_jax import files
from dfdetect_jax.errors import RunError

SUMS, CARD = "SHA256SUMS", "README.md"
LARGEST_FILE = 2**31  # bytes; safetensors and ONNX of a detector are far below
LARGEST_TEXT = 2**24
# Neither follows a link, nor waits for the writer of a pipe; Windows has neither flag, and needs one for bytes.
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._-]*)")


def seal(folder: Path) -> None:
    """Writes the digests of all files in `folder`."""
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    files.write_text(folder / SUMS, "".join(f"{files.sha256_file(folder / name)}  {name}\n" for name in names))


def read_sums(folder: Path, sha256: str = "") -> dict[str, str]:
    """The digests of a sealed folder by the names of its files.

    Args:
        folder: holds `SUMS`.
        sha256: digest that `SUMS` itself must have; "" for any.

    Raises:
        RunError: it can't be read, is malformed, or has another digest.
    """
    content = read_regular(folder / SUMS, LARGEST_TEXT)
    digest = hashlib.sha256(content).hexdigest()
    if sha256 and digest != sha256.lower():
        raise RunError(
            f"{folder / SUMS}: expected SHA-256 {sha256}, found {digest}; this is another model, or it was changed"
        )
    lines = content.decode("utf-8", errors="replace").splitlines()
    matches = [_LINE.fullmatch(line) for line in lines]
    if not lines or None in matches:
        raise RunError(f'{folder / SUMS}: expected lines of "SHA-256  file name", found another; get the folder anew')
    return {match[2]: match[1] for match in matches if match}


def read_file(folder: Path, name: str, sums: Mapping[str, str]) -> bytes:
    """The bytes of one file, which have the digest that is listed.

    Raises:
        RunError: it isn't listed, can't be read, is no regular file of this folder, or has another digest.
    """
    if name not in sums:
        raise RunError(f"{folder}: expected {name} in {SUMS}, found {', '.join(sums)}; get the folder anew")
    content = read_regular(folder / name, LARGEST_FILE)
    if hashlib.sha256(content).hexdigest() != sums[name]:
        raise RunError(f"{folder / name}: expected the SHA-256 in {SUMS}, found another; get the folder anew")
    return content


def read_regular(path: Path, largest: int) -> bytes:
    """The bytes of a regular file that is no link.

    Raises:
        RunError: it can't be read, is something else, or has more bytes than `largest`.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_size > largest:
                raise RunError(f"{path}: expected a file of at most {largest:,} bytes, found another; get it anew")
            return file.read(largest)
    except OSError as error:
        reason = "a link" if path.is_symlink() else error.strerror or str(error)
        raise RunError(
            f"{path}: expected a file of a model folder, found none ({reason}); get the folder anew"
        ) from error
