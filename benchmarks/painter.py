"""Automatic annotators: masks as people might paint them, and a client that paints them on the annotation page.

Each way to be wrong is a function of mask and seed alone: uint8 [S, S] in {0, 255} with a marked pixel -> the same.
"""

import base64
import contextlib
import json
import math
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfdetect_jax.active.journal import Answer
from dfdetect_jax.active.preview import pack, shrink_mask
from dfdetect_jax.active.queue import Queue
from dfdetect_jax.active.queue_masks import missing

ROOT = Path(__file__).parents[1]
ANNOTATOR = "painter"
_ADDRESS = re.compile(r"http://\S+")


def perfect(mask: np.ndarray, seed: int) -> np.ndarray:
    """The mask itself."""
    return mask


def dilated(mask: np.ndarray, seed: int) -> np.ndarray:
    """Painted too large: grown on all sides by 10 to 25% of `diameter`."""
    radius = max(1, round(np.random.default_rng(seed).uniform(0.1, 0.25) * diameter(mask)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return cv2.dilate(mask, disk)


def shifted(mask: np.ndarray, seed: int) -> np.ndarray:
    """Painted beside: moved by 15 to 30% of `diameter` in any direction; what leaves the picture is lost."""
    draws = np.random.default_rng(seed)
    length, angle = draws.uniform(0.15, 0.3) * diameter(mask), draws.uniform(0, 2 * math.pi)
    dx, dy = round(length * math.cos(angle)), round(length * math.sin(angle))
    moved = cv2.warpAffine(
        mask, np.array([[1, 0, dx], [0, 1, dy]], np.float32), mask.shape[::-1], flags=cv2.INTER_NEAREST
    )
    return moved if moved.any() else mask


def half_missing(mask: np.ndarray, seed: int) -> np.ndarray:
    """Half painted: what lies on one side of a line through the median, in any direction, is left out."""
    angle = np.random.default_rng(seed).uniform(0, 2 * math.pi)
    y, x = np.nonzero(mask)
    along = x * math.cos(angle) + y * math.sin(angle)
    half = np.zeros_like(mask)
    kept = along >= np.median(along)
    half[y[kept], x[kept]] = 255
    return half


def diameter(mask: np.ndarray) -> float:
    """Of the disk with as many pixels as are marked."""
    return 2 * math.sqrt(int((mask > 0).sum()) / math.pi)


Painter = Callable[[np.ndarray, int], np.ndarray]
FAULTS: dict[str, Painter] = {"dilated": dilated, "shifted": shifted, "half missing": half_missing}


def mixed(mask: np.ndarray, seed: int) -> np.ndarray:
    """One of the three faults, by the seed."""
    return tuple(FAULTS.values())[seed % len(FAULTS)](mask, seed)


PAINTERS: dict[str, Painter] = {"perfect": perfect, "mixed": mixed, **FAULTS}


@contextlib.contextmanager
def served(queue: Path) -> Iterator[str]:
    """The address of `dfdetect annotate` on a queue, a process of its own, ended at the end."""
    command = [sys.executable, "-m", "dfdetect_jax.annotate", "--queue", str(queue)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if address := _ADDRESS.match(line):
                    yield address[0]
                    break
            else:
                raise SystemExit(f"annotate ended without serving {queue}: {''.join(lines)[-300:]}")
        finally:
            process.terminate()


class Page:
    """The annotation page's own calls over HTTP, as its script sends them."""

    def __init__(self, address: str):
        """Looks up the part of the page that has them."""
        self._address = address.rstrip("/")
        self._component = self._functions_of()

    def __call__(self, function: str, message: dict[str, Any]) -> dict[str, Any]:
        """Calls "open" or "answer".

        Raises:
            RuntimeError: the page answered with an error or a conflict.
        """
        body = {"session_hash": ANNOTATOR, "component_id": self._component, "fn_name": function, "data": message}
        answer = self._ask("/gradio_api/component_server", json.dumps(body).encode())
        if refused := answer.get("error") or answer.get("conflict"):
            raise RuntimeError(f"the page refused {function} of {message.get('item')}: {refused}")
        return answer

    def _functions_of(self) -> int:
        components = self._ask("/config")["components"]
        return next(each["id"] for each in components if {"open", "answer"} <= _server_functions(each))

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        request = urllib.request.Request(self._address + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            content: dict[str, Any] = json.load(answer)
        return content


def _server_functions(component: dict[str, Any]) -> set[str]:
    return set(component["props"].get("server_fns") or ())


def paint(queue: Queue, truth: Callable[[int], np.ndarray | None], painter: Painter, seed: int) -> None:
    """Answers every item that waits, through the page; those without a true mask by "can't tell".

    Args:
        queue: to be painted; what is painted already stays.
        truth: place in the records -> the true mask, uint8 [size, size], or None.
        painter: one of `PAINTERS`.
        seed: of the painter; each item has its own, of this and its place.
    """
    if not missing(queue):
        return
    places = {row.id: row.place for row in queue.rows}
    with served(queue.folder) as address:
        page = Page(address)
        while item := page("open", {"annotator": ANNOTATOR, "item": ""}).get("item"):
            mask = truth(places[item])
            message = {"annotator": ANNOTATOR, "item": item, "seconds": 0, "replace": False}
            if mask is None:
                page("answer", {**message, "answer": Answer.UNSURE})
            else:
                drawn = painter(mask, item_seed(seed, places[item]))
                page("answer", {**message, "answer": Answer.MASK, "bits": _as_bits(drawn)})


def _as_bits(mask: np.ndarray) -> str:
    return base64.b64encode(pack(shrink_mask(mask))).decode()


def item_seed(seed: int, place: int) -> int:
    """A seed of its own for each item, the same in every arm."""
    return int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
