"""A result as HTML: the verdict, each face, heat map and reconstruction, the score over time, and downloads.

Everything that comes from a file, such as its name, is escaped. Pictures are inside the HTML, so that the page needs no
address to fetch them from.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np

from dfdetect_jax.media.drawing import marked
from dfdetect_jax.pages.score_chart import TONES, score_over_time
from dfdetect_jax.pages.verdict_words import Explanation
from dfdetect_jax.pictures.heat import HEAT, HEAT_TITLES, heat_overlay, heat_scale
from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.face_crops import shrunk
from dfdetect_jax.scoring.result import Result, ScoredFace, View

MOST_FACES = 6  # that are enlarged; all are in the table
_QUALITY = 90  # of JPEG, for pictures that are only looked at


def result_html(result: Result, explanation: Explanation, picture: np.ndarray | None, values: dict[str, Any]) -> str:
    """The whole answer to one file.

    Args:
        result: with views.
        explanation: in words.
        picture: uint8 [H, W, 3], to be downloaded; None without a face.
        values: to be downloaded as JSON.
    """
    parts = [_verdict(explanation, result), _cautions(explanation.cautions)]
    if result.views:
        parts += [_photograph(result) if result.kind == "image" else _clip(result), _faces_enlarged(result)]
    if result.faces:
        parts.append(_table(result))
    return f'<div class="answer">{"".join(parts)}{_downloads(picture, values)}</div>'


def error_html(words: str) -> str:
    """Why a file can't be judged, in one line."""
    colour = TONES[Verdict.ERROR]
    return (
        f'<div class="answer"><section class="verdict" style="--tone: {colour}"><h2>This file can\'t be judged</h2>'
        f"<p>{escape(words)}</p></section></div>"
    )


def attempt_row(result: Result, image: np.ndarray, quality: int, size: int) -> str:
    """A row of `attempts_html`.

    Args:
        result: of the re-encoded photograph.
        image: uint8 [H, W, 3], the re-encoded photograph.
        quality, size: see `re_encoding.re_encode`.
    """
    score = "-" if result.score is None else f"{result.score:.3f}"
    pill = f'<span class="pill" style="--tone: {TONES[result.verdict]}">{result.verdict}</span>'
    cells = (f"{quality}", f"{size}%, {image.shape[1]} x {image.shape[0]}", score, pill)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def attempts_html(rows: Sequence[str], image: np.ndarray) -> str:
    """What re-encoding gave, the last attempt first, and how the picture looks now.

    Args:
        rows: of `attempt_row`.
        image: uint8 [H, W, 3], the re-encoded photograph.
    """
    heads = "".join(f"<th>{name}</th>" for name in ("JPEG quality", "Size", "Score", "Verdict"))
    look = _figure(image_tag(shrunk(image)[0], "the re-encoded picture"), "As it was scored")
    return (
        f'<div class="answer"><div class="scroll" tabindex="0" role="region" aria-label="Attempts"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        f'<section class="look">{look}</section></div>'
    )


def image_tag(image: np.ndarray, words: str, quality: int = _QUALITY) -> str:
    """A picture, uint8 [H, W, 3] RGB, as HTML."""
    content = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return f'<img alt="{escape(words)}" src="data:image/jpeg;base64,{_base64(content.tobytes())}">'


def _verdict(explanation: Explanation, result: Result) -> str:
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in explanation.sentences)
    name = escape(_printable(result.path))
    tone = TONES[explanation.verdict]
    return (
        f'<section class="verdict" style="--tone: {tone}" data-verdict="{explanation.verdict}">'
        f'<p class="file">{name}</p><h2>{escape(explanation.headline)}</h2>{_scale(result)}{sentences}</section>'
    )


def _scale(result: Result) -> str:
    """The score on a line from real to fake, with the thresholds."""
    if result.score is None:
        return ""
    low, high, at = (100 * value for value in (result.rule.real_below, result.rule.fake_from, result.score))
    return (
        f'<div class="scale" role="img" aria-label="Score {result.score:.2f} on a scale from 0, real, to 1, fake">'
        f'<span class="part real" style="width: {low:.2f}%"></span>'
        f'<span class="part uncertain" style="width: {high - low:.2f}%"></span>'
        f'<span class="part fake" style="width: {100 - high:.2f}%"></span>'
        f'<span class="mark" style="left: {at:.2f}%"></span></div>'
        '<div class="ends"><span>0: like real ones</span><span>1: like fakes</span></div>'
    )


def _cautions(cautions: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(each)}</li>" for each in cautions)
    return f'<section class="cautions"><h3>What to be careful about</h3><ul>{items}</ul></section>'


def _photograph(result: Result) -> str:
    views = result.views
    scale = heat_scale(views[0].heat_kind, *(view.heat for view in views))
    boxes = "".join(_box(result, face, view) for face in result.faces for view in face.views)
    heat = image_tag(heat_overlay(views, scale), "heat map over the picture")
    figures = (_boxed(views[0].image, boxes), "Faces and their scores"), (heat, _heat_title(views[0]))
    return f'<section class="pair">{"".join(_figure(*each) for each in figures)}</section>'


def _boxed(image: np.ndarray, boxes: str) -> str:
    height, width = image.shape[:2]
    return (
        f'<div class="boxed">{image_tag(image, "the picture")}<svg viewBox="0 0 {width} {height}" '
        f'aria-hidden="true">{boxes}</svg></div>'
    )


def _box(result: Result, face: ScoredFace, view: View) -> str:
    x0, y0, x1, y1 = (float(side) for side in view.sighting.face.box * view.scale)
    verdict = result.rule.verdict(view.sighting.score) if face.decides else Verdict.UNCERTAIN
    thick, text = max(view.image.shape) / 250, max(view.image.shape) / 28
    place = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
    words = f"{verdict} {view.sighting.score:.2f}"
    label = max(y0, text * 1.3)
    return (
        f'<rect {place} fill="none" stroke="#ffffff" stroke-width="{2 * thick:.1f}"/>'
        f'<rect {place} fill="none" stroke="{TONES[verdict]}" stroke-width="{thick:.1f}"/>'
        f'<rect x="{x0:.1f}" y="{label - 1.3 * text:.1f}" width="{0.62 * text * len(words):.1f}" '
        f'height="{1.3 * text:.1f}" fill="{TONES[verdict]}"/>'
        f'<text x="{x0 + 0.25 * text:.1f}" y="{label - 0.35 * text:.1f}" font-size="{text:.1f}" fill="#ffffff">'
        f"{words}</text>"
    )


def _clip(result: Result) -> str:
    frames = "".join(
        _figure(
            _boxed(view.image, _box(result, result.faces[0], view)),
            f"{view.sighting.seconds:.1f} s: score {view.sighting.score:.2f}",
        )
        for view in result.views
    )
    title = "Its highest moments" if result.verdict == Verdict.REAL else "Its most suspicious moments"
    scrolled = 'class="scroll" tabindex="0" role="region" aria-label="Score over time"'
    return (
        f"<section><h3>Score over time</h3><div {scrolled}>{score_over_time(result)}</div></section>"
        f'<section><h3>{title}</h3><div class="frames">{frames}</div></section>'
    )


def _faces_enlarged(result: Result) -> str:
    rows = "".join(f'<div class="face">{"".join(_enlarged(view))}</div>' for view in _views_enlarged(result))
    return f"<section><h3>As the detector sees it</h3>{rows}</section>"


def _views_enlarged(result: Result) -> Sequence[View]:
    if result.kind == "video":
        return result.views
    return [face.view for face in result.faces if face.view is not None][:MOST_FACES]


def _enlarged(view: View) -> Iterator[str]:
    scale = heat_scale(view.heat_kind, view.heat)
    yield _figure(image_tag(view.crop, "the face"), f"The face, score {view.sighting.score:.2f}")
    if view.reconstruction is not None:
        yield _figure(image_tag(view.reconstruction, "the reconstruction"), "Rebuilt by the detector")
    heat = (HEAT(scale(view.heat))[..., :3] * 255).astype(np.uint8)
    yield _figure(image_tag(heat, "heat map of the face"), _heat_title(view))


def _heat_title(view: View) -> str:
    title = HEAT_TITLES[view.heat_kind]
    words = {"attention": "Where it looks (bright: suspicious)", "where it fails": "Where rebuilding fails (bright)"}
    return words.get(title, f"{title[:1].upper()}{title[1:]} (bright)")


def _table(result: Result) -> str:
    moment = "<th>Most suspicious at</th><th>Frames</th>" if result.kind == "video" else ""
    rows = "".join(_row(number, face, result) for number, face in enumerate(result.faces, 1))
    return (
        '<section><h3>Every face</h3><div class="scroll" tabindex="0" role="region" aria-label="Every face"><table>'
        f"<thead><tr><th>Face</th><th>Score</th><th>Verdict</th>{moment}<th>Box: left, top, right, bottom</th>"
        f"<th>Counts</th></tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _row(number: int, face: ScoredFace, result: Result) -> str:
    sighting = face.most_suspicious
    verdict = result.rule.verdict(face.score) if face.decides else Verdict.UNCERTAIN
    moment = f"<td>{sighting.seconds:.1f} s</td><td>{len(face.sightings)}</td>" if result.kind == "video" else ""
    box = ", ".join(f"{float(side):.0f}" for side in face.box)
    counts = "yes" if face.decides else f"no: {escape(face.doubt)}"
    return (
        f"<tr><td>{number}</td><td>{face.score:.3f}</td><td>{verdict}</td>{moment}<td>{box}</td><td>{counts}</td></tr>"
    )


def _downloads(picture: np.ndarray | None, values: dict[str, Any]) -> str:
    text = json.dumps(values, allow_nan=False, indent=1).encode()
    links = [
        f'<a download="verdict.json" href="data:application/json;base64,{_base64(text)}">Save the figures (JSON)</a>'
    ]
    if picture is not None:
        content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes()
        url = f"data:image/png;base64,{_base64(marked(content))}"
        links.insert(0, f'<a download="verdict.png" href="{url}">Save the picture (PNG)</a>')
    return f'<section class="downloads">{"".join(links)}</section>'


def _figure(picture: str, caption: str) -> str:
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _printable(name: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in name)
    return shown if len(shown) <= 80 else f"{shown[:38]}...{shown[-38:]}"
