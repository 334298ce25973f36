"""A model card: what a detector is, how it was made, its figures and its limits, in Markdown.

Mitchell et al., "Model cards for model reporting", FAT* 2019, arXiv 1810.03993. It states what the run folder records;
what nobody measured is said to be unmeasured.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dfdetect_jax.exchange.verdict_table import VerdictShares
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.decision import DecisionRule

UNMEASURED = "Nothing was measured: evaluate the run, then export it again."
KEPT = ("Verdicts", "Figures", "Training")  # sections of a card that hold for whatever is made of the model
_DASH = "–"
_LIMITS = (
    "A score is a hint for a trained person, not proof. Don't decide on people by it alone.",
    "Forgeries, cameras and compressions other than those of the tables may be missed, or taken for forgeries.",
    "Figures of a set that shares people or videos with the training data are optimistic.",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class CardFacts:
    """What a card states beside the run.

    Attributes:
        name: of the model; the title.
        date: of the export, ISO 8601.
        rule: how scores become verdicts.
        metrics: the run's metrics.json; empty where it was not evaluated.
        files: of the model folder, with what each is.
        dtype: of the stored kernels.
        usage: lines of code or commands that use it.
        verdicts: on what the run was measured on.
        notes: sentences that the run folder can't know, such as licences of the data and the intended use.
        kept: sections of the card of the model that it is made of, see `read_card`; they take the place of its own.
        made_of: digest of that model's SHA256SUMS; "" for an export of a run.
    """

    name: str
    date: str
    rule: DecisionRule
    metrics: Mapping[str, Any]
    files: Mapping[str, str]
    dtype: str = "float32"
    usage: Sequence[str] = ()
    verdicts: Sequence[VerdictShares] = ()
    notes: Sequence[str] = ()
    kept: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    made_of: str = ""


def model_card(run: Run, facts: CardFacts) -> str:
    """The card of a run."""
    verdicts = facts.kept.get("Verdicts", [*_bullets(facts.rule.notes), *_verdicts(facts.verdicts)])
    training = facts.kept.get("Training", _training(run))
    sections = {
        f"# {facts.name}": _summary(run, facts),
        "## Use": ["```", *facts.usage, "```", "", *_bullets(_LIMITS)],
        "## Verdicts": verdicts,
        "## Figures": facts.kept.get("Figures", list(_figures(facts.metrics))),
        "## Training": [*training, "", *_bullets(facts.notes)],
        "## Files": _table(("file", "content"), list(facts.files.items())),
    }
    return "\n".join("\n".join([heading, "", *lines, ""]) for heading, lines in sections.items())


def read_card(text: str) -> tuple[str, dict[str, list[str]]]:
    """A card's title, "" where it has none, and the lines of those of its sections that are in `KEPT`."""
    title, _, rest = text.partition("\n")
    sections = {part.partition("\n")[0].strip(): part.partition("\n")[2] for part in rest.split("\n## ")}
    kept = {name: sections[name].strip("\n").split("\n") for name in KEPT if sections.get(name, "").strip()}
    return title.removeprefix("# ").strip() if title.startswith("# ") else "", kept


def _summary(run: Run, facts: CardFacts) -> list[str]:
    size = run.settings.data.image_size
    origin = f" from the model whose SHA256SUMS has the digest {facts.made_of}" if facts.made_of else ""
    shows = (
        "a map of what it attends to, which need not be where it was forged" if run.localizes else "no map of its own"
    )
    return [
        f"A detector of forged faces by the method {run.settings.method}: a face crop of {size} x {size} pixels to a "
        f"score in [0, 1], higher is more likely fake, and {shows}.",
        "",
        f"Exported on {facts.date} by dfdetect_jax{origin}; kernels stored as {facts.dtype}.",
        "",
        *_bullets(run.notes),
    ]


def _verdicts(shares: Sequence[VerdictShares]) -> list[str]:
    """A table of the shares of each verdict; nothing without measurements."""
    if not shares:
        return []
    rows = [
        (each.dataset, each.forgery or "real", f"{each.clips:,}", *map(_number, (each.fake, each.uncertain, each.real)))
        for each in shares
    ]
    columns = ("data", "forgery", "photographs and clips", "called fake", "uncertain", "called real")
    return ["", *_table(columns, rows)]


def _training(run: Run) -> list[str]:
    data, checkpoint, crop = run.info["data"], run.info["checkpoint"], run.crop
    versions = ", ".join(f"{name} {version}" for name, version in run.info.get("versions", {}).items())
    facts = {
        "data": f"{run.settings.data.name.rpartition('/')[2]}, fingerprint {data.get('fingerprint') or 'unknown'}",
        "forgeries": ", ".join(run.seen) or "none",
        "crop": f"{crop.face_detector}, {crop.align}, margin {crop.margin:g}, {crop.size} px",
        "weights": f"step {checkpoint.get('step')}, AUC on validation {_number(checkpoint.get('val_auc'))}",
        "versions": versions or "unknown",
        "commit": run.info.get("commit") or "unknown",
    }
    return _table(("what", "value"), list(facts.items()))


def _figures(metrics: Mapping[str, Any]) -> Iterator[str]:
    """A table of data sets and forgeries, one of maps and one of corruptions, as far as they were measured."""
    data: Mapping[str, Any] = metrics.get("data", {})
    if not data:
        yield UNMEASURED
        return
    yield "Of frames, and of videos as the mean of their frames; with 95% intervals by bootstrap over people."
    yield ""
    balanced = f"balanced accuracy at {_number(metrics.get('threshold'))}"
    columns = ("data", "forgery", "frames", "AUC, frames", "AUC, videos", "EER", balanced)
    yield from _table(columns, [row for name, values in data.items() for row in _rows_of(name, values)])
    maps = [(name, values["localization"]) for name, values in data.items() if _has_maps(values)]
    if maps:
        yield from ("", "Maps against masks:", "")
        of_maps = ("data", "AUC of pixels", "AP of pixels", "IoU best", "F1 best", "pointing")
        names = ("pixel_auc", "pixel_ap", "iou_best", "f1_best", "pointing")
        yield from _table(of_maps, [(name, *(_number(each.get(key)) for key in names)) for name, each in maps])
    for name, values in data.items():
        if values.get("robustness") and values.get("frame", {}).get("auc") is not None:
            stress = values["robustness"]
            yield from (
                "",
                f"AUC of {stress['n']:,} of the {stress['of']:,} frames of {name} under corruptions, by level:",
                "",
            )
            yield from _table(("corruption", "1", "2", "3", "4", "5"), _corruptions(stress))
        if warning := (values.get("leakage") or {}).get("warning"):
            yield from ("", f"{name}: {warning}.")


def _has_maps(values: Mapping[str, Any]) -> bool:
    """Whether maps were compared with masks."""
    return (values.get("localization") or {}).get("pixel_auc") is not None


def _rows_of(name: str, values: Mapping[str, Any]) -> list[Sequence[str]]:
    forgeries = values.get("by_forgery", {})
    of_all = (name, "all", *_detection(values))
    of_each = [
        (name, forgery + (" (seen)" if each.get("seen") else " (unseen)"), *_detection(each))
        for forgery, each in forgeries.items()
    ]
    return [of_all, *of_each]


def _detection(values: Mapping[str, Any]) -> tuple[str, ...]:
    frame, video = values.get("frame", {}), values.get("video", {})
    count = frame.get("n_real", 0) + frame.get("n_fake", 0)
    auc = _with_interval(frame, "auc"), _with_interval(video, "auc")
    return f"{count:,}", *auc, _number(frame.get("eer")), _number(frame.get("balanced_accuracy"))


def _corruptions(robustness: Mapping[str, Any]) -> list[Sequence[str]]:
    levels = {"none": [robustness["clean"]], **robustness["corruptions"]}
    return [(name, *(_number(level.get("auc")) for level in each)) for name, each in levels.items()]


def _with_interval(values: Mapping[str, Any], name: str) -> str:
    bounds = values.get(f"{name}_ci")
    return _number(values.get(name)) + (f" [{bounds[0]:.3f}, {bounds[1]:.3f}]" if bounds else "")


def _number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, int | float) else _DASH


def _bullets(sentences: Sequence[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; a bar within a cell is escaped."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    padded = [[*row, *[""] * (len(columns) - len(row))] for row in cells]
    return [f"| {' | '.join(row)} |" for row in [columns, ["---"] * len(columns), *padded]]
