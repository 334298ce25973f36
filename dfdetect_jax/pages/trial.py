"""What the page to try a detector does with a file: scores it, and scores it again re-encoded."""

import dataclasses
import threading
from pathlib import Path
from typing import NamedTuple

from dfdetect_jax.errors import BadMediaError, InputError
from dfdetect_jax.media.decoding import read_image
from dfdetect_jax.media.detectors import load_face_detector
from dfdetect_jax.media.file_format import media_kind
from dfdetect_jax.pages.re_encoding import re_encode
from dfdetect_jax.pages.result_html import attempt_row, attempts_html, error_html, result_html
from dfdetect_jax.pages.verdict_words import explain
from dfdetect_jax.pictures.verdict_picture import picture_of
from dfdetect_jax.run.folder import Run
from dfdetect_jax.scoring.decision import MAX_FPR, Verdict, decision_rule
from dfdetect_jax.scoring.media_frames import FRAMES
from dfdetect_jax.scoring.result import Result, as_json
from dfdetect_jax.scoring.stream import score_files, score_images

_MOST_ATTEMPTS = 8  # that are listed


class Shown(NamedTuple):
    """What the page shows of a file.

    Attributes:
        html: the answer.
        photograph: whether it can be re-encoded.
    """

    html: str
    photograph: bool


class Trial:
    """A detector that a page tries on files, one after the other."""

    def __init__(self, run: Run, max_fpr: float | None = None):
        """Prepares it.

        Args:
            run: an opened run.
            max_fpr: see `decision.decision_rule`.

        Raises:
            SettingsError, RunError: as `decision.decision_rule`.
        """
        self.run, self.rule, self.max_fpr = run, decision_rule(run, max_fpr), max_fpr or MAX_FPR
        self._face_detector = load_face_detector(run.crop.face_detector)
        self._lock = threading.Lock()

    def judge(self, path: str) -> Shown:
        """Scores a file; never raises for what is in it.

        Args:
            path: of an uploaded photograph or clip.
        """
        name = Path(path).name
        try:
            result = dataclasses.replace(self._score(path), path=name)
        except InputError as error:
            return Shown(error_html(_without_folder(str(error), path)), False)
        picture = picture_of(result) if result.views else None
        kind = result.views[0].heat_kind if result.views else None
        values = {**as_json(result, None, kind), "detector": self.run.folder.name}
        explanation = explain(self.run, result, self.max_fpr)
        return Shown(result_html(result, explanation, picture, values), result.kind == "image" and bool(result.faces))

    def judge_re_encoded(
        self, path: str, quality: int, size: int, before: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...]]:
        """Scores a photograph that was shrunk and saved as JPEG again.

        Args:
            path: of an uploaded photograph.
            quality, size: see `re_encoding.re_encode`.
            before: the rows of earlier calls, as returned.

        Returns:
            HTML of what this and the last calls gave, and their rows.
        """
        try:
            if media_kind(path) != "image":
                raise BadMediaError(f"{path}: expected a photograph to re-encode, found a clip")
            image = re_encode(read_image(path), quality, size)
            with self._lock:
                (result,) = score_images(self.run, self._face_detector, [image], rule=self.rule)
        except InputError as error:
            return error_html(_without_folder(str(error), path)), before
        rows = (attempt_row(result, image, quality, size), *before)[:_MOST_ATTEMPTS]
        return attempts_html(rows, image), rows

    def _score(self, path: str) -> Result:
        with self._lock:
            results = score_files(self.run, self._face_detector, [path], FRAMES, rule=self.rule, views=tuple(Verdict))
            ((_, result),) = results
        if isinstance(result, BadMediaError):
            raise result
        return result


def _without_folder(words: str, path: str) -> str:
    """An error's words with the file's name alone, since where the server keeps uploads is nobody's business."""
    return words.replace(path, Path(path).name)
