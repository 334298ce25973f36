"""Sharing batches between devices."""

import jax
import numpy as np
import pytest

from dfdetect_jax.devices import mesh
from dfdetect_jax.errors import SettingsError


def test_a_batch_is_cut_evenly_and_a_state_is_everywhere():
    both = mesh.data_mesh()
    assert both.size == 2  # conftest.py asks for two
    batch = mesh.shard_batch({"image": np.arange(8).reshape(4, 2)}, both)["image"]
    assert [shard.data.shape for shard in batch.addressable_shards] == [(2, 2), (2, 2)]
    np.testing.assert_array_equal(batch, np.arange(8).reshape(4, 2))
    state = mesh.replicate({"w": np.ones(3)}, both)["w"]
    assert [shard.data.shape for shard in state.addressable_shards] == [(3,), (3,)]


def test_a_mesh_can_be_of_chosen_devices():
    assert mesh.data_mesh(jax.devices()[:1]).size == 1


def test_a_batch_that_devices_cannot_share_is_refused_with_one_that_they_can():
    mesh.check_batch_size(6, devices=2)
    with pytest.raises(SettingsError, match="multiple of the 2 devices, found 5; try 6"):
        mesh.check_batch_size(5, devices=2)
    with pytest.raises(SettingsError, match=r"2 devices times 2 parts .*, found 6; try 8"):
        mesh.check_batch_size(6, devices=2, parts=2)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AssertionError(), "none is there"),
        (RuntimeError("Unable to initialize backend 'cuda': no driver (set JAX_PLATFORMS='' to choose)"), "no driver"),
    ],
)
def test_a_kind_of_device_that_is_not_there_is_refused_in_one_line(monkeypatch, error, reason):
    def failing():
        raise error

    monkeypatch.setattr(jax, "devices", failing)
    with pytest.raises(SettingsError, match=rf"found none that JAX can use \({reason}\); unset"):
        mesh.all_devices()
