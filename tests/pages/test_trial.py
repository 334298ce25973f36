import base64
import json
import re
import zlib

import pytest

from dfdetect_jax.pages.trial import Trial
from dfdetect_jax.scoring.decision import decision_rule
from tests import trained


@pytest.fixture(scope="module")
def trial():
    return Trial(trained.opened())


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    return str(trained.write_photo(tmp_path_factory.mktemp("upload") / "secret-place" / "me.png", trained.one_face()))


def figures(html):
    return json.loads(base64.b64decode(re.search('data:application/json;base64,(.*?)"', html)[1]))


def bomb(path):
    """A PNG whose header declares 16000 x 16000 pixels, which a decoder would make 768 MB of."""

    def chunk(kind, content):
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    rows = zlib.compress(bytes(1 + 3 * 16000))
    header = (16000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_a_photograph_gets_the_verdict_that_predict_gives(trial, photo):
    shown = trial.judge(photo)
    assert shown.photograph
    values = figures(shown.html)
    (face,) = values["faces"]
    rule = decision_rule(trained.opened())
    assert values["verdict"] == rule.verdict(values["score"])
    assert (values["path"], values["detector"]) == ("me.png", "run")
    assert f"{face['score']:.3f}" in shown.html


def test_where_uploads_lie_is_told_to_nobody(trial, photo, tmp_path):
    assert "secret-place" not in trial.judge(photo).html
    letter = tmp_path / "secret-place.txt"
    letter.write_text("hello")
    shown = trial.judge(str(letter))
    assert "be judged" in shown.html
    assert str(tmp_path) not in shown.html
    assert not shown.photograph


def test_a_bomb_is_refused_by_its_header(trial, tmp_path):
    shown = trial.judge(str(bomb(tmp_path / "bomb.png")))
    assert "expected at most 64,000,000 pixels" in shown.html


def test_a_re_encoded_photograph_is_scored_and_listed_after_the_last(trial, photo):
    html, rows = trial.judge_re_encoded(photo, 90, 100, ())
    html, rows = trial.judge_re_encoded(photo, 30, 50, rows)
    assert len(rows) == 2
    assert html.index("<td>30</td>") < html.index("<td>90</td>")
    for _ in range(10):
        rows = trial.judge_re_encoded(photo, 90, 100, rows)[1]
    assert len(rows) == 8


def test_what_cannot_be_re_encoded_is_one_line(trial, photo, tmp_path):
    assert "expected 5 to 100" in trial.judge_re_encoded(photo, 0, 100, ())[0]
    clip = trained.write_clip(tmp_path / "clip.avi", [trained.one_face()] * 2)
    assert "expected a photograph" in trial.judge_re_encoded(str(clip), 50, 100, ())[0]
