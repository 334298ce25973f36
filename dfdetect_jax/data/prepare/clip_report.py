"""The result of preparing one clip, as `clips.jsonl` keeps it."""

import dataclasses

from dfdetect_jax.data.example import Clip


@dataclasses.dataclass(frozen=True, kw_only=True)
class ClipReport:
    """The result of one clip.

    Attributes:
        clip: its name.
        split: its split.
        asked: frames looked for.
        got: examples made.
        mask: "own", "difference", or "" where a fake has none (and for reals).
        words: remarks for the user, e.g. "no face in 3 of 32 frames".
        failed: the clip could not be read and gave no example.
        sha256: of the clip's file, "" for generated ones.
        mask_refused: it has a mask of its own, which can't be read or does not fit, so that it is not used.
    """

    clip: str
    split: str
    asked: int
    got: int
    mask: str = ""
    words: tuple[str, ...] = ()
    failed: bool = False
    sha256: str = ""
    mask_refused: bool = False


def failure_report(clip: Clip, reason: str) -> ClipReport:
    """The report of a clip that can't be read."""
    return ClipReport(clip=clip.video, split=clip.split, asked=0, got=0, words=(reason,), failed=True)
