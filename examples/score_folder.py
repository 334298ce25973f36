"""Scores a folder into a table: `python examples/score_folder.py folder/ scores.csv [RUN]`; needs pandas."""

import sys
from pathlib import Path

import pandas as pd

import dfdetect_jax as dfd
from dfdetect_jax.errors import BadMediaError


def score_folder(detector: dfd.Detector, folder: str | Path) -> pd.DataFrame:
    """One row per file, the most suspicious first; a file that can't be read has an error in place of a score."""
    return pd.DataFrame(
        [row(detector, path) for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    ).sort_values("score", ascending=False, na_position="last", ignore_index=True)


def row(detector: dfd.Detector, path: Path) -> dict[str, object]:
    """The columns of one file."""
    try:
        result = detector.predict(str(path))
    except BadMediaError as error:
        return {"path": str(path), "score": None, "verdict": "error", "faces": 0, "notes": str(error)}
    return {
        "path": str(path),
        "score": result.score,
        "verdict": str(result.verdict),
        "faces": len(result.faces),
        "notes": "; ".join(result.notes),
    }


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python examples/score_folder.py FOLDER TABLE.csv [RUN]")
    source, target, *run = sys.argv[1:]
    table = score_folder(dfd.load(*run), source)
    table.to_csv(target, index=False)
    print(table.groupby("verdict").size())
