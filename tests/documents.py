"""The fenced blocks of README.md, CONTRIBUTING.md and docs/, with what the comment before each promises."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
SNIPPET = re.compile(r'--8<-- "([^"]+)"\n')
_BLOCK = re.compile(r"(?:^<!-- (not run|run by): (.+?) -->\n)?^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)

_COMMENT = re.compile(r"(?:^|\s)#[^'\"\n]*$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block.

    Attributes:
        place: document and line.
        language: behind the fence, "" for none.
        code: what is in it.
        mark: "not run", "run by", or "".
        reason: why not, or the test that runs it.
    """

    place: str
    language: str
    code: str
    mark: str
    reason: str


def blocks(*languages: str) -> list[Block]:
    """Those of the languages, or all."""
    every = [block for path in DOCUMENTS for block in _blocks(path)]
    return [block for block in every if not languages or block.language in languages]


def _blocks(path: Path) -> list[Block]:
    text = path.read_text()
    return [
        Block(f"{path.name}:{text.count(chr(10), 0, match.start(3)) + 1}", match[3], match[4], match[1] or "", match[2])
        for match in _BLOCK.finditer(text)
    ]


def commands(code: str) -> list[list[str]]:
    """The commands of a shell block, word by word; those of a pipe or behind && apart."""
    lexer = shlex.shlex(_COMMENT.sub("", code).replace("\\\n", " "), posix=True, punctuation_chars="&|;\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    lines: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&|;\n"):
            lines.append([])
        else:
            lines[-1].append(word)
    return [line for line in lines if line]
