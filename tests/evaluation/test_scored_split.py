import dataclasses

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dfdetect_jax.data.pipeline import eval_batches
from dfdetect_jax.data.records import Records
from dfdetect_jax.evaluation.metrics.bootstrap import NO_INTERVALS
from dfdetect_jax.evaluation.metrics.heat_metrics import heat_metrics
from dfdetect_jax.evaluation.scored_split import score_split
from dfdetect_jax.scoring.result import HeatKind
from tests.data.drawn import SIZE
from tests.evaluation.fake_runs import Attending, Reconstructing, drawn_records, fake_run, person_example


class Explaining(Reconstructing):
    """As `Reconstructing`, and its features raise the logit where the picture is red."""

    def predict(self, images):
        return super().predict(images)._replace(class_activation=images[..., 0].astype(np.float32))


def scored(folder, records, kind):
    batches = eval_batches(records, "test", batch_size=6, image_size=SIZE)  # the last one is padded
    return score_split(fake_run(folder, records, kind), batches)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    return drawn_records(tmp_path_factory.mktemp("data"), test=16)


def test_both_maps_of_a_method_without_attention_are_measured_on_masked_fakes(tmp_path, records):
    split, source = scored(tmp_path / "run", records, Explaining), Records(records, "test")
    assert split.localization is None
    assert list(split.heat) == [HeatKind.RECONSTRUCTION_ERROR, HeatKind.CLASS_ACTIVATION]
    fakes = [source[i] for i in range(16) if source[i]["label"]]
    masks = np.stack([fields["mask"] > 0 for fields in fakes]).ravel()
    images = np.stack([fields["image"] for fields in fakes])
    for kind, heat in [
        (HeatKind.RECONSTRUCTION_ERROR, np.abs(images / 127.5 - 1).mean(axis=-1)),
        (HeatKind.CLASS_ACTIVATION, images[..., 0]),
    ]:
        metrics = heat_metrics(split.heat[kind], NO_INTERVALS)
        assert metrics.n == len(fakes)
        assert metrics.values["pixel_auc"] == pytest.approx(roc_auc_score(masks, heat.ravel()), abs=1e-4)
    assert len(split.frames) == 16


def test_without_masks_nothing_but_scores_is_predicted(tmp_path):
    def example_of(split, number):
        example = person_example(split, number)
        return dataclasses.replace(example, has_mask=example.label == 0, mask=np.zeros_like(example.mask))

    class Refusing(Reconstructing):
        def predict(self, images):
            raise AssertionError("predicted in full")

    split = scored(tmp_path / "run", drawn_records(tmp_path, "bare", example_of, test=16), Refusing)
    assert split.heat == {}
    assert len(split.frames) == 16


def test_attention_is_the_only_map_of_a_method_that_has_it(tmp_path, records):
    split = scored(tmp_path / "run", records, Attending)
    assert split.heat == {}
    assert split.localization.metrics().n == 8
