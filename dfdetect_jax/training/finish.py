"""What a finished run leaves for people: figures of its best checkpoint, and a sheet of pictures."""

from pathlib import Path

import numpy as np

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import read_manifest
from dfdetect_jax.evaluation import measure
from dfdetect_jax.evaluation.report import report_files
from dfdetect_jax.evaluation.report.terminal import print_results
from dfdetect_jax.pictures import sheets
from dfdetect_jax.run.folder import Run, open_run

SAMPLES, REPORT = "samples", "report"
PER_FORGERY = 2  # rows of the sheet for reals and for each forgery


def finish(workdir: Path, records: Path) -> None:
    """Evaluates on validation and test, prints the table, writes the report and the sheet of examples.

    Args:
        workdir: a trained run.
        records: what it was trained on.
    """
    run, manifest, resampling = open_run(workdir), read_manifest(records), report_files.Resampling()
    splits = [split for split in ("val", "test") if split in manifest.counts]
    data = [measure.Measured(report_files.data_key(manifest.name, split), records, split) for split in splits]
    result = measure.measure(run, data, resampling)
    measure.write(
        workdir / REPORT, measure.compare(workdir.name, {workdir.name: run}, {workdir.name: result}, resampling)
    )
    sheet = workdir / SAMPLES / "examples.png"
    sheets.write_png(sheet, example_sheet(run, records, splits[-1]))
    print_results(result.metrics)
    print(f"run       {workdir}\nreport    {workdir / REPORT / measure.PAGE}\npictures  {sheet}")


def example_sheet(run: Run, records: Path, split: str) -> np.ndarray:
    """The first examples of each forgery in `split` as `sheets.example_sheet` shows them: uint8 [H, W, 3]."""
    chosen: dict[str, list[tuple[np.ndarray, np.ndarray | None]]] = {}
    names = read_manifest(records).counts[split]
    batches = eval_batches(records, split, batch_size=32, image_size=run.settings.data.image_size)
    for batch in batches:
        for i, forgery in enumerate(map(str, batch["forgery"])):
            if batch["valid"][i] and len(chosen.setdefault(forgery, [])) < PER_FORGERY:
                chosen[forgery].append((batch["image"][i], batch["mask"][i] if batch["has_mask"][i] else None))
        if all(len(chosen.get(name, ())) >= min(PER_FORGERY, names[name]["examples"]) for name in names):
            break
    order = sorted(chosen, key=lambda forgery: (forgery != "", forgery not in run.seen, forgery))
    forgeries = [forgery for forgery in order for _ in chosen[forgery]]
    images, masks = zip(*(example for forgery in order for example in chosen[forgery]), strict=True)
    images = np.stack(images)
    prediction = run.predict(images)
    captions = [
        f"{forgery or 'real'}\n{'unseen, ' if forgery and forgery not in run.seen else ''}fake {score:.2f}"
        for forgery, score in zip(forgeries, prediction.score, strict=True)
    ]
    return sheets.example_sheet(images, masks, prediction, captions)
