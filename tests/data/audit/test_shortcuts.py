import itertools

import numpy as np
import pytest

from dfdetect_jax.data.audit import file_traits as traits
from dfdetect_jax.data.audit.shortcuts import SAMPLE, accuracy, sample_traits, shortcut_findings
from tests.data.scenes import clip_of, save, scene


def random_values(kinds, count, seed):
    return [str(value) for value in np.random.default_rng(seed).integers(0, kinds, count)]


def shortcut_words(**values):
    """Findings for values of one trait by forgery, the reals under "real"."""
    by_forgery = {forgery.removeprefix("real"): group for forgery, group in values.items()}
    clips = {forgery: [{traits.CODEC: value} for value in group] for forgery, group in by_forgery.items()}
    return [finding.words for finding in shortcut_findings(clips)]


def test_the_accuracy_is_that_of_the_best_rule():
    reals, fakes = ["a"] * 80 + ["b"] * 20, ["a"] * 10 + ["b"] * 90
    rules = itertools.product((True, False), repeat=2)  # whether "a" and "b" are called fake
    best = max((0.8 * (not a) + 0.2 * (not b) + 0.1 * a + 0.9 * b) / 2 for a, b in rules)
    assert best == pytest.approx(0.85)
    assert accuracy(reals, fakes) == pytest.approx(best, abs=0.02)  # less what chance gives
    assert accuracy(["a"] * 50, ["b"] * 500) == 1.0


@pytest.mark.parametrize("kinds", [1, 2, 20, 200, 10**6])
@pytest.mark.parametrize("fakes", [10, 200])
def test_a_difference_by_chance_alone_is_no_shortcut(kinds, fakes):
    accuracies = [
        accuracy(random_values(kinds, 200, seed), random_values(kinds, fakes, seed + 100)) for seed in range(10)
    ]
    assert accuracies == [0.5] * 10


def test_a_few_files_are_not_enough_to_decide():
    assert accuracy(["a"] * 3, ["b"] * 3) == 0.5
    assert accuracy([], ["b"] * 100) == 0.5


def test_a_set_without_shortcut_has_no_findings():
    assert (
        shortcut_words(real=random_values(30, 200, 1), swap=random_values(30, 200, 2), gan=random_values(30, 150, 3))
        == []
    )
    assert shortcut_words(real=["h264"] * 200, swap=["h264"] * 200) == []
    assert shortcut_words(real=["h264"] * 200) == []


def test_a_shortcut_is_reported_with_its_shares_and_accuracy():
    (words,) = shortcut_words(real=["h264"] * 190 + ["hevc"] * 10, swap=["mpeg4"] * 200)
    assert words == (
        "reals and fakes differ in codec (95% of reals and 0% of fakes: h264; 0% of reals and 100% of fakes: mpeg4), "
        "which alone classifies 100% of them correctly (50% is chance): a detector may learn it; "
        "make reals and fakes alike"
    )


def test_a_small_difference_is_not_reported():
    assert shortcut_words(real=["a"] * 110 + ["b"] * 90, swap=["a"] * 90 + ["b"] * 110) == []


def test_the_one_forgery_that_was_saved_differently_is_named():
    plain = random_values(3, 200, 1)
    (words,) = shortcut_words(
        real=plain, swap=random_values(3, 200, 2), gan=["x"] * 200, paint=random_values(3, 200, 4)
    )
    assert words.startswith("reals and fakes of gan differ in codec")
    (words,) = shortcut_words(real=plain, **{f"m{i}": ["x"] * 50 for i in range(7)}, fine=random_values(3, 200, 5))
    assert words.startswith("reals and fakes of m0, m1, m2, m3, m4 and 2 more forgeries differ")


def test_forgeries_of_too_few_files_are_judged_together():
    assert shortcut_words(real=["a"] * 50, one=["b"] * 1, two=["b"] * 1, three=["b"] * 1) != []
    assert shortcut_words(real=["a"] * 50, one=["b"] * 1) == []


def test_many_sizes_are_compared_by_area():
    def of(sides):
        return [
            {traits.SIZE: f"{side}x{side}", traits.AREA: traits.half_octave(side * side, "pixels")} for side in sides
        ]

    (finding,) = shortcut_findings({"": of(range(500, 700)), "swap": of(range(100, 300))})
    assert finding.words.startswith("reals and fakes differ in area")
    mixed = np.random.default_rng(0).permutation(np.arange(100, 500)).tolist()
    assert shortcut_findings({"": of(mixed[:200]), "swap": of(mixed[200:])}) == []


def test_a_difference_in_size_is_reported_once():
    def of(size, area):
        return [{traits.SIZE: size, traits.AREA: area}] * 50

    (finding,) = shortcut_findings({"": of("9x9", "few"), "swap": of("99x99", "many")})
    assert "differ in size" in finding.words


@pytest.fixture
def saved(tmp_path):
    """Reals at quality 90, fakes of `twin` likewise, and of `anew` at quality 60."""
    clips = []
    for number, (forgery, quality) in itertools.product(range(12), (("", 90), ("twin", 90), ("anew", 60))):
        path = save(tmp_path / f"{forgery or 'real'}/{number}.jpg", scene(number, 64, 48), quality)
        clips.append(clip_of(path, forgery))
    return clips


def test_another_jpeg_quality_is_found_on_disk(saved):
    (finding,) = shortcut_findings(sample_traits(saved))
    assert finding.words.startswith("reals and fakes of anew differ in JPEG quality (100% of reals and 0% of fakes: ")


def test_unreadable_clips_are_not_counted(saved, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"x")
    by_forgery = sample_traits([*saved, clip_of(tmp_path / "bad.jpg", "bad")])
    assert {forgery: len(clips) for forgery, clips in by_forgery.items()} == {"": 12, "anew": 12, "bad": 0, "twin": 12}


def test_the_sample_is_bounded_and_always_the_same(saved, tmp_path):
    path = saved[0].path
    many = [clip_of(tmp_path / f"{number}.jpg", path=path) for number in range(SAMPLE + 50)]
    steps = []

    def progress(name, total):
        steps.append(total)
        return lambda: None

    assert len(sample_traits(many, progress)[""]) == SAMPLE
    assert steps == [SAMPLE]
