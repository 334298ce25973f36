import base64
import dataclasses
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from dfdetect_jax.media.drawing import is_drawing
from dfdetect_jax.pages.result_html import MOST_FACES, attempt_row, attempts_html, error_html, result_html
from dfdetect_jax.pages.verdict_words import Explanation
from dfdetect_jax.scoring.decision import Verdict
from dfdetect_jax.scoring.result import HeatKind
from tests.pictures.test_verdict_picture import HEIGHT, WIDTH, result, view

WORDS = Explanation(Verdict.FAKE, "It is <b>fake</b>", ("One & two.",), ("Be <i>careful</i>.",))
PICTURE = np.full((8, 8, 3), 7, np.uint8)


class Parsed(HTMLParser):
    """Tags by name, each with its attributes; closed in order, as is checked."""

    VOID = ("img", "rect", "line", "circle", "polyline", "br")

    def __init__(self, html):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


def shown(each, picture=PICTURE, values=None):
    return result_html(each, WORDS, picture, values or {"score": 0.9})


@pytest.mark.parametrize("each", [result([view()]), result([view(frame=0), view(frame=9)], "video")])
def test_the_html_is_whole_and_loads_nothing_from_elsewhere(each):
    html = shown(each)
    links = [tag.get("src") or tag.get("href") or "" for _, tag in Parsed(html).tags]
    assert all(link.startswith("data:") for link in links if link)
    assert "url(" not in html


def test_what_comes_from_a_file_or_its_name_is_text_and_no_markup():
    html = shown(dataclasses.replace(result([view()]), path="<script>alert(1)</script>\udcff\n.jpg"))
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;??.jpg" in html
    assert "It is &lt;b&gt;fake" in html
    assert "Be &lt;i&gt;careful" in html
    assert "<script" not in error_html("<script>")


def test_each_face_has_its_box_where_it_is_on_the_shrunken_picture():
    html = shown(result([view(scale=0.5)]))
    svg = Parsed(html).all("svg")[0]
    assert svg["viewbox"] == f"0 0 {WIDTH // 2} {HEIGHT // 2}"
    first = Parsed(html).all("rect")[0]
    assert [float(first[name]) for name in ("x", "y", "width", "height")] == [20.0, 15.0, 20.0, 25.0]


def test_the_downloads_are_the_picture_marked_as_drawn_and_the_figures(tmp_path):
    links = {each["download"]: each["href"] for each in Parsed(shown(result([view()]))).all("a")}
    picture = base64.b64decode(links["verdict.png"].removeprefix("data:image/png;base64,"))
    (tmp_path / "p.png").write_bytes(picture)
    assert is_drawing(tmp_path / "p.png")
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "p.png")), PICTURE)
    figures = base64.b64decode(links["verdict.json"].removeprefix("data:application/json;base64,"))
    assert json.loads(figures) == {"score": 0.9}


def test_without_a_face_there_are_words_and_figures_but_no_picture():
    html = shown(dataclasses.replace(result([view()]), faces=()), picture=None)
    assert not Parsed(html).all("img")
    assert [each["download"] for each in Parsed(html).all("a")] == ["verdict.json"]


def test_a_clip_shows_its_moments_and_the_score_over_time():
    html = shown(result([view(score=0.2, frame=0), view(score=0.8, frame=9)], "video"))
    assert Parsed(html).all("polyline")
    assert "score 0.80" in html


def test_faces_beyond_a_few_are_in_the_table_alone():
    (face,) = result([view()]).faces
    html = shown(dataclasses.replace(result([view()]), faces=(face,) * (MOST_FACES + 3)))
    assert html.count("<figcaption>The face, score") == MOST_FACES
    assert len(Parsed(html).all("tr")) == 1 + MOST_FACES + 3


def test_a_doubtful_face_is_listed_with_the_reason():
    (face,) = result([view()]).faces
    html = shown(dataclasses.replace(result([view()]), faces=(dataclasses.replace(face, doubt="too <small>"),)))
    assert "no: too &lt;small&gt;" in html


@pytest.mark.parametrize("kind", list(HeatKind))
def test_every_kind_of_map_has_a_caption_for_people(kind):
    captions = re.findall("<figcaption>(.*?)</figcaption>", shown(result([view(heat_kind=kind)])))
    assert any("bright" in caption for caption in captions)


def test_attempts_are_listed_with_what_was_done():
    rows = [attempt_row(result([view(score=0.1)]), np.zeros((50, 80, 3), np.uint8), 40, 50)]
    html = attempts_html(rows, PICTURE)
    assert Parsed(html).all("tr")
    assert "<td>40</td><td>50%, 80 x 50</td><td>0.100</td>" in html
