import numpy as np
import pytest

from dfdetect_jax.active.run_lengths import (
    coco_counts,
    coco_text,
    from_coco_counts,
    from_coco_text,
    from_label_studio,
    label_studio_runs,
)

RNG = np.random.default_rng(0)
MASKS = {
    "noise": np.where(RNG.random((24, 31)) < 0.5, 255, 0).astype(np.uint8),
    "empty": np.zeros((24, 31), np.uint8),
    "full": np.full((24, 31), 255, np.uint8),
    "long runs": np.repeat(np.repeat(np.uint8([[0, 255], [255, 0]]), 150, axis=0), 160, axis=1),
    "one pixel": np.eye(1, 24 * 31, 24 * 31 - 1, dtype=np.uint8).reshape(24, 31) * 255,
}


@pytest.mark.parametrize("name", MASKS)
def test_every_mask_comes_back_exactly(name):
    mask = MASKS[name]
    np.testing.assert_array_equal(from_label_studio(label_studio_runs(mask), *mask.shape), mask)
    counts = coco_counts(mask)
    assert from_coco_text(coco_text(counts)) == counts
    np.testing.assert_array_equal(from_coco_counts(counts, *mask.shape), mask)


@pytest.mark.parametrize("name", MASKS)
def test_coco_is_what_pycocotools_writes_and_reads(name):
    coco = pytest.importorskip("pycocotools.mask", reason="no pycocotools; pip install 'dfdetect_jax[test]'")
    mask = MASKS[name]
    theirs = coco.encode(np.asfortranarray(mask > 0, dtype=np.uint8))
    assert coco_text(coco_counts(mask)) == theirs["counts"].decode()
    np.testing.assert_array_equal(coco.decode({"size": mask.shape, "counts": coco_text(coco_counts(mask))}), mask > 0)
    np.testing.assert_array_equal(from_coco_counts(from_coco_text(theirs["counts"].decode()), *mask.shape), mask)


@pytest.mark.parametrize("name", MASKS)
def test_label_studio_is_what_its_own_library_writes_and_reads(name):
    brush = pytest.importorskip(
        "label_studio_sdk.converter.brush", reason="label-studio-sdk, which needs an environment of its own"
    )
    mask = MASKS[name]
    np.testing.assert_array_equal(from_label_studio(brush.mask2rle(mask), *mask.shape), mask)
    theirs = brush.decode_rle(label_studio_runs(mask)).reshape(*mask.shape, 4)
    np.testing.assert_array_equal(theirs[..., 3], mask)


def test_label_studios_bits_are_those_of_the_published_form():
    # 8 words of 8 bits: one run of 4 words 0, one of 4 words 255, each with a length of 3 bits.
    bits = f"{8:032b}" + f"{7:05b}" + "0010001101111111" + "10001100000000" + "10001111111111"
    bits += "0" * (-len(bits) % 8)
    assert label_studio_runs(np.uint8([[0, 255]])) == [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def test_single_words_are_read_too():
    bits = f"{4:032b}" + f"{7:05b}" + "0010001101111111" + "000011" + "00000001" * 4
    bits += "0" * (-len(bits) % 8)
    assert from_label_studio([int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)], 1, 1).tolist() == [[255]]


@pytest.mark.parametrize("runs", [[], [1, 2, 3], label_studio_runs(MASKS["noise"])[:-9], [300] * 20, 10**25, 2**31])
def test_damaged_bytes_of_label_studio_are_refused(runs):
    with pytest.raises(ValueError, match=r"."):
        from_label_studio(runs, 24, 31)


@pytest.mark.parametrize("counts", [[], [5], [-1, 24 * 31 + 1], [1.5, 742.5]])
def test_lengths_that_are_no_mask_are_refused(counts):
    with pytest.raises(ValueError, match="add up"):
        from_coco_counts(counts, 24, 31)


@pytest.mark.parametrize("text", ["P", "\n", "~"])
def test_damaged_text_of_coco_is_refused(text):
    with pytest.raises(ValueError, match=r"cut short|expected characters"):
        from_coco_text(text)
