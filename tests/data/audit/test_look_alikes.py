import cv2
import numpy as np
import pytest

from dfdetect_jax.data.audit.look_alikes import (
    DISTANCE,
    Fingerprint,
    fingerprint,
    look_alike_findings,
    near_pairs,
    nearest_prints,
)
from tests.data.scenes import clip_of, scene

WIDE, HIGH = 240, 180


def saved_at(quality):
    def save(picture):
        return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)

    return save


COPIES = {
    "saved at quality 30": saved_at(30),
    "halved": lambda picture: cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "doubled": lambda picture: cv2.resize(picture, None, fx=2, fy=2),
    "cropped by 2%": lambda picture: picture[4:-4, 5:-5],
    "cropped by 4%": lambda picture: picture[7:-7, 10:-10],
    "enlarged by a margin": lambda picture: cv2.copyMakeBorder(picture, 4, 4, 5, 5, cv2.BORDER_REFLECT),
    "brightened": lambda picture: np.clip(picture * 1.1 + 5, 0, 255).astype(np.uint8),
}


def hashes(count, seed):
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)


def test_near_pairs_are_all_that_comparing_all_finds():
    targets, rng = hashes(1500, seed=0), np.random.default_rng(1)
    queries = hashes(400, seed=2)
    for place in range(200):  # flip 1 to 12 bits of some
        queries[place] = targets[place] ^ np.bitwise_or.reduce(
            np.uint64(1) << rng.choice(64, 1 + place % 12, replace=False).astype(np.uint64)
        )
    targets[1000:] = targets[0] ^ np.uint64(3)  # and a bucket with many
    blocks = near_pairs(queries, targets, block=100)
    pairs = {(i, j) for here, there in blocks for i, j in zip(here, there, strict=True)}
    distances = np.bitwise_count(queries[:, None] ^ targets)
    assert pairs == set(zip(*np.nonzero(distances <= DISTANCE), strict=True))
    assert {distances[pair] for pair in pairs} >= set(range(1, DISTANCE + 1))


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_copies_saved_anew_are_found_among_other_pictures(change):
    targets = [fingerprint(scene(number, WIDE, HIGH)) for number in range(60)]
    queries = [fingerprint(change(scene(number, WIDE, HIGH))) for number in range(20)]
    assert np.mean(nearest_prints(queries, targets) == np.arange(20)) >= 0.9


def test_other_pictures_are_not_alike():
    prints = [fingerprint(scene(number)) for number in range(300)]
    assert (nearest_prints(prints[:100], prints[100:]) < 0).all()


def test_a_hash_alone_is_no_proof():
    one, other = fingerprint(scene(1)), fingerprint(scene(2))
    assert nearest_prints([one], [other._replace(hashes=one.hashes)]).tolist() == [-1]


def test_the_best_of_several_is_the_match():
    one = fingerprint(scene(1))
    worse = Fingerprint(one.hashes ^ np.uint64(1), np.roll(one.thumbnails, 1, axis=1))
    assert nearest_prints([one], [worse, one, worse]).tolist() == [1]
    assert nearest_prints([one], [one, worse]).tolist() == [0]


def test_pictures_that_show_nothing_have_no_fingerprint():
    assert fingerprint(np.full((50, 60, 3), 90, np.uint8)) is None


def test_nothing_is_like_nothing():
    assert nearest_prints([], [fingerprint(scene(1))]).size == 0
    assert nearest_prints([fingerprint(scene(1))], []).tolist() == [-1]


def clips_of(tmp_path, splits):
    return [clip_of(tmp_path / f"{place}.png", split=split) for place, split in enumerate(splits)]


def test_pairs_are_reported_across_splits_alone(tmp_path):
    print_of = {name: fingerprint(scene(number)) for number, name in enumerate("abcd")}
    splits = ("train", "train", "val", "test", "test", "test")
    prints = [print_of[name] for name in "aabbca"]
    prints[4] = None
    (later, earlier) = look_alike_findings(clips_of(tmp_path, splits), prints)
    assert later.words.startswith("test against train: 1 look-alike, real/5 like real/0;")
    assert earlier.words.startswith("test against val: 1 look-alike, real/3 like real/2;")


def test_copies_are_not_reported_again_as_look_alikes(tmp_path):
    clips, prints = clips_of(tmp_path, ("train", "test", "test")), [fingerprint(scene(1))] * 3
    (finding,) = look_alike_findings(clips, prints, copies={0, 1})
    assert finding.words.startswith("test against train: 1 look-alike, real/2 like real/0;")


def test_many_pictures_with_one_hash_cost_no_more_than_others():
    same = fingerprint(scene(1))
    assert (nearest_prints([same] * 20_000, [same] * 20_000) == 0).all()
