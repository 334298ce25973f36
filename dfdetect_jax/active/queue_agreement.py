"""How far the annotators of a queue agree, with each other and with the detector's map; see `agreement`."""

import dataclasses
from collections import defaultdict
from typing import Any

from dfdetect_jax.active.agreement import PairIou, iou_with_heat, mean, pairs
from dfdetect_jax.active.journal import latest, read_journal
from dfdetect_jax.active.mask_store import read_kept
from dfdetect_jax.active.queue import Queue
from dfdetect_jax.active.queue_masks import read_heat


@dataclasses.dataclass(frozen=True, kw_only=True)
class QueueAgreement:
    """The agreement on a queue.

    Attributes:
        items: every two annotators who answered the same item.
        with_heat: IoU of each mask with the map, by annotator and item.
    """

    items: tuple[PairIou, ...]
    with_heat: dict[str, dict[str, float]]

    @property
    def iou(self) -> float | None:
        """Mean IoU of two annotators' masks over items; None where no two painted the same."""
        return mean([each.iou for each in self.items if each.iou is not None])

    @property
    def differing(self) -> tuple[PairIou, ...]:
        """Pairs of which one gave a mask and the other did not."""
        return tuple(each for each in self.items if each.iou is None and each.answers[0] != each.answers[1])

    @property
    def heat_iou(self) -> float | None:
        """Mean IoU of the masks with the map; None without either."""
        return mean([value for items in self.with_heat.values() for value in items.values()])


def measure_agreement(queue: Queue) -> QueueAgreement:
    """Compares the last answers of every annotator.

    Raises:
        BadMediaError: a mask that the journal names can't be read.
    """
    items: list[PairIou] = []
    with_heat: dict[str, dict[str, float]] = defaultdict(dict)
    answers = latest(read_journal(queue.folder))
    for row in queue.rows:
        given = {
            name: (entry.answer, read_kept(queue, entry) if entry.file else None)
            for name, entry in answers.get(row.id, {}).items()
        }
        items += pairs(row.id, given)
        heat = read_heat(queue, row)
        for name, (_, mask) in given.items():
            value = None if mask is None else iou_with_heat(mask, heat)
            if value is not None:
                with_heat[name][row.id] = value
    return QueueAgreement(items=tuple(items), with_heat=dict(with_heat))


def as_json(agreement: QueueAgreement) -> dict[str, Any]:
    """All of it, for programs; IoU to 4 digits, null where there is none."""
    return {
        "iou": _rounded(agreement.iou),
        "items": [
            {"item": each.item, "annotators": each.annotators, "answers": each.answers, "iou": _rounded(each.iou)}
            for each in agreement.items
        ],
        "heat_iou": _rounded(agreement.heat_iou),
        "heat_iou_by_annotator": {name: _rounded(mean([*of.values()])) for name, of in agreement.with_heat.items()},
    }


def in_words(agreement: QueueAgreement) -> str:
    """A summary, a line each."""
    compared = [each for each in agreement.items if each.iou is not None]
    lines = [
        f"two annotators painted {len(compared)} items: mean IoU {_words(agreement.iou)}",
        f"of {len(agreement.items)} items with two answers, {len(agreement.differing)} got different ones",
    ]
    lines += [f"  {each.item}: {' and '.join(each.annotators)}, IoU {_words(each.iou)}" for each in agreement.items]
    lines.append(f"the detector's map and the masks: mean IoU {_words(agreement.heat_iou)}")
    lines += [
        f"  {name}: {_words(mean([*values.values()]))} over {len(values)} items"
        for name, values in agreement.with_heat.items()
    ]
    return "\n".join(lines)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _words(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
