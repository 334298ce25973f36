"""Skipped steps are counted, written down and, if there are too many in a row, the end of the run."""

import json
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from dfdetect_jax.data.records import Records
from dfdetect_jax.errors import RunError
from dfdetect_jax.training.bad_steps import BAD_STEPS, BadSteps, check_weights
from tests import trained

PLACES = np.array([3, 1])


@pytest.fixture
def watch(tmp_path):
    """Of a run that is resumed from step 0, or of another."""
    parallel = SimpleNamespace(scalars=lambda metrics: {name: float(value) for name, value in metrics.items()})
    return lambda start=0, limit=3, name="": BadSteps(tmp_path, trained.folders()[1], parallel, limit, start, name)


def take(bad_steps, *losses, start=1):
    for step, loss in enumerate(losses, start):
        skipped = float(not np.isfinite(loss))
        bad_steps.took(step, PLACES, {"loss": jnp.float32(loss), "skipped": jnp.float32(skipped)})


def test_a_skipped_step_is_a_line_with_its_numbers_and_examples(watch, tmp_path):
    bad_steps = watch()
    take(bad_steps, 0.5, np.nan, 0.5)
    (line,) = bad_steps.check()
    assert line.startswith("step 2: skipped, loss=nan; its examples are in ")
    written = json.loads((tmp_path / BAD_STEPS).read_text())
    records = Records(trained.folders()[1], "train")
    assert written["examples"] == [f"{records[place]['video']}:{records[place]['frame']}" for place in PLACES]
    assert (written["step"], written["loss"], bad_steps.count) == (2, "nan", 1)
    assert bad_steps.check() == []


def test_as_many_in_a_row_as_allowed_end_the_run_and_one_less_does_not(watch):
    bad_steps = watch()
    take(bad_steps, np.nan, np.inf, 0.5, np.nan, np.nan)
    assert len(bad_steps.check()) == 4
    take(bad_steps, -np.inf, start=6)
    with pytest.raises(RunError, match=r"^steps 4 to 6: expected finite numbers, found loss=-inf; [^\n]*learning_rate"):
        bad_steps.check()


def test_the_examples_are_where_users_have_the_run(watch, tmp_path):
    bad_steps = watch(limit=2)
    take(bad_steps, np.nan)
    assert bad_steps.check()[0].endswith(f"its examples are in {tmp_path / BAD_STEPS}")
    bad_steps = watch(limit=1, name="gs://bkt/run")
    take(bad_steps, np.nan)
    with pytest.raises(RunError, match=f"the examples are in gs://bkt/run/{BAD_STEPS}: "):
        bad_steps.check()


def test_a_resumed_run_counts_those_before_and_forgets_those_after(watch, tmp_path):
    first = watch()
    take(first, np.nan, 0.5, np.nan)
    first.check()
    with (tmp_path / BAD_STEPS).open("a") as file:
        file.write('{"step": 1, "exam')  # cut off by a kill
    assert watch(start=2).count == 1
    assert [json.loads(line)["step"] for line in (tmp_path / BAD_STEPS).read_text().splitlines()] == [1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    check_weights(7, {"params": jnp.ones(3)})
    with pytest.raises(RunError, match=r"^step 7: expected finite weights"):
        check_weights(7, {"params": jnp.ones(3), "batch_stats": jnp.array([1.0, value])})
