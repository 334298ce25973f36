"""Every code block of the README and the documentation runs, or its commands and names are known."""

import ast
import importlib
import inspect
import json
import re
import tomllib

import pytest

from dfdetect_jax.__main__ import VERBS
from dfdetect_jax.data.example import Label
from tests.documents import ROOT, SNIPPET, Block, blocks, commands

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
LANGUAGES = {"bash", "json", "python", "text", "toml"}  # text: layouts of folders, and what a command prints
OTHERS = {
    "cd",
    "find",
    "gcloud",
    "git",
    "mkdocs",
    "pre-commit",
    "ruff",
    "mypy",
    "source",
    "export",
}  # programs not ours


def by_place(*languages: str):
    return [pytest.param(block, id=block.place) for block in blocks(*languages)]


def test_every_block_has_a_language_by_which_it_is_checked():
    assert [block.place for block in blocks() if block.language not in LANGUAGES] == []


def test_a_block_that_a_test_runs_names_a_test():
    named = [block for block in blocks() if block.mark == "run by"]
    assert named
    assert [block.place for block in named if not (ROOT / block.reason).is_file()] == []


@pytest.mark.parametrize("block", by_place("bash"))
def test_the_flags_of_a_command_are_those_that_it_parses(block):
    if block.mark == "not run":
        assert block.reason
        return
    for words in commands(block.code):
        check_command(words)


def check_command(words: list[str]) -> None:
    """Raises unless the command exists and takes these arguments."""
    match words:
        case ["dfdetect", "--help"]:
            pass
        case ["dfdetect", verb, *arguments]:
            assert verb in VERBS
            importlib.import_module(f"dfdetect_jax.{verb}").parse(arguments)
        case ["python", "-m", ("pytest" | "pip" | "venv"), *_]:
            pass
        case ["python", "-m", module, *arguments]:
            importlib.import_module(module).parse(arguments)
        case ["python", script, *arguments] if script.endswith(".py"):
            check_script(script, arguments)
        case ["pip", "install", "-e", what]:
            assert set(re.findall(r"\w+", what)) <= EXTRAS.keys()
        case [script, *arguments] if script.startswith("launch/"):
            check_launcher(script, arguments)
        case [script] if script.startswith(".ci/"):
            assert (ROOT / script).is_file()
        case [program, *_]:
            assert program in OTHERS


def check_script(script: str, arguments: list[str]) -> None:
    """Its flags are among those in its source, or in that of what it shares with its neighbours."""
    sources = [ROOT / script, *(ROOT / script).parent.glob("workload.py"), *(ROOT / script).parent.glob("measure.py")]
    source = "".join(path.read_text() for path in sources)
    flags = [each.partition("=")[0] for each in arguments if each.startswith("--")]
    assert [flag for flag in flags if f'"{flag}"' not in source and not flag.startswith("--config.")] == []


def check_launcher(script: str, arguments: list[str]) -> None:
    """Its options are in its source, and what follows -- are arguments of `train`."""
    split = arguments.index("--")
    source = (ROOT / script).read_text()
    assert [each for each in arguments[:split] if each.startswith("--") and f"{each} " not in source] == []
    importlib.import_module("dfdetect_jax.train").parse(arguments[split + 1 :])


@pytest.mark.parametrize("block", by_place("json"))
def test_json_is_json(block):
    assert json.loads(block.code)


@pytest.mark.parametrize("block", by_place("toml"))
def test_toml_is_toml(block):
    assert tomllib.loads(block.code)


@pytest.mark.parametrize("block", by_place("python"))
def test_python_runs_or_its_names_exist(block, tmp_path, monkeypatch):
    if snippet := SNIPPET.fullmatch(block.code):
        assert (ROOT / snippet[1]).is_file()
        return
    if block.mark:
        check_names(block)
        return
    monkeypatch.chdir(tmp_path)
    exec(compile(block.code, block.place, "exec"), {"__name__": block.place})


def check_names(block: Block) -> None:
    """Imports succeed, attributes of what was imported exist, and it takes the keywords that it is called with."""
    tree = ast.parse(block.code, block.place)
    names: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            exec(compile(ast.Module([node], []), block.place, "exec"), names)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Call) and root_of(node) in names:
            value = eval(compile(ast.Expression(node.func if isinstance(node, ast.Call) else node), "", "eval"), names)
            if isinstance(node, ast.Call):
                takes_keywords(value, [word.arg for word in node.keywords if word.arg])


def takes_keywords(function: object, keywords: list[str]) -> None:
    """Raises `TypeError` unless a call may have them."""
    if keywords:
        inspect.signature(function).bind_partial(**dict.fromkeys(keywords))


def root_of(node: ast.AST) -> str | None:
    """`a` of `a.b.c` and `a.b(...)`; None of anything else, such as `a().b`."""
    node = node.func if isinstance(node, ast.Call) else node
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def test_the_data_set_of_the_documentation_lists_its_clips(tmp_path):
    (block,) = [block for block in blocks("python") if 'NAME = "mine"' in block.code]
    names: dict = {}
    exec(block.code, names)
    for name in ("genuine.mp4", "swapped.mp4"):
        (tmp_path / "person_07").mkdir(exist_ok=True)
        (tmp_path / "person_07" / name).touch()
    real, fake = names["find_clips"](tmp_path).clips
    assert (real.label, real.identity, real.video) == (Label.REAL, "person_07", "person_07/genuine")
    assert (fake.label, fake.forgery, fake.source_path) == (Label.FAKE, "swap", real.path)
    assert fake.split == real.split


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["dfdetect", "predict", "--rum", "runs/cae", "photo.jpg"], "unrecognized"),
        (["dfdetect", "train", "--config", "configs/cae.py", "--config.train.stebs=1"], "stebs"),
        (["dfdetect", "train", "--config", "configs/cae.py:nonesuch"], "nonesuch"),
    ],
)
def test_a_wrong_flag_would_be_noticed(words, error):
    with pytest.raises(Exception, match=error):
        check_command(words)


@pytest.mark.parametrize(
    "code",
    ["import dfdetect_jax as dfd\ndfd.lode()", "import dfdetect_jax as dfd\ndfd.load('x', max_fbr=1)"],
)
def test_a_wrong_name_would_be_noticed(code):
    with pytest.raises((AttributeError, TypeError)):
        check_names(Block("here", "python", code, "not run", "reason"))
