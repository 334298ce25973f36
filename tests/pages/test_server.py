"""Where a page may be served; that it is served, and to whom, is in the tests of the pages."""

import socket

import pytest

from dfdetect_jax import page
from dfdetect_jax.errors import SettingsError
from dfdetect_jax.pages.server import check_free


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_port_in_use_is_one_line_before_a_detector_is_opened(taken):
    message = f"--port {taken}, --host 127.0.0.1: expected a free port of this machine, found none .*in use.*; name"
    with pytest.raises(SettingsError, match=message) as error:
        page.main(["--port", str(taken), "--run", "nowhere"])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70000, "--port: expected a number from 0 to 65535, found 70000"),
        ("192.0.2.1", 0, "--port 0, --host 192.0.2.1: expected a free port of this machine"),
    ],
)
def test_what_is_no_port_or_no_address_of_this_machine_is_refused(host, port, message):
    with pytest.raises(SettingsError, match=message):
        check_free(host, port)


def test_any_free_port_will_do():
    check_free("127.0.0.1", 0)
