"""Object stores on loopback: emulators of Google's and Amazon's, started once per test session, in this process."""

import functools
import http
import itertools
import os
import urllib.request

BUCKET = "emulated"
_numbers = itertools.count()


def fresh_address(scheme: str) -> str:
    """The address of a folder in an emulated bucket that no other test uses."""
    {"gs": google, "s3": amazon}[scheme]()
    return f"{scheme}://{BUCKET}/test-{os.getpid()}-{next(_numbers)}"


@functools.cache
def amazon() -> str:
    """The URL of an emulated S3; the environment names it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": url}
    urllib.request.urlopen(urllib.request.Request(f"{url}/{BUCKET}", method="PUT"))
    return url


@functools.cache
def google() -> str:
    """The URL of an emulated GCS, made to heed preconditions, and take empty objects, as the real one does."""
    from gcp_storage_emulator import server as emulator

    for _, handlers in emulator.HANDLERS:
        handlers |= {method: _with_preconditions(handler) for method, handler in handlers.items()}
    url = plain_google()
    os.environ["STORAGE_EMULATOR_HOST"] = os.environ["TENSORSTORE_GCS_HTTP_URL"] = url
    return url


def plain_google() -> str:
    """The URL of one more emulated GCS."""
    from gcp_storage_emulator.server import create_server

    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    server._api.daemon = True
    server.start()
    return "http://{}:{}".format(*server._api._httpd.server_address)


def _with_preconditions(handler):
    def handle(request, response, storage, *args, **kwargs):
        expected = request.query.get("ifGenerationMatch")
        name = request.params.get("object_id") or request.query.get("name", [""])[0]
        generation = _generation(storage, request.params.get("bucket_name"), name)
        if expected and expected[0] != generation:
            response.status = http.HTTPStatus.PRECONDITION_FAILED
            return
        if "uploadType" in request.query and request.data is None:
            request._data = b""  # of an empty object, which the emulator otherwise fails at
        handler(request, response, storage, *args, **kwargs)
        if "alt" in request.query and generation != "0":
            response["x-goog-generation"] = generation

    return handle


def _generation(storage, bucket: str, name: str) -> str:
    from gcp_storage_emulator.exceptions import NotFound

    try:
        return str(storage.get_file_obj(bucket, name)["generation"])
    except NotFound:
        return "0"
