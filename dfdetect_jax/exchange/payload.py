"""What a format puts into a model folder beside the description and the card."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dfdetect_jax.exchange import weights_file
from dfdetect_jax.run.folder import Run

WEIGHTS = "weights.safetensors"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Payload:
    """The files of a format.

    Attributes:
        files: what each is, by name.
        model: facts about them for config.json, under "model".
        usage: lines for the card that show how they are used.
    """

    files: Mapping[str, str]
    model: Mapping[str, Any]
    usage: Sequence[str]


def is_folded(info: Mapping[str, Any]) -> bool:
    """Whether normalisations are folded into the weights of a detector, by its config.json; never in a run."""
    return info.get("model", {}).get("folded") is True


def write_variables(run: Run, folder: Path, dtype: str) -> Payload:
    """Writes the format "safetensors": parameters and running statistics as they are, folded or not.

    Raises:
        RunError: a weight is beyond the range of `dtype`.
    """
    weights_file.write_weights(folder / WEIGHTS, weights_file.stored(run.variables, dtype))
    return Payload(
        files={WEIGHTS: "parameters and running statistics by path"},
        model={"dtype": dtype, "folded": is_folded(run.info)},
        usage=(
            "dfdetect predict --model FOLDER photo.jpg clip.mp4",
            "",
            "import dfdetect_jax as dfd",
            'result = dfd.load("FOLDER").predict("photo.jpg")',
        ),
    )
