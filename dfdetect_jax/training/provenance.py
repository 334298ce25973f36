"""The provenance of a run, its config.json: settings, data, versions, commit. A run resumes with the same ones only."""

import dataclasses
import json
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from dfdetect_jax import files, methods
from dfdetect_jax.config import Settings, to_dict
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.devices import processes
from dfdetect_jax.errors import RunError
from dfdetect_jax.run.folder import CONFIG, read_config

# These may differ when a run is resumed: they change what is written and how fast, not what is learned.
FREE_TO_CHANGE = (
    "train.log_every",
    "train.keep",
    "train.max_bad_steps",
    "train.remat",
    "train.shard_optimizer",
    "data.damaged",
    "data.data_dir",
)


def write_config(workdir: Path, settings: Settings, records: Path, name: str = "") -> None:
    """Writes config.json, or compares with the existing one.

    Args:
        workdir: the run folder, made if absent.
        settings: checked settings.
        records: folder of the data trained on.
        name: the run as users know it, for errors; "" for `workdir`.

    Raises:
        RunError: `workdir` holds a run of another method, with other settings, or on other data.
        SettingsError: it holds a run whose settings don't fit this version of the library.
    """
    manifest = read_manifest(records)
    seen = list(settings.data.train_forgeries) or [forgery for forgery in manifest.counts["train"] if forgery]
    if settings.augment.self_blend.share == 0.5:  # leaves no room for the data's fakes
        seen = []
    info = {
        "settings": json.loads(json.dumps(to_dict(settings))),
        "data": {
            "folder": str(records),
            "fingerprint": manifest.fingerprint,
            "crop": dataclasses.asdict(manifest.crop),
            "seen": sorted(seen),
        },
        "versions": {name: metadata.version(name) for name in ("jax", "flax", "optax", "orbax-checkpoint", "grain")},
        "commit": _commit(),
    }
    if (workdir / CONFIG).exists():
        _check_same_run(name or str(workdir), read_config(workdir), info)
    elif processes.is_first():
        files.write_json(workdir / CONFIG, info)


def _check_same_run(run: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    methods_of_both = [each["settings"]["method"] for each in (there, here)]
    if len(set(methods_of_both)) > 1:
        old, new = methods_of_both
        raise RunError(f"{run}: expected a run of {new}, found one of {old}; give another --workdir")
    known_now = json.loads(json.dumps(to_dict(methods.read_settings(there["settings"]))))  # with later settings
    before, now = _flat(known_now), _flat(here["settings"])
    changed = sorted(name for name in now if now[name] != before[name] and name not in FREE_TO_CHANGE)
    if there["data"]["fingerprint"] != here["data"]["fingerprint"]:
        changed.append("the data's fingerprint")
    if changed:
        raise RunError(
            f"{run}: expected a run with these settings, found one that differs in {', '.join(changed)}; "
            "give another --workdir, or delete this one"
        )


def _flat(settings: dict[str, Any]) -> dict[str, Any]:
    """{"train": {"steps": 4}, "seed": 0} -> {"train.steps": 4, "seed": 0}."""
    groups = ((group, value if isinstance(value, dict) else {"": value}) for group, value in settings.items())
    return {f"{group}.{name}".rstrip("."): value for group, names in groups for name, value in names.items()}


def _commit() -> str | None:
    """The library's own commit; None where it is installed, though that may be inside another checkout."""
    checkout = Path(__file__).parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
