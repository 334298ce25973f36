"""The page to try a detector, in a real browser."""

import json

import pytest

from tests import trained
from tests.pages.browsers import Visit, chromium, contrast_violations
from tests.pages.test_trial import bomb

pytest.importorskip("gradio", reason="no Gradio; pip install 'dfdetect_jax[annotate]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Gradio leaves a socket open
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as each:
        yield each


@pytest.fixture(scope="module")
def url():
    from dfdetect_jax.pages import server
    from dfdetect_jax.pages.trial import Trial
    from dfdetect_jax.pages.try_page import ROUTES, build_page

    server.load_gradio()
    with server.private_uploads():
        page = build_page(Trial(trained.opened()))
        yield server.launch(page, most_megabytes=5, routes=ROUTES, css=server.template("try.css"))
        page.close(verbose=False)


def drop(visit, path):
    visit.page.set_input_files("#file input[type=file]", str(path))
    visit.page.wait_for_selector("#answer .verdict", timeout=120_000)
    return visit.page.inner_text("#answer .verdict")


@pytest.mark.parametrize(("width", "ratio"), [(1280, 1), (420, 2)])
def test_a_photograph_gets_a_verdict_downloads_and_a_second_look(browser, url, tmp_path, width, ratio):
    photo = trained.write_photo(tmp_path / "me.png", trained.one_face())
    with Visit(browser, url, width=width, ratio=ratio) as visit:
        visit.page.wait_for_selector("#file input[type=file]", state="attached")
        assert contrast_violations(visit.page) == []
        assert "me.png" in drop(visit, photo)
        with visit.page.expect_download() as download:
            visit.page.click("a[download='verdict.json']")
        values = json.loads(download.value.path().read_text())
        assert values["faces"]
        with visit.page.expect_download() as download:
            visit.page.click("a[download='verdict.png']")
        assert download.value.path().read_bytes().startswith(b"\x89PNG")
        visit.page.click("#again")
        visit.page.wait_for_selector("#held tbody tr")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
        assert contrast_violations(visit.page) == []
        assert (visit.elsewhere, visit.errors) == ([], [])


def test_a_clip_shows_its_score_over_time(browser, url, tmp_path):
    clip = trained.write_clip(tmp_path / "clip.avi", [trained.one_face(3 * n) for n in range(4)])
    with Visit(browser, url) as visit:
        drop(visit, clip)
        assert visit.page.locator("#answer svg.chart").count() == 1
        assert not visit.page.locator("#again").is_visible()


def test_what_is_no_picture_or_a_bomb_is_one_clear_line(browser, url, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("hello")
    for path, words in ((letter, "letter.txt"), (bomb(tmp_path / "bomb.png"), "expected at most 64,000,000 pixels")):
        with Visit(browser, url) as visit:
            answer = drop(visit, path)
            assert "can't be judged" in answer
            assert words in answer
            assert visit.errors == []


def test_a_file_over_the_limit_is_not_taken(browser, url, tmp_path):
    (tmp_path / "large.png").write_bytes(bytes(6_000_000))
    with Visit(browser, url) as visit:
        visit.page.set_input_files("#file input[type=file]", str(tmp_path / "large.png"))
        visit.page.wait_for_timeout(3000)
        assert visit.page.locator("#answer .verdict").count() == 0
