"""Curves are pinned to values that the standards state or that were worked out apart from the code."""

import numpy as np
import pytest

from dfdetect_jax.media.tone_mapping import (
    BT2020_TO_BT709,
    LUMINANCE,
    Transfer,
    hlg_to_scene,
    light_to_pq,
    pq_to_light,
    reduce_light,
    to_sdr,
)


def test_hlg_is_that_of_bt2100():
    """The nominal points of table 5, and 75%, the level of reference white in ITU-R BT.2408-7, table 1."""
    np.testing.assert_allclose(hlg_to_scene(np.array([0, 0.5, 1.0])), [0, 1 / 12, 1], atol=1e-6)
    assert 1000 * hlg_to_scene(np.array(0.75)) ** 1.2 == pytest.approx(203, abs=0.5)
    assert 1000 * hlg_to_scene(np.array(0.38)) ** 1.2 == pytest.approx(26, abs=1)  # 18% grey card


def test_pq_is_that_of_st2084():
    """Levels that ITU-R BT.2408-7, table 1, and BT.2390-11 state in per cent."""
    light, signal = np.array([26, 100, 203, 1000, 4000, 10_000]), np.array([0.38, 0.508, 0.58, 0.752, 0.903, 1])
    np.testing.assert_allclose(light_to_pq(light), signal, atol=0.0025)
    np.testing.assert_allclose(pq_to_light(light_to_pq(light)), light, rtol=1e-9)
    assert pq_to_light(np.array(0)) == 0


def test_dark_parts_keep_their_light_and_bright_ones_roll_off_to_the_peak():
    light = np.linspace(0, 1000, 5001)
    reduced = reduce_light(light)
    knee = pq_to_light(np.array(1.5 * 0.508078 - 0.5 * 0.751827))  # 1.5 PQ(100) - 0.5 PQ(1000)
    assert knee == pytest.approx(27.86, abs=0.01)
    np.testing.assert_allclose(reduced[light < knee], light[light < knee], rtol=1e-6, atol=1e-6)
    assert (np.diff(reduced) >= 0).all()
    assert (reduced <= light + 1e-6).all()
    assert reduced[-1] == reduce_light(np.array(4000)) == pytest.approx(100)


def test_the_spline_is_that_of_bt2390():
    """Section 5.4.1 step by step for 200 cd/m2: E1 = 0.77030, maxLum = 0.67579, KS = 0.51369, T = 0.52767."""
    e1, most, knee, t = 0.770301, 0.675792, 0.513688, 0.527672
    e2 = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (-2 * t**3 + 3 * t**2) * most
    assert light_to_pq(np.array(200.0)) / 0.751827 == pytest.approx(e1, abs=1e-4)
    assert light_to_pq(reduce_light(np.array(200.0))) / 0.751827 == pytest.approx(e2, abs=1e-4)


def test_white_of_bt2020_is_white_of_bt709():
    np.testing.assert_allclose(BT2020_TO_BT709.sum(axis=1), 1, atol=2e-4)
    assert LUMINANCE.sum() == pytest.approx(1)


def test_the_matrix_follows_from_the_primaries():
    """From the chromaticities of red, green and blue in BT.2020-2 and BT.709-6, and of white, D65."""

    def to_xyz(primaries):
        xyz = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
        white = np.array([0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290])
        return xyz * np.linalg.solve(xyz, white)

    bt2020 = to_xyz([(0.708, 0.292), (0.170, 0.797), (0.131, 0.046)])
    bt709 = to_xyz([(0.640, 0.330), (0.300, 0.600), (0.150, 0.060)])
    np.testing.assert_allclose(BT2020_TO_BT709, np.linalg.solve(bt709, bt2020), atol=2e-4)
    np.testing.assert_allclose(LUMINANCE, bt2020[1], atol=1e-4)


def encoded(linear: np.ndarray, transfer: Transfer) -> np.ndarray:
    """Light of the display over 100 cd/m2 in BT.709, float [..., 3], to a signal of BT.2020; by BT.2100's formulas."""
    light = np.maximum(linear @ np.linalg.inv(BT2020_TO_BT709).T, 0) * 100
    if transfer == Transfer.PQ:
        return light_to_pq(light)
    if transfer == Transfer.SDR:
        return (light / 100) ** (1 / 2.4)
    luminance = np.maximum(light @ LUMINANCE, 1e-9)[..., None]
    scene = (luminance / 1000) ** ((1 - 1.2) / 1.2) * light / 1000  # the inverse OOTF
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = a * np.log(np.maximum(12 * scene - b, 1e-9)) + c
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)


@pytest.mark.parametrize("transfer", Transfer)
def test_an_sdr_picture_comes_back_close(transfer):
    """Dark and middle tones, under 27 cd/m2, come back as they were; brighter ones make room for highlights."""
    picture = np.random.default_rng(0).integers(0, 256, (60, 50, 3))
    linear = (picture / 255) ** 2.4
    back = to_sdr(encoded(linear, transfer), transfer).astype(int)
    untouched = linear @ np.array([0.2126, 0.7152, 0.0722]) < (1 if transfer == Transfer.SDR else 0.26)
    assert untouched.mean() > 0.3
    assert np.abs(back - picture)[untouched].max() <= 2
    assert np.abs(back - picture).mean() < 10
    assert (back <= picture + 4).all()


@pytest.mark.parametrize("transfer", Transfer)
def test_tables_agree_with_the_formulas(transfer):
    signal = np.random.default_rng(1).random((40, 30, 3))
    light = {Transfer.SDR: lambda s: 100 * s**2.4, Transfer.PQ: lambda s: np.minimum(pq_to_light(s), 1000)}.get(
        transfer, lambda s: 1000 * np.maximum(hlg_to_scene(s) @ LUMINANCE, 1e-12)[..., None] ** 0.2 * hlg_to_scene(s)
    )(signal)
    luminance = light @ LUMINANCE
    if transfer != Transfer.SDR:
        light = light * (reduce_light(luminance) / luminance)[..., None]
    expected = 255 * np.clip(light / 100 @ BT2020_TO_BT709.T, 0, 1) ** (1 / 2.4)
    assert np.abs(to_sdr(signal, transfer) - expected).max() <= 1
    codes = np.round(signal * 65535).astype(np.uint16)
    np.testing.assert_array_equal(to_sdr(codes, transfer), to_sdr(signal, transfer))


def test_primaries_of_bt709_are_left_alone():
    signal = np.random.default_rng(2).random((8, 8, 3))
    np.testing.assert_allclose(to_sdr(signal, Transfer.SDR, bt2020=False), 255 * signal, atol=0.6)
    grey = np.full((4, 4, 3), 0.6)
    np.testing.assert_array_equal(to_sdr(grey, Transfer.HLG, bt2020=False), to_sdr(grey, Transfer.HLG))
