"""The report and the picture of examples that a finished run writes."""

from pathlib import Path

import numpy as np

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.evaluation.comparison import evaluate_runs
from dfdetect_jax.evaluation.prepared_split import PreparedSplit, data_key
from dfdetect_jax.evaluation.report import report_files
from dfdetect_jax.evaluation.report.terminal import print_evaluation
from dfdetect_jax.pictures.example_sheet import example_sheet
from dfdetect_jax.pictures.picture_files import write_png
from dfdetect_jax.run.folder import Run, open_run

SAMPLES, REPORT = "samples", "report"
PER_FORGERY = 2  # rows of the sheet for reals and for each forgery


def finish(workdir: Path, records: Path, name: str = "") -> None:
    """Evaluates on validation and test, prints the tables, writes the report and the sheet of examples.

    Args:
        workdir: a trained run.
        records: what it was trained on.
        name: of the run in what is printed; "" for `workdir`.
    """
    run, manifest = open_run(workdir), read_manifest(records)
    splits = [split for split in ("val", "test") if split in manifest.counts]
    data = [PreparedSplit(key=data_key(manifest.name, split), folder=records, split=split) for split in splits]
    evaluation = evaluate_runs({workdir.name: run}, data)
    report_files.write_report(workdir / REPORT, evaluation)
    sheet = workdir / SAMPLES / "examples.png"
    write_png(sheet, examples_of(run, records, splits[-1]), drawing=True)
    print_evaluation(evaluation)
    name = name or str(workdir)
    print(f"run       {name}\nreport    {name}/{REPORT}/{report_files.PAGE}\npictures  {name}/{SAMPLES}/{sheet.name}")


def examples_of(run: Run, records: Path, split: str) -> np.ndarray:
    """The first examples of each forgery in `split`, as `example_sheet` shows them: uint8 [H, W, 3]."""
    examples = _first_examples(run, records, split)
    order = sorted(examples, key=lambda forgery: (forgery != "", forgery not in run.seen, forgery))
    forgeries = [forgery for forgery in order for _ in examples[forgery]]
    images = np.stack([image for forgery in order for image, _ in examples[forgery]])
    masks = [mask for forgery in order for _, mask in examples[forgery]]
    prediction = run.predict(images)
    captions = [
        f"{forgery or 'real'}\n{'unseen, ' if forgery and forgery not in run.seen else ''}fake {score:.2f}"
        for forgery, score in zip(forgeries, prediction.score, strict=True)
    ]
    return example_sheet(images, masks, prediction, captions)


def _first_examples(run: Run, records: Path, split: str) -> dict[str, list[tuple[np.ndarray, np.ndarray | None]]]:
    """Up to `PER_FORGERY` images of each forgery with their masks; None for an unknown mask."""
    counts = read_manifest(records).counts[split]
    wanted = {forgery: min(PER_FORGERY, count["examples"]) for forgery, count in counts.items()}
    examples: dict[str, list[tuple[np.ndarray, np.ndarray | None]]] = {}
    for batch in eval_batches(records, split, batch_size=32, image_size=run.settings.data.image_size):
        for i, forgery in enumerate(map(str, batch["forgery"])):
            if batch["valid"][i] and len(examples.setdefault(forgery, [])) < PER_FORGERY:
                examples[forgery].append((batch["image"][i], batch["mask"][i] if batch["has_mask"][i] else None))
        if all(len(examples.get(forgery, ())) >= count for forgery, count in wanted.items()):
            break
    return examples
