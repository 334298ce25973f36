"""Compares a run on FaceForensics++ c23 with published figures: is this library's Xception what others' is?

    python benchmarks/reproduce.py runs/cae-faceforensics_scratch/report/metrics.json
    python benchmarks/reproduce.py metrics.json --detector EfficientB4 --tolerance 0.03

The figures are frame AUCs of detectors that were trained on FaceForensics++ c23: Yan et al., DeepfakeBench, NeurIPS
2023, arXiv 2307.01426, as in the table of github.com/SCLBD/DeepfakeBench. A data set agrees if its AUC is within the
tolerance of the published one. The default, five points across data sets and two on FaceForensics++ itself, is ours:
the table's detectors on one backbone differ by three points on Celeb-DF v2, and face detector, frames and seed differ.

Exit status: 0 all that were measured agree, 1 some don't, 2 metrics.json can't be used, or holds none of the data sets.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dfdetect_jax import cli
from dfdetect_jax.errors import RunError

TRAINED_ON = "faceforensics"
COLUMNS = (TRAINED_ON, "celebdf", "dfdc", "dfdc_preview", "deeperforensics", "uadfv")
PUBLISHED = {  # frame AUC by column; Celeb-DF is v2
    "Xception": (0.9637, 0.7365, 0.7077, 0.7374, 0.8341, 0.9379),
    "EfficientB4": (0.9567, 0.7487, 0.6955, 0.7283, 0.8330, 0.9472),
    "MesoIncep": (0.7583, 0.6966, 0.6226, 0.7561, 0.9233, 0.9049),
    "Recce": (0.9621, 0.7319, 0.7133, 0.7419, 0.7985, 0.9446),
    "UCF": (0.9705, 0.7527, 0.7191, 0.7594, 0.8241, 0.9528),
}
WITHIN, ACROSS = 0.02, 0.05


class Comparison(NamedTuple):
    """One data set.

    Attributes:
        data: its name.
        ours: frame AUC, and its interval where there is one.
        interval: 95%, or None.
        published: frame AUC.
        tolerance: largest difference that counts as agreement.
    """

    data: str
    ours: float
    interval: Sequence[float] | None
    published: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether the difference is within the tolerance."""
        return abs(self.ours - self.published) <= self.tolerance


def compare(metrics: Mapping[str, Any], detector: str, tolerance: float | None = None) -> list[Comparison]:
    """The data sets of one run's metrics that a detector has published figures of.

    Args:
        metrics: of one run, as in metrics.json.
        detector: of `PUBLISHED`.
        tolerance: for all data sets; None for `WITHIN` and `ACROSS`.

    Raises:
        RunError: there are none, or the metrics are of several runs.
    """
    if "data" not in metrics:
        raise RunError("expected the metrics of one run, found those of several; evaluate one run alone")
    comparisons = []
    for name, published in zip(COLUMNS, PUBLISHED[detector], strict=True):
        frame = metrics["data"].get(name, {}).get("frame", {})
        if frame.get("auc") is not None:
            allowed = tolerance if tolerance is not None else WITHIN if name == TRAINED_ON else ACROSS
            comparisons.append(Comparison(name, frame["auc"], frame.get("auc_ci"), published, allowed))
    if not comparisons:
        raise RunError(f"expected one of {', '.join(COLUMNS)}, found {', '.join(metrics['data'])}; evaluate on one")
    return comparisons


def line(each: Comparison) -> str:
    """One row of the table."""
    interval = "[{:.3f}, {:.3f}]".format(*each.interval) if each.interval else ""
    verdict = "agrees" if each.agrees else "differs"
    difference = each.ours - each.published
    return f"{each.data:16}{each.ours:>7.3f} {interval:16}{each.published:>9.4f}{difference:>+12.3f}  {verdict}"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the table; returns the exit status.

    Raises:
        RunError: the metrics can't be used.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("metrics", type=Path, help="metrics.json of one run")
    parser.add_argument("--detector", choices=tuple(PUBLISHED), default="Xception", help="default: %(default)s")
    parser.add_argument("--tolerance", type=float, help=f"default: {WITHIN} on {TRAINED_ON}, else {ACROSS}")
    args = parser.parse_args(argv)
    try:
        metrics = json.loads(args.metrics.read_text())
    except (OSError, ValueError) as error:
        raise RunError(f"{args.metrics}: expected a metrics.json of evaluate, found none ({error})") from error
    comparisons = compare(metrics, args.detector, args.tolerance)
    print(f"{'frame AUC':16}{'ours':>7} {'':16}{args.detector:>9}{'difference':>12}")
    print(*map(line, comparisons), sep="\n")
    return cli.ExitStatus.OK if all(each.agrees for each in comparisons) else cli.ExitStatus.INCOMPLETE


if __name__ == "__main__":
    sys.exit(cli.run(main))
