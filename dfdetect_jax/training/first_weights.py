"""What training starts from: random weights, published ones of an encoder, or those of another run."""

import os
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dfdetect_jax.config import Settings
from dfdetect_jax.errors import RunError
from dfdetect_jax.methods import TrainState, Variables
from dfdetect_jax.methods.transfer import transfer_encoder, transfer_run
from dfdetect_jax.run.folder import open_run
from dfdetect_jax.training.parallel import Parallel


def published_weights(settings: Settings) -> dict[str, Any]:
    """The weights that training needs, by network."""
    if not settings.required_weights:
        return {}
    from dfdetect_jax.weights import load_weights  # libraries that other runs need not wait for

    return {source.network: load_weights(source) for source in settings.required_weights}


def origins(
    settings: Settings, variables: Variables, weights: dict[str, Any], initial: Variables | None
) -> Iterator[str]:
    """Where the weights at the start come from, a line each; none if all are newly drawn."""
    for source in settings.required_weights:
        if source.setting == "model.pretrained":
            yield f"{source.setting}: {transfer_encoder(variables, weights[source.network])}"
    if initial is not None:
        yield f"--init_from: {transfer_run(variables, initial)}"


def initial_state(parallel: Parallel, settings: Settings, initial: Variables | None = None) -> TrainState:
    """A fresh state, whole, with `initial` in the place of random parameters if given.

    From a run of another network, parameters and statistics of its encoder are taken as far as they fit.

    Raises:
        RunError: nothing in `initial` fits.
    """
    state = parallel.init(jax.random.key(settings.seed))
    if initial is None:
        return state
    transferred = transfer_run(state.variables, initial)
    if not transferred.taken:
        raise RunError(
            "--init_from: expected a run with the same network, or at least the same encoder, found other shapes; "
            "match config.model to it"
        )

    def in_place_of(old: Any, new: Any) -> Any:
        def place(old: jax.Array, new: Any) -> jax.Array:
            return old if new is old else jax.device_put(np.array(new), old.sharding)

        return jax.tree.map(place, old, new)

    params = in_place_of(state.params, transferred.variables["params"])
    return state.replace(
        params=params,
        batch_stats=in_place_of(state.batch_stats, transferred.variables["batch_stats"]),
        ema=None if state.ema is None else jax.tree.map(jnp.copy, params),
    )


def weights_of(run_folder: str | os.PathLike[str]) -> Variables:
    """The best checkpoint's parameters and statistics of another run, for `train(initial=...)`.

    Raises:
        RunError: it is no run folder, or has no sound checkpoint.
    """
    return jax.tree.map(np.asarray, open_run(run_folder).variables)
