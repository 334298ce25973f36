"""Errors of all commands, and their exit statuses."""

import errno
import importlib
import logging
import os
import signal
import subprocess
import sys
import threading

import pytest

from dfdetect_jax import annotate, cli, export, page
from dfdetect_jax.__main__ import dispatch
from dfdetect_jax.errors import BadMediaError, RunError, SettingsError


def exit_status(main) -> int:
    with pytest.raises(SystemExit) as end:
        cli.run(main)
    return end.value.code


def raising(error):
    def main(argv=None):
        raise error

    return main


def test_the_status_of_a_command_is_its_own():
    assert exit_status(lambda argv: 0) == 0
    assert exit_status(lambda argv: 1) == 1


@pytest.mark.parametrize("error", [RunError("no run there"), BadMediaError("no run there")])
def test_bad_input_is_one_line_and_status_2(error, capsys):
    assert exit_status(raising(error)) == 2
    assert capsys.readouterr().err == "error: no run there\n"


def test_a_fault_of_the_machine_is_one_line_and_ends_without_the_tracebacks_of_others(capsys, monkeypatch):
    for module, hook in ((sys, "unraisablehook"), (threading, "excepthook")):
        monkeypatch.setattr(module, hook, getattr(module, hook))
    monkeypatch.setattr(logging, "disable", lambda: None)
    assert exit_status(raising(OSError(errno.ENOSPC, "No space left on device", "/x/y"))) == 2
    expected = "error: no room on the disk (/x/y: No space left on device); make room and run the same command again\n"
    assert capsys.readouterr().err == expected
    assert threading.excepthook(None) is None


def test_an_interruption_is_told_apart(capsys):
    assert exit_status(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_sigterm_ends_the_files_that_are_open_and_has_a_status_of_its_own(capsys, tmp_path):
    before = signal.getsignal(signal.SIGTERM)

    def main(argv):
        with cli.terminable(), open(tmp_path / "file", "w") as file:
            file.write("whole")
            signal.raise_signal(signal.SIGTERM)

    assert exit_status(main) == cli.ExitStatus.TERMINATED == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "terminated\n"
    assert (tmp_path / "file").read_text() == "whole"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_defect_has_a_traceback_and_a_status_of_its_own(capsys):
    assert exit_status(raising(ZeroDivisionError())) == cli.ExitStatus.CRASHED == 3
    assert "Traceback" in capsys.readouterr().err


def test_a_wrong_command_line_is_one_line(capsys):
    def main(argv=None):
        parser = cli.Parser(prog="dfdetect predict")
        parser.add_argument("--run", required=True)
        parser.parse_args([])

    assert exit_status(main) == cli.ExitStatus.BAD_INPUT
    assert capsys.readouterr().err == ("error: predict: the following arguments are required: --run; see --help\n")


def test_a_verb_is_the_module_of_that_name(capsys):
    with pytest.raises(SettingsError, match="found trane"):
        dispatch(["trane"])
    assert dispatch([]) == cli.ExitStatus.BAD_INPUT
    assert dispatch(["--help"]) == cli.ExitStatus.OK
    assert all(verb in capsys.readouterr().out for verb in ("predict",))
    with pytest.raises(SystemExit) as end:
        dispatch(["check", "--help"])
    assert end.value.code == 0
    assert "--records" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error():
    many_lines = "from dfdetect_jax import cli\ncli.run(lambda argv: print(*range(10**6), sep='\\n') or 0)"
    command = f'"{sys.executable}" -c "{many_lines}" | head -1; exit ${{PIPESTATUS[0]}}'
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "0\n", "")


@pytest.mark.parametrize(
    ("command", "arguments", "isolated"),
    [
        ("predict", ["photo.jpg"], True),
        ("page", [], True),
        ("check", ["--records", "faces"], False),
        ("prepare", ["--dataset", "folder", "--root", "faces"], False),
    ],
)
def test_decoders_are_isolated_where_files_are_of_strangers_unless_a_flag_says_otherwise(command, arguments, isolated):
    parse = importlib.import_module(f"dfdetect_jax.{command}").parse

    def isolation(*flags):
        args = parse([*arguments, *flags])
        return cli.isolation_of(args[0] if isinstance(args, tuple) else args)

    assert (isolation() is not None) == isolated
    assert isolation("--no-isolate") is None
    assert isolation("--isolate", "--decode_seconds", "5").seconds == 5


def test_compiled_programs_are_kept_where_the_user_said(tmp_path):
    code = "from dfdetect_jax import cli; cli.keep_compiled_programs(); import jax; "
    code += "print(jax.config.jax_compilation_cache_dir)"
    for changes, expected in (
        ({"XDG_CACHE_HOME": str(tmp_path)}, str(tmp_path / "dfdetect_jax" / "xla")),
        ({"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "mine")}, str(tmp_path / "mine")),
    ):
        environment = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"} | changes
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
        )
        assert result.stdout.strip() == expected


@pytest.mark.parametrize("command", [page.parse, export.parse])
def test_a_digest_without_the_model_that_it_is_of_is_refused(command):
    own = [] if command is page.parse else ["--run", "run", "--out", "out"]
    with pytest.raises(SettingsError, match="--sha256: expected with --model alone, found it without"):
        command([*own, "--sha256", "0" * 64])


def test_an_annotation_command_that_is_asked_for_two_things_does_neither():
    with pytest.raises(SettingsError, match="found --export and --import_from; run the command for each"):
        annotate.parse(["--queue", "queue", "--export", "out", "--import_from", "in.json"])
    assert annotate.parse(["--queue", "queue", "--export", "out"]).export == "out"
