"""Models on the Hugging Face hub, against a server on this machine that speaks the hub's calls."""

import base64
import hashlib
import http.server
import json
import threading

import numpy as np
import pytest
from huggingface_hub import constants

import dfdetect_jax as dfd
from dfdetect_jax import export, files
from dfdetect_jax.errors import RunError, SettingsError
from dfdetect_jax.exchange import hub as hubs
from dfdetect_jax.exchange.opening import open_detector
from dfdetect_jax.exchange.sealed_folder import SUMS
from tests import trained

COMMIT, NAME = "1" * 40, "owner/model"


class Hub(http.server.BaseHTTPRequestHandler):
    """One repository; small files come within the commit, weights through Git LFS."""

    repositories: dict
    blobs: dict
    requests: list

    def answer(self, content=b"", status=200, **headers):
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_HEAD(self):
        name = self.path.rpartition("/")[2]
        found = self.repositories.get(NAME, {}).get(name) if f"/{COMMIT}/" in self.path else None
        if found is None:
            return self.answer(status=404)
        etag = hashlib.sha256(found).hexdigest()
        return self.answer(found, ETag=f'"{etag}"', X_Repo_Commit=COMMIT)

    def do_GET(self):
        self.do_HEAD()

    def do_PUT(self):
        self.blobs[self.path.rpartition("/")[2]] = self.body()
        self.answer()

    def do_POST(self):
        body, address = self.body(), f"http://{self.headers['Host']}"
        self.requests.append(self.path)
        if self.path == "/api/repos/create":
            values = json.loads(body)
            self.repositories.setdefault(f"{values['organization']}/{values['name']}", {})
            assert values.get("private") or values["visibility"] == "private"  # as the client's version has it
            return self.json({"url": f"{address}/{NAME}"})
        if self.path == "/api/validate-yaml":
            return self.json({"errors": [], "warnings": []})
        if self.path.endswith("/preupload/main"):
            modes = [
                (f["path"], "lfs" if f["path"].endswith(".safetensors") else "regular")
                for f in json.loads(body)["files"]
            ]
            return self.json({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes]})
        if self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                each | {"actions": {"upload": {"href": f"{address}/blob/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            return self.json({"transfer": "basic", "objects": objects})
        return self.commit(body)

    def commit(self, body):
        files_of = self.repositories[NAME]
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files_of[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files_of[value["path"]] = self.blobs[value["oid"]]
        url = f"http://{self.headers['Host']}/{NAME}/commit/{COMMIT}"
        self.json({"commitUrl": url, "commitOid": COMMIT, "success": True})

    def json(self, values):
        self.answer(json.dumps(values).encode(), Content_Type="application/json")

    def body(self):
        return self.rfile.read(int(self.headers["Content-Length"]))

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path, monkeypatch):
    handler = type("ThisHub", (Hub,), {"repositories": {}, "blobs": {}, "requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", address)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield handler
        server.shutdown()


@pytest.fixture
def pushed(hub, tmp_path, capsys):
    """(name with revision, digest) of a run exported and pushed by the command."""
    command = ["--run", str(trained.lae_folders()[0]), "--out", str(tmp_path / "model"), "--push", NAME]
    assert export.main(command) == 0
    _, digest, name = capsys.readouterr().out.splitlines()
    return name, digest.split()[1]


def test_what_is_pushed_is_loaded_by_name_revision_and_digest(hub, pushed, tmp_path):
    name, digest = pushed
    assert name == f"{NAME}@{COMMIT}"
    assert set(hub.repositories[NAME]) == {"README.md", "config.json", "weights.safetensors", SUMS}
    run = trained.opened_lae()
    crops = np.zeros((1, run.settings.data.image_size, run.settings.data.image_size, 3), np.uint8)
    np.testing.assert_array_equal(dfd.load(name, sha256=digest).run.score(crops), run.score(crops))
    hub.repositories.clear()  # it is kept from now on
    kept = open_detector(name, digest.upper())
    assert kept.folder == tmp_path / "cache" / "dfdetect_jax" / "models" / digest
    names = ["README.md", SUMS, "config.json", "weights.safetensors"]
    assert sorted(path.name for path in kept.folder.iterdir()) == names


def test_a_model_on_the_hub_is_exported_with_its_cards_figures(pushed, tmp_path):
    name, digest = pushed
    command = ["--model", name, "--sha256", digest, "--out", str(tmp_path / "again"), "--title", "Again"]
    assert export.main(command) == 0
    assert f"from the model whose SHA256SUMS has the digest {digest}" in (tmp_path / "again/README.md").read_text()


def test_another_model_under_the_name_is_refused_and_not_kept(hub, pushed, tmp_path):
    name, digest = pushed
    with pytest.raises(RunError, match=r"expected SHA-256 0{64}"):
        open_detector(name, "0" * 64)
    hub.repositories[NAME]["config.json"] += b" "
    with pytest.raises(RunError, match=r"config\.json: expected the SHA-256 in SHA256SUMS, found another"):
        open_detector(name, digest)
    assert list((tmp_path / "cache" / "dfdetect_jax" / "models").iterdir()) == []


def test_a_name_without_digest_is_refused_before_anything_is_fetched(hub):
    with pytest.raises(RunError, match=r"expected the SHA-256 of its SHA256SUMS, .* give it as --sha256"):
        open_detector(f"{NAME}@main")


def test_what_the_hub_does_not_give_is_refused_in_one_line(hub):
    with pytest.raises(RunError, match=r"SHA256SUMS can't be downloaded from the Hugging Face hub") as error:
        open_detector(f"{NAME}@{COMMIT}", "0" * 64)
    assert "\n" not in str(error.value)


def test_a_hub_that_refuses_leaves_the_folder_and_says_how_to_go_on(hub, pushed, tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "do_POST", lambda self: self.answer(b'{"error": "no"}', status=401))
    with pytest.raises(RunError, match=r"found none .* log in with hf auth login") as error:
        hubs.push(tmp_path / "model", NAME)
    assert "\n" not in str(error.value)
    assert files.sha256_file(tmp_path / "model" / SUMS) == pushed[1]


def test_a_name_that_is_none_is_refused_before_the_export(tmp_path):
    with pytest.raises(SettingsError, match="--push: expected OWNER/NAME, found 'model'"):
        export.main(["--run", "any", "--out", str(tmp_path / "model"), "--push", "model"])


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "owner" / "model@main").mkdir(parents=True)
    with pytest.raises(RunError, match="expected a run folder"):
        open_detector("owner/model@main")
