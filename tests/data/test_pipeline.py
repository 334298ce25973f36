import dataclasses
import itertools

import numpy as np
import pytest

from dfdetect_jax.config import CAESettings, Crop, LAESettings, override
from dfdetect_jax.data import pipeline, records
from dfdetect_jax.data.example import LandmarkedExample
from dfdetect_jax.data.painted_masks import Masks
from dfdetect_jax.data.records import Records
from dfdetect_jax.errors import RecordsError, SettingsError
from dfdetect_jax.media.crop import expected_landmarks
from tests.data.drawn import drawn_example, real_example, write_records


def cae_settings(seed=0, batch_size=4, **data):
    settings = CAESettings()
    train = dataclasses.replace(settings.train, batch_size=batch_size)
    return dataclasses.replace(
        settings, seed=seed, train=train, data=dataclasses.replace(settings.data, image_size=32, **data)
    )


def take(batches, count):
    return list(itertools.islice(batches, count))


def same(one, other):
    return len(one) == len(other) and all(
        a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a) for a, b in zip(one, other, strict=True)
    )


def pictures(batches):
    return [image.tobytes() for batch in batches for image in batch["image"]]


def test_a_training_batch_has_the_shapes_and_types_of_the_contract(drawn):
    (batch,) = take(pipeline.train_batches(drawn, cae_settings()), 1)
    shapes = {name: (value.shape, value.dtype.name) for name, value in batch.items()}
    assert shapes == {
        "image": ((4, 32, 32, 3), "uint8"),
        "mask": ((4, 32, 32), "uint8"),
        "has_mask": ((4,), "bool"),
        "label": ((4,), "int32"),
        "valid": ((4,), "float32"),
        "place": ((4,), "int32"),
    }


def test_the_order_is_the_seeds(drawn):
    first = take(pipeline.train_batches(drawn, cae_settings()), 5)
    assert same(first, take(pipeline.train_batches(drawn, cae_settings()), 5))
    assert not same(first, take(pipeline.train_batches(drawn, cae_settings(seed=1)), 5))


def test_an_epoch_shows_every_example_once_and_the_next_one_in_another_order(drawn):
    epochs = take(pipeline.train_batches(drawn, cae_settings(balance=False, batch_size=11)), 4)
    first, second = pictures(epochs[:2]), pictures(epochs[2:])
    assert len(set(first)) == 22
    assert set(first) == set(second)
    assert first != second


def test_balance_draws_reals_and_fakes_equally_often(tmp_path):
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"train": 16})
    settings = cae_settings(train_forgeries=("paste",))  # 8 reals, 4 fakes
    labels = np.concatenate([batch["label"] for batch in take(pipeline.train_batches(folder, settings), 8)])
    assert labels.mean() == 0.5


@pytest.mark.parametrize("stop", [0, 3, 7])  # before, within and after the first epoch of 5.5 batches
def test_a_resumed_stream_equals_the_uninterrupted_one(drawn, stop):
    whole = take(pipeline.train_batches(drawn, cae_settings()), 16)
    interrupted = iter(pipeline.train_batches(drawn, cae_settings()))
    take(interrupted, stop)
    state = interrupted.get_state()
    resumed = iter(pipeline.train_batches(drawn, cae_settings()))
    resumed.set_state(state)
    assert same(take(resumed, 16 - stop), whole[stop:])


def test_processes_share_each_global_batch(drawn):
    whole = take(pipeline.train_batches(drawn, cae_settings()), 6)
    shares = [
        take(pipeline.train_batches(drawn, cae_settings(), process_index=i, process_count=2), 6) for i in range(2)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        assert np.array_equal(batch["image"], np.concatenate([part["image"] for part in parts]))


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1), (4, 2)])
def test_a_stream_resumes_with_another_number_of_processes_where_it_stopped(drawn, before, after):
    def of_process(index, count):
        return iter(pipeline.train_batches(drawn, cae_settings(), process_index=index, process_count=count))

    whole = take(of_process(0, 1), 5)
    interrupted = of_process(0, before)  # the first process, whose cursor is kept
    take(interrupted, 3)
    resumed = [of_process(index, after) for index in range(after)]
    for stream in resumed:
        stream.set_state(interrupted.get_state())
    for batch, *parts in zip(whole[3:], *(take(stream, 2) for stream in resumed), strict=True):
        assert np.array_equal(batch["place"], np.concatenate([part["place"] for part in parts]))


def test_only_the_given_forgeries_are_trained_on(drawn):
    settings = cae_settings(train_forgeries=("smear",))
    images = set(pictures(take(pipeline.train_batches(drawn, settings), 12)))
    assert drawn_example("train", 3).image.tobytes() in images  # a smear
    assert drawn_example("train", 1).image.tobytes() not in images  # a paste


def test_an_unknown_forgery_is_answered_with_the_known_ones(drawn):
    settings = cae_settings(train_forgeries=("smaer",))
    with pytest.raises(SettingsError, match="no fakes by 'smaer' in split 'train'; it has: paste, smear"):
        pipeline.train_batches(drawn, settings)


def test_balance_without_fakes_is_refused(tmp_path):
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"train": 1})
    with pytest.raises(RecordsError, match="needs reals and fakes"):
        pipeline.train_batches(folder, cae_settings())


def self_blending(share, batch_size=8, **data):
    return override(cae_settings(batch_size=batch_size, **data), {"augment.self_blend.share": share})


def counts(batches):
    """(reals, fakes of the data, reals to be self-blended) in each batch."""
    return [
        tuple(int(np.sum(kind)) for kind in (b["label"] == 0, (b["label"] == 1) & ~b["self_blend"], b["self_blend"]))
        for b in batches
    ]


@pytest.mark.parametrize(("share", "of_a_batch"), [(0.125, (4, 3, 1)), (0.25, (4, 2, 2)), (0.5, (4, 0, 4))])
def test_self_blended_reals_take_the_place_of_fakes_in_every_batch(drawn, share, of_a_batch):
    assert set(counts(take(pipeline.train_batches(drawn, self_blending(share)), 6))) == {of_a_batch}


def test_with_half_of_the_batch_self_blended_each_stands_beside_its_equal(drawn):
    (batch,) = take(pipeline.train_batches(drawn, self_blending(0.5)), 1)
    blended = batch["image"][batch["self_blend"]]
    np.testing.assert_array_equal(blended, batch["image"][~batch["self_blend"]])
    assert not batch["has_mask"].any()
    assert not batch["mask"].any()


def test_reals_alone_are_half_self_blended(tmp_path):
    folder = write_records(tmp_path / "drawn/32px/1.0.0", {"train": 6}, example_of=real_example)
    batches = take(pipeline.train_batches(folder, self_blending(0.2)), 3)
    assert set(counts(batches)) == {(4, 0, 4)}
    expected = expected_landmarks(Crop(size=32, align="box", face_detector="haar"), 32)
    np.testing.assert_allclose(batches[0]["landmarks"], np.broadcast_to(expected, (8, 5, 2)), rtol=1e-6)


def test_landmarks_are_those_of_the_record_in_pixels_of_the_image_or_the_expected_ones(tmp_path):
    points = np.float32([[8, 9], [20, 9], [14, 15], [9, 22], [19, 22]])

    def landmarked(split, number):
        example = real_example(split, number)
        return LandmarkedExample(**vars(example), landmarks=points if number else np.full((5, 2), np.nan, np.float32))

    folder = tmp_path / "drawn/32px/1.0.0"
    write_records(folder, {"train": 2}, example_of=landmarked, landmarks=True)
    settings = override(self_blending(0.5, batch_size=4), {"data.image_size": 64})
    (batch,) = take(pipeline.train_batches(folder, settings), 1)
    expected = expected_landmarks(Crop(size=32, align="box", face_detector="haar"), 64)
    for landmarks in batch["landmarks"]:
        assert np.allclose(landmarks, 2 * points + 0.5) or np.allclose(landmarks, expected)
    assert len(np.unique(batch["landmarks"], axis=0)) == 2


def test_without_balance_self_blended_reals_have_their_share_of_all(drawn):
    batches = take(pipeline.train_batches(drawn, self_blending(0.25, balance=False)), 4)
    assert {blended for _, _, blended in counts(batches)} == {2}


def test_masks_and_self_blended_reals_share_the_fakes_half(drawn):
    settings = override(lae_settings(), {"augment.self_blend.share": 0.25, "active.batch_share": 0.125})
    batches = take(pipeline.train_batches(drawn, settings, masks=painted(drawn, 3)), 4)
    assert set(counts(batches)) == {(4, 2, 2)}
    assert all(batch["has_mask"][batch["label"] == 1].any() for batch in batches)


def test_a_self_blended_stream_resumes_where_it_stopped(drawn):
    whole = take(pipeline.train_batches(drawn, self_blending(0.25)), 6)
    interrupted = iter(pipeline.train_batches(drawn, self_blending(0.25)))
    take(interrupted, 3)
    resumed = iter(pipeline.train_batches(drawn, self_blending(0.25)))
    resumed.set_state(interrupted.get_state())
    assert same(take(resumed, 3), whole[3:])


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("split", ["val", "test"])
def test_evaluation_sees_every_example_once_whatever_the_processes(drawn, split, processes):
    batches = [
        list(
            pipeline.eval_batches(
                drawn, split, batch_size=6, image_size=32, process_index=index, process_count=processes
            )
        )
        for index in range(processes)
    ]
    assert len({len(share) for share in batches}) == 1
    frames = [
        int(f) for share in batches for b in share for f, valid in zip(b["frame"], b["valid"], strict=True) if valid
    ]
    assert sorted(frames) == list(range({"val": 9, "test": 13}[split]))


def test_evaluation_batches_carry_the_names_in_step_with_the_images(drawn):
    for batch in pipeline.eval_batches(drawn, "test", batch_size=4, image_size=32):
        for i in np.flatnonzero(batch["valid"]):
            example = drawn_example("test", int(batch["frame"][i]))
            assert np.array_equal(batch["image"][i], example.image)
            assert all(batch[name][i] == getattr(example, name) for name in ("forgery", "video", "identity", "split"))


def test_padding_is_blank_and_not_valid(drawn):
    last = list(pipeline.eval_batches(drawn, "val", batch_size=4, image_size=32))[-1]
    assert last["valid"].tolist() == [1, 0, 0, 0]
    assert not last["image"][1:].any()
    assert last["video"][1:].tolist() == [""] * 3


def test_evaluation_can_be_restricted_to_some_forgeries(drawn):
    batches = list(pipeline.eval_batches(drawn, "test", batch_size=4, image_size=32, forgeries=("paste",)))
    assert {str(m) for b in batches for m in b["forgery"][b["valid"] > 0]} == {"", "paste"}


@pytest.mark.parametrize("size", [16, 48])
def test_records_of_another_size_are_resized_and_masks_stay_binary(drawn, size):
    batch = next(iter(pipeline.eval_batches(drawn, "val", batch_size=9, image_size=size)))
    assert batch["image"].shape == (9, size, size, 3)
    assert set(np.unique(batch["mask"])) <= {0, 255}
    fakes = batch["label"] == 1
    assert np.allclose(batch["mask"][fakes].mean((1, 2)) / 255, 0.25, atol=0.01)  # 16 x 16 of 32 x 32


def test_worker_processes_give_the_same_batches(drawn):
    threads = take(pipeline.train_batches(drawn, cae_settings()), 4)
    iterator = iter(pipeline.train_batches(drawn, cae_settings(workers=1)))
    try:
        assert same(take(iterator, 4), threads)
    finally:
        iterator.close()


def lae_settings():
    settings = LAESettings()
    return dataclasses.replace(
        settings,
        data=dataclasses.replace(settings.data, image_size=32),
        train=dataclasses.replace(settings.train, batch_size=8),
        active=dataclasses.replace(settings.active, batch_share=0.25),
    )


def painted(folder, count):
    """Masks that differ from the records' own, for the first `count` fakes of the training split."""
    places = np.flatnonzero(Records(folder, "train").labels == 1)[:count]
    masks = np.zeros((count, 32, 32), np.uint8)
    masks[:, :3] = 255
    return Masks(places=places, masks=masks)


def test_without_masks_nothing_may_be_learnt_from_them(drawn):
    for batch in take(pipeline.train_batches(drawn, lae_settings()), 3):
        assert not batch["has_mask"].any()
        assert not batch["mask"].any()


def test_all_masks_are_those_of_the_records_and_empty_on_reals(drawn):
    for batch in take(pipeline.train_batches(drawn, lae_settings(), masks=pipeline.ALL), 3):
        assert batch["has_mask"].all()
        assert (batch["mask"].any((1, 2)) == (batch["label"] == 1)).all()


def test_painted_masks_get_their_share_of_every_batch(drawn):
    for batch in take(pipeline.train_batches(drawn, lae_settings(), masks=painted(drawn, 2)), 6):
        assert (batch["label"] == 1).sum() == 4
        with_mask = batch["has_mask"] & (batch["label"] == 1)
        assert with_mask.sum() >= 2
        assert (batch["mask"][with_mask, :3] == 255).all()
        assert not batch["mask"][with_mask, 3:].any()


def test_fakes_nobody_painted_have_no_mask_and_reals_an_empty_one(drawn):
    batches = take(pipeline.train_batches(drawn, lae_settings(), masks=painted(drawn, 1)), 12)
    fakes = np.concatenate([batch["has_mask"][batch["label"] == 1] for batch in batches])
    assert not fakes.all()
    for batch in batches:
        reals = batch["label"] == 0
        assert batch["has_mask"][reals].all()
        assert not batch["mask"][reals].any()


def test_a_stream_with_masks_resumes_where_it_stopped(drawn):
    stream = pipeline.train_batches(drawn, lae_settings(), masks=painted(drawn, 2))
    iterator = iter(stream)
    take(iterator, 3)
    state, expected = iterator.get_state(), take(iterator, 3)
    resumed = iter(stream)
    resumed.set_state(state)
    assert same(take(resumed, 3), expected)


@pytest.fixture
def damaged(tmp_path):
    """A folder of records in which one bit of one picture, of record 8 of the training split, is another."""
    folder = write_records(tmp_path / "records", {"train": 22})
    (shard,) = folder.glob("*.array_record*")
    content = bytearray(shard.read_bytes())
    place = content.index(drawn_example("train", 3).image.tobytes()[:64])
    content[place + 10] ^= 4
    shard.write_bytes(content)
    return folder


def test_a_flipped_bit_in_a_record_ends_training_and_names_it(damaged):
    words = r"records: record 8 of train is damaged \(.*hash.*; prepare .* data\.damaged=skip"
    with pytest.raises(RecordsError, match=words):
        take(pipeline.train_batches(damaged, cae_settings()), 12)


def test_or_it_is_left_out_and_named_and_another_one_of_its_class_is_shown(damaged, caplog):
    batches = take(pipeline.train_batches(damaged, cae_settings(damaged="skip")), 12)
    again = take(pipeline.train_batches(damaged, cae_settings(damaged="skip")), 12)
    assert same(batches, again)
    assert 8 not in np.concatenate([batch["place"] for batch in batches])
    assert all(batch["label"].mean() == 0.5 for batch in batches)
    assert "left out, and another taken in its place: " in caplog.text
    assert "record 8 of train is damaged" in caplog.text


def test_verification_names_the_file_of_a_flipped_bit(damaged):
    (words,) = records.verify(damaged)
    assert words.endswith("its bytes are not those that were written")
