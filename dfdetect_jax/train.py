"""Trains a detector, or resumes: `dfdetect train --config FILE[:preset] [--config.a.b=value]`.

    --config configs/cae.py                     rendered faces, made on first use; run folder runs/cae
    --config configs/lae.py:swap --workdir X    a preset; the same command resumes from X's newest checkpoint
    --config.train.steps=200                    any setting can be changed
    --list_settings                             every setting with its meaning; with --config, its values

Then measures the best checkpoint on validation and test data and writes a report and pictures to the run folder.
Exit status: 0 finished, stopped by SIGTERM or waiting for masks, 2 a setting or the data can't be used, 3 a defect.
"""

import argparse
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags
from ml_collections import ConfigDict, config_flags

from dfdetect_jax import cli
from dfdetect_jax.config import Settings, check, from_dict, to_dict, with_presets
from dfdetect_jax.config.describe import as_text
from dfdetect_jax.config.rules import current_path
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import InputError, SettingsError
from dfdetect_jax.stores import address


class CommandLine(NamedTuple):
    """A parsed command line.

    Attributes:
        settings: checked.
        workdir: the run folder, or its address in an object store.
        init_from: the run whose weights, or encoder's weights, training starts from; None for none.
        profile: steps to trace.
        job: arguments of `processes.join`.
    """

    settings: Settings
    workdir: Path | str
    init_from: str | None
    profile: range
    job: dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line, trains, reports. Returns the exit status.

    Raises:
        InputError: a flag, a setting, the data or the run folder can't be used.
    """
    keep_freed_memory()
    argv = sys.argv[1:] if argv is None else argv
    if "--list_settings" in argv:
        print(list_settings(argv))
        return cli.ExitStatus.OK
    command = parse(argv)
    cli.keep_compiled_programs()
    # Imported only now: they load JAX, which a typo in a flag should not have to wait for.
    from dfdetect_jax.devices import mesh, processes
    from dfdetect_jax.training import finish
    from dfdetect_jax.training.in_workdir import train_in_workdir

    with processes.joined(**command.job):
        mesh.all_devices()  # refuses a backend that is not there before data are made
        with train_in_workdir(
            command.settings, command.workdir, init_from=command.init_from, profile=command.profile
        ) as training:
            if training.finished and processes.is_first():
                finish.finish(training.folder, training.records, training.name)
    return cli.ExitStatus.OK


def parse(argv: Sequence[str]) -> CommandLine:
    """Reads the flags, without the program's name in front.

    Raises:
        SettingsError: a flag, a setting's name or its value is not allowed, or the settings file is missing.
    """
    source, overrides, rest = _split(argv)
    flags = _parser().parse_args(rest)
    if not source:
        raise SettingsError("--config: expected a settings file, found none; try --config configs/cae.py")
    settings = _override(load_settings(source), overrides)
    workdir = flags.workdir or default_workdir(source)
    return CommandLine(
        settings=settings,
        workdir=address.joined(workdir) if address.is_address(workdir) else Path(workdir).resolve(),
        init_from=flags.init_from,
        profile=_steps(flags.profile),
        job={
            "detect": flags.distributed,
            "coordinator": flags.coordinator,
            "process_count": flags.process_count,
            "process_id": flags.process_id,
        },
    )


def _parser() -> cli.Parser:
    """Of all flags but `--config` and `--config.a.b`, which `_split` takes out."""
    parser = cli.Parser(
        prog="dfdetect train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", metavar="FILE[:preset]", help="settings file, such as configs/cae.py")
    parser.add_argument(
        "--workdir",
        help="run folder, resumed if it exists; may be gs://BUCKET/FOLDER or s3://BUCKET/FOLDER "
        "(default: runs/<config>-<preset>)",
    )
    parser.add_argument(
        "--init_from",
        metavar="RUN",
        help="run folder to take the initial weights from; where the networks differ, those of its encoder alone",
    )
    parser.add_argument("--profile", metavar="FIRST:LAST", help="steps to trace into profile/ in the run folder")
    parser.add_argument("--list_settings", action="store_true", help="print every setting with its meaning, and exit")
    job = parser.add_argument_group("jobs of several processes")
    job.add_argument(
        "--distributed",
        action="store_true",
        help="join the other processes as JAX finds them: on Cloud TPU, Slurm, Kubernetes, Open MPI",
    )
    job.add_argument("--coordinator", default="", metavar="HOST:PORT", help="address of process 0, to join explicitly")
    job.add_argument("--process_count", type=int, default=0, help="number of processes")
    job.add_argument("--process_id", type=int, default=-1, help="number of this process, from 0")
    return parser


def list_settings(argv: Sequence[str]) -> str:
    """Every setting with its meaning: of the settings that `argv` names by `--config`, or of all methods' defaults.

    Raises:
        SettingsError: as `parse`.
    """
    source, overrides, _ = _split(argv)
    if source:
        return as_text(_override(load_settings(source), overrides, checked=False))
    from dfdetect_jax import methods  # loads JAX

    return "\n\n".join(f"# {name}\n{as_text(methods.defaults(name))}" for name in methods.names())


def load_settings(source: str) -> Settings:
    """What the settings file gives before anything is changed on the command line.

    Args:
        source: FILE.py or FILE.py:preset; the file's `get_config(preset)` returns the settings.

    Raises:
        SettingsError: there is no such file or preset, or the file fails.
    """
    path, _, preset = find_settings_file(source).partition(":")
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None:
        raise SettingsError(f"--config: expected a Python file, found {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, module)  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        settings = module.get_config(preset)
    except InputError:
        raise
    except Exception as error:
        raise SettingsError(f"--config {path}: {type(error).__name__}: {error}") from error
    if not isinstance(settings, Settings):
        raise SettingsError(f"--config {path}: expected get_config to return settings, found {type(settings).__name__}")
    return settings


def default_workdir(source: str) -> str:
    """`configs/cae.py:single_branch` -> `runs/cae-single_branch`."""
    path, _, preset = source.partition(":")
    return f"runs/{Path(path).stem}{'-' + preset if preset else ''}"


def find_settings_file(source: str) -> str:
    """`source` (FILE.py or FILE.py:preset) with FILE as it is, or, if there is none, as shipped with the library.

    Raises:
        SettingsError: neither exists.
    """
    path, colon, preset = source.partition(":")
    shipped = Path(__file__).parent / "configs" / Path(path).name
    checkout = Path(__file__).parents[1] / "configs" / Path(path).name
    for candidate in (Path(path), shipped, checkout):
        if candidate.is_file():
            return f"{candidate}{colon}{preset}"
    raise SettingsError(f"--config: expected a settings file such as configs/cae.py, found no file {path}")


def _split(argv: Sequence[str]) -> tuple[str, list[str], list[str]]:
    """(the settings file, overrides as `--config.a.b=value`, all other arguments)."""
    source, overrides, rest = "", [], []
    waiting = list(argv)
    while waiting:
        argument = waiting.pop(0)
        if "=" not in argument and argument.startswith("--config") and waiting and not waiting[0].startswith("-"):
            argument += f"={waiting.pop(0)}"
        if argument.startswith("--config="):
            source = argument.removeprefix("--config=")
        elif argument.startswith("--config."):
            overrides.append(argument)
        else:
            rest.append(argument)
    return source, overrides, rest


def _override(settings: Settings, overrides: Sequence[str], *, checked: bool = True) -> Settings:
    """`settings` with overrides of the command line, each parsed as its setting's type."""
    paths, texts, arguments = [], [], []
    for argument in overrides:
        name, equals, value = argument.removeprefix("--config.").partition("=")
        paths.append(current_path(name, type(settings)))
        texts.append(value.strip("'\""))
        arguments.append(f"--config.{paths[-1]}{equals}{value}")
    settings = with_presets(settings, dict(zip(paths, texts, strict=True)))
    values, nested = flags.FlagValues(), ConfigDict(to_dict(settings))
    config_flags.DEFINE_config_dict("config", nested, flag_values=values, sys_argv=["train", *arguments])
    try:
        values(["train", *arguments])
    except (flags.Error, ValueError, TypeError, SyntaxError) as error:
        raise SettingsError(f"train: {str(error).strip().splitlines()[-1]}") from error
    changed = from_dict(type(settings), nested.to_dict())
    if not checked:
        return changed
    for path, reason in check(changed).unread.items():
        if path in paths:
            raise SettingsError(f"config.{path}: it has no effect with {reason}; leave it out, or change that")
    return changed


def _steps(text: str | None) -> range:
    """ "10:13" as the steps 10, 11, 12 and 13."""
    if text is None:
        return range(0)
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise SettingsError(f"--profile: expected FIRST:LAST, such as 10:13, found {text}")
    return range(int(first), int(last) + 1)


if __name__ == "__main__":
    cli.run(main)
