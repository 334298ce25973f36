"""Draws docs/pictures/architecture.svg, the way of the data: `python docs/make_diagram.py`."""

from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

FILE = Path(__file__).parent / "pictures" / "architecture.svg"
WIDTH, HEIGHT = 900, 410
_BUS = 262  # height of the arrows that go sideways, pixels
_THING, _COMMAND = "#e8f0fa", "#fdf1e3"
_SIDE = {"right": (1, 0.5), "left": (0, 0.5), "bottom": (0.5, 1), "top": (0.5, 0)}


class Box(NamedTuple):
    """A box with a title and small print: what is on disk, or a command; pixels."""

    x: int
    y: int
    title: str
    lines: tuple[str, ...]
    command: bool = False
    width: int = 150
    height: int = 62

    def side(self, name: str) -> tuple[float, float]:
        """The middle of one of its sides."""
        across, down = _SIDE[name]
        return self.x + across * self.width, self.y + down * self.height


BOXES = {
    "set": Box(10, 60, "data set", ("videos, photographs,", "masks, splits")),
    "check": Box(10, 170, "check", ("audit: copies, leaks,", "how files were saved"), True),
    "prepare": Box(190, 60, "prepare", ("find, align, crop faces;", "derive masks"), True),
    "records": Box(370, 60, "records", ("crops, labels, identities,", "masks; hashes")),
    "train": Box(550, 60, "train", ("augment, network, loss;", "stages, checkpoints"), True),
    "run": Box(730, 60, "run folder", ("weights, thresholds,", "settings"), width=160),
    "queue": Box(550, 170, "queue", ("select: 3% of the fakes;", "people paint masks")),
    "evaluate": Box(370, 290, "evaluate", ("metrics, intervals,", "robustness, leaks"), True),
    "report": Box(190, 290, "report", ("report.html, metrics.json,", "scores.csv")),
    "predict": Box(550, 290, "predict", ("decode, crop as in", "training, score"), True),
    "export": Box(730, 290, "export", ("sealed folder, JAX, ONNX,", "model card"), True, 160),
    "media": Box(550, 370, "", ("photographs, videos, archives  →  JSON lines, pictures",), width=340, height=26),
}
ARROWS = (
    ("set", "right", "prepare", "left"),
    ("set", "bottom", "check", "top"),
    ("prepare", "right", "records", "left"),
    ("records", "right", "train", "left"),
    ("train", "right", "run", "left"),
    ("train", "bottom", "queue", "top"),
    ("records", "bottom", "evaluate", "top"),
    ("evaluate", "left", "report", "right"),
    ("run", "bottom", "predict", "top"),
    ("run", "bottom", "evaluate", "top"),
    ("run", "bottom", "export", "top"),
)


def diagram() -> str:
    """The SVG."""
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
            '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0 10 5 0 10z" fill="#555"/></marker></defs>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            '<text x="10" y="30" font-size="15" fill="#222">The way of the data: what is on disk (blue), and the '
            "commands (orange)</text>",
            *(_arrow(*arrow) for arrow in ARROWS),
            *(_box(box) for box in BOXES.values()),
            "</svg>",
            "",
        ]
    )


def _box(box: Box) -> str:
    fill, middle = _COMMAND if box.command else _THING, box.x + box.width / 2
    size = f'x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"'
    frame = f'<rect {size} rx="6" fill="{fill}" stroke="#888"/>'
    title = f'<text x="{middle}" y="{box.y + 21}" font-size="14" font-weight="bold">{escape(box.title)}</text>'
    first = box.y + (37 if box.title else 17)
    lines = [
        f'<text x="{middle}" y="{first + 15 * number}" font-size="11" fill="#444">{escape(line)}</text>'
        for number, line in enumerate(box.lines)
    ]
    return f'{frame}<g text-anchor="middle">{title if box.title else ""}{"".join(lines)}</g>'


def _arrow(start: str, out: str, end: str, into: str) -> str:
    (x0, y0), (x1, y1) = BOXES[start].side(out), BOXES[end].side(into)
    bend = f"V{_BUS}H{x1}V{y1}" if x1 != x0 and out == "bottom" else f"L{x1} {y1}"
    return f'<path d="M{x0} {y0}{bend}" fill="none" stroke="#555" marker-end="url(#tip)"/>'


if __name__ == "__main__":
    FILE.write_text(diagram(), encoding="utf-8")
    print(FILE)
