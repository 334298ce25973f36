"""What a page that takes files answers to requests that should get nothing; on a real server, without a browser."""

import json
import socket
import urllib.error
import urllib.request

import pytest

from dfdetect_jax.pages.trial import Shown

pytest.importorskip("gradio", reason="no Gradio; pip install 'dfdetect_jax[annotate]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # Gradio leaves a socket open
]

PATHS = [
    "gradio_api/file=/etc/passwd",
    "gradio_api/file=../../../../etc/passwd",
    "gradio_api/file=%2Fetc%2Fpasswd",
    "gradio_api/file=http://127.0.0.1:1/",
    "gradio_api/file=file:///etc/passwd",
    "gradio_api/proxy=http://127.0.0.1:1/",
    "gradio_api/stream/a/b/c/playlist.m3u8",
    "gradio_api/run/judge",
    "assets/../../../../../../etc/passwd",
    "static/..%2f..%2f..%2f..%2f..%2fetc%2fpasswd",
    "svelte/../../../../../../etc/passwd",
    "openapi.json",
    "docs",
    "monitoring",
]


class Judged:
    """In place of a trial: remembers what it was given."""

    def __init__(self):
        self.paths = []

    def judge(self, path):
        self.paths.append(path)
        return Shown("", False)


@pytest.fixture(scope="module")
def judged():
    return Judged()


@pytest.fixture(scope="module")
def reached():
    """Addresses that this process connects to while the page is served."""
    with pytest.MonkeyPatch.context() as patch:
        addresses, connect = [], socket.socket.connect

        def remember(self, address):
            addresses.append(address)
            return connect(self, address)

        patch.setattr(socket.socket, "connect", remember)
        yield addresses


@pytest.fixture(scope="module")
def url(judged, reached):
    from dfdetect_jax.pages import server
    from dfdetect_jax.pages.try_page import ROUTES, build_page

    server.load_gradio()
    with server.private_uploads():
        page = build_page(judged)
        yield server.launch(page, routes=ROUTES)
        page.close(verbose=False)


def ask(url, data=None, **headers):
    """(status, body); status 0 for a connection that was closed."""
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except urllib.error.URLError:  # the connection was closed while the body was still being sent
        return 0, b""


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_served_but_the_page(url, path):
    status, body = ask(url + path)
    assert status in (400, 401, 403, 404, 405, 422)
    assert b"root:" not in body


def submitted(url, path, session):
    """The events that the server sends after a path was given to the file's function."""
    config = json.loads(ask(url + "config")[1])
    function = next(each for each in config["dependencies"] if len(each["inputs"]) == 1)
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    message = {"fn_index": function["id"], "session_hash": session, "data": [file]}
    assert ask(url + "gradio_api/queue/join", json.dumps(message).encode())[0] == 200
    with urllib.request.urlopen(f"{url}gradio_api/queue/data?session_hash={session}", timeout=20) as events:
        lines = [json.loads(line[5:]) for line in events if line.startswith(b"data:")]
    return [each for each in lines if each["msg"] == "process_completed"]


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "http://127.0.0.1:1/x.png"])
def test_a_forged_path_is_not_scored(url, judged, path):
    (completed,) = submitted(url, path, path[:4].replace("/", "x"))
    assert not completed["success"]
    assert "root:" not in json.dumps(completed)
    assert judged.paths == []


def test_an_uploaded_file_is(url, judged):
    body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\nhello\r\n--b--\r\n'
    status, answer = ask(url + "gradio_api/upload", body, **{"Content-Type": "multipart/form-data; boundary=b"})
    assert status == 200
    (path,) = json.loads(answer)
    (completed,) = submitted(url, path, "mine")
    assert completed["success"]
    assert judged.paths == [path]


def test_an_upload_over_the_limit_and_another_host_are_refused(url):
    assert ask(url + "gradio_api/upload", bytes(1_100_000))[0] in (0, 413)
    assert ask(url, Host="example.org")[0] == 400


def test_the_server_connects_to_nothing_but_itself(url, reached):
    assert ask(url)[0] == 200
    outside = [address for address in reached if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1")]
    assert outside == []
