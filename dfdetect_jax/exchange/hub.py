"""Models on the Hugging Face hub, by name, revision and digest; each is downloaded once.

What is kept is named by the digest of its `SHA256SUMS`, so nothing can change behind a name.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

from dfdetect_jax import files
from dfdetect_jax.errors import RunError
from dfdetect_jax.exchange.onnx_run import NETWORK
from dfdetect_jax.exchange.payload import WEIGHTS
from dfdetect_jax.exchange.sealed_folder import CARD, SUMS, read_file, read_sums
from dfdetect_jax.run.folder import CONFIG

_NAME = re.compile(r"(\w[\w.-]*/\w[\w.-]*)@(\w[\w./-]*)")


def model_name(source: str) -> tuple[str, str] | None:
    """ "OWNER/NAME@REVISION" as ("OWNER/NAME", "REVISION"); None for anything else."""
    match = _NAME.fullmatch(source)
    return (match[1], match[2]) if match else None


def download(repository: str, revision: str, sha256: str) -> Path:
    """The folder of a model, downloaded if it isn't there.

    Args:
        repository: "OWNER/NAME".
        revision: branch, tag or commit.
        sha256: of its `SHA256SUMS`.

    Raises:
        RunError: there is no such model, the hub can't be reached, no digest is given, or a file has another one.
    """
    where = f"{repository}@{revision}"
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise RunError(
            f"{where}: expected the SHA-256 of its {SUMS}, 64 hexadecimal digits, found {sha256!r}; give it as --sha256"
        )
    folder = _cache() / sha256.lower()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        staging = Path(scratch) / "model"
        _fetch(repository, revision, SUMS, staging)
        sums = read_sums(staging, sha256)
        for name in {CONFIG, WEIGHTS, NETWORK, CARD} & set(sums):  # the card, for what is exported of it
            _fetch(repository, revision, name, staging)
            read_file(staging, name, sums)
        shutil.rmtree(staging / ".cache", ignore_errors=True)  # the client's notes
        try:
            os.replace(staging, folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
    return folder


def push(folder: Path, repository: str) -> str:
    """Uploads a model folder as one commit, to a repository that is made private if there is none.

    The hub's client takes the user's token from `hf auth login` or HF_TOKEN.

    Args:
        folder: a model folder.
        repository: "OWNER/NAME".

    Returns:
        "OWNER/NAME@REVISION", the revision being the commit.

    Raises:
        RunError: the hub can't be reached, or doesn't let this user write there.
    """
    import huggingface_hub

    read_sums(folder)  # nothing else is uploaded by mistake
    try:
        hub = huggingface_hub.HfApi(endpoint=huggingface_hub.constants.ENDPOINT)
        hub.create_repo(repository, private=True, exist_ok=True)
        commit = hub.upload_folder(repo_id=repository, folder_path=folder, commit_message=f"Export {folder.name}")
    except Exception as error:  # as in `_fetch`
        raise RunError(
            f"{repository}: expected a repository on the Hugging Face hub to write to, found none "
            f"({_first_line(error)}); the model is in {folder}: log in with hf auth login, and push it again"
        ) from error
    return f"{repository}@{commit.oid}"


def _fetch(repository: str, revision: str, name: str, folder: Path) -> None:
    import huggingface_hub

    try:
        huggingface_hub.hf_hub_download(repository, name, revision=revision, local_dir=folder)
    except Exception as error:  # whatever the HTTP library beneath the hub's client raises comes through
        raise RunError(
            f"{repository}@{revision}: {name} can't be downloaded from the Hugging Face hub ({_first_line(error)}); "
            "get the folder elsewhere and give its path"
        ) from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _cache() -> Path:
    return files.user_cache() / "models"
