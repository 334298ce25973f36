"""`python -m dfdetect_jax.train --config configs/cae.py[:preset] [--workdir DIR] [--config.a.b=value]`.

Makes the embedded data set if that is what the settings name, trains or resumes, then measures the best checkpoint on
validation and test data and leaves a report and pictures in the run folder.
"""

import dataclasses
import sys
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags
from ml_collections import config_flags

from dfdetect_jax import cli
from dfdetect_jax.config import Settings, check, unknown_name
from dfdetect_jax.devices.host import keep_freed_memory
from dfdetect_jax.errors import SettingsError


class CommandLine(NamedTuple):
    """A parsed command line.

    Attributes:
        settings: checked.
        workdir: the run folder.
        init_from: the run to start from; None: from scratch.
        profile: steps to trace.
        job: arguments of `processes.join`.
    """

    settings: Settings
    workdir: Path
    init_from: str | None
    profile: range
    job: dict[str, bool | str | int]


def main(argv: Sequence[str] | None = None) -> int:
    """Parses the command line, trains, reports. Returns the exit status."""
    keep_freed_memory()
    command = parse(sys.argv[1:] if argv is None else argv)
    cli.keep_compiled_programs()
    # Imported only now: they load JAX, which a typo in a flag should not have to wait for.
    from dfdetect_jax.devices import processes
    from dfdetect_jax.training import finish, loop, stages
    from dfdetect_jax.training.source import training_records

    with processes.joined(**command.job):
        records = training_records(command.settings.data)
        initial = loop.weights_of(command.init_from) if command.init_from else None
        done = stages.train(command.settings, command.workdir, records, initial=initial, profile=command.profile)
        if done and processes.is_first():
            finish.finish(command.workdir, records)
    return 0


def parse(argv: Sequence[str]) -> CommandLine:
    """Reads the flags, without the program's name in front.

    Raises:
        SettingsError: a flag, a setting's name or its value is not allowed, or the settings file is missing.
    """
    argv = _split_config(argv)
    source = next((a.removeprefix("--config=") for a in argv if a.startswith("--config=")), None)
    if source is not None:
        _refuse_unknown_settings(argv, type(_settings_of(source)))
    values = flags.FlagValues()
    config = _define_config(values, argv)
    workdir = flags.DEFINE_string(
        "workdir", None, "run folder, resumed if it exists; default runs/<config>-<preset>", flag_values=values
    )
    init_from = flags.DEFINE_string("init_from", None, "run folder to take the first weights from", flag_values=values)
    profile = flags.DEFINE_string(
        "profile", None, "FIRST:LAST, steps to trace into the run folder's profile/", flag_values=values
    )
    job = _define_job(values)
    if {"-h", "--help", "--helpfull"} & set(argv):
        print(__doc__, values.get_help(), sep="\n")
        sys.exit(0)
    rest = _parsed(values, argv)
    if rest:
        raise SettingsError(f"command line: expected flags only, found {' '.join(rest)}")
    if source is None:
        raise SettingsError("--config: expected a settings file, found none; try --config configs/cae.py")
    folder = Path(workdir.value or default_workdir(source)).resolve()
    return CommandLine(
        settings=check(config.value),
        workdir=folder,
        init_from=init_from.value,
        profile=_steps(profile.value),
        job={name: flag.value for name, flag in job.items()},
    )


def _define_job(values: flags.FlagValues) -> dict[str, flags.FlagHolder]:
    """The flags that say which job of several processes this one belongs to, by the names of `processes.join`."""
    found = "join the other processes of this job, found by JAX: on Cloud TPU, Slurm, Kubernetes, Open MPI"
    return {
        "detect": flags.DEFINE_bool("distributed", False, found, flag_values=values),
        "coordinator": flags.DEFINE_string("coordinator", "", "HOST:PORT of process 0", flag_values=values),
        "process_count": flags.DEFINE_integer("process_count", 0, "processes in all", flag_values=values),
        "process_id": flags.DEFINE_integer("process_id", -1, "of this process, from 0", flag_values=values),
    }


def _steps(text: str | None) -> range:
    """ "10:13" as the steps 10, 11, 12 and 13."""
    if text is None:
        return range(0)
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise SettingsError(f"--profile: expected FIRST:LAST, such as 10:13, found {text}")
    return range(int(first), int(last) + 1)


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


def _split_config(argv: Sequence[str]) -> list[str]:
    """Joins `--config FILE` to `--config=FILE`, with FILE found."""
    joined, waiting = [], iter(argv)
    for argument in waiting:
        if argument in ("--config", "-config"):
            argument = f"--config={next(waiting, '')}"
        if argument.startswith("--config="):
            argument = f"--config={find_settings_file(argument.removeprefix('--config='))}"
        joined.append(argument)
    return joined


def _define_config(values: flags.FlagValues, argv: Sequence[str]) -> flags.FlagHolder:
    text = "settings: FILE.py[:preset]"
    return config_flags.DEFINE_config_file("config", None, text, flag_values=values, sys_argv=["train", *argv])


def _parsed(values: flags.FlagValues, argv: Sequence[str]) -> list[str]:
    """Fills `values`; returns the arguments that are no flags."""
    try:
        return values(["train", *argv])[1:]
    except (flags.Error, KeyError, ValueError, TypeError, SyntaxError) as error:
        raise SettingsError(_in_one_line(error)) from error


def _settings_of(source: str) -> Settings:
    """What the settings file gives before anything is changed on the command line."""
    values, argv = flags.FlagValues(), [f"--config={source}"]
    config = _define_config(values, argv)
    _parsed(values, argv)
    return config.value


def _in_one_line(error: Exception) -> str:
    """The last line says what is wrong; before it the flags put the traceback of an error inside a settings file."""
    line = str(error).strip().splitlines()[-1]
    return line.removeprefix(f"{SettingsError.__module__}.{SettingsError.__name__}: ")


def _refuse_unknown_settings(argv: Sequence[str], settings: type) -> None:
    """Answers a typo in `--config.a.b=value` with the nearest name; ml_collections does so for its ConfigDict only."""
    for argument in argv:
        if not argument.startswith("--config."):
            continue
        path = argument.removeprefix("--").partition("=")[0]
        kind, walked = settings, "config"
        for name in path.split(".")[1:]:
            walked = f"{walked}.{name}"
            if not dataclasses.is_dataclass(kind):
                raise SettingsError(f"no setting {walked}; {walked.rpartition('.')[0]} is a single value")
            if name not in (known := typing.get_type_hints(kind)):
                raise SettingsError(unknown_name(walked, kind))
            kind = known[name]


if __name__ == "__main__":
    cli.run(main)
