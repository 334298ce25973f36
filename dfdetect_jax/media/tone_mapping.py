"""High dynamic range and wide gamut to what an SDR video shows: 8 bits of BT.709.

HLG and PQ are turned into the light of the display that their standard describes, reduced from its 1,000 cd/m2 to the
100 cd/m2 of SDR by the curve of ITU-R BT.2390, moved from the primaries of BT.2020 to those of BT.709, clipped, and
encoded for the SDR display of ITU-R BT.1886. One rule for all files: what a file says about its mastering display isn't
read. All steps but two products are table look-ups.
"""

import enum
import functools
from typing import NamedTuple

import numpy as np

HDR_PEAK = 1000.0  # cd/m2; nominal peak of HLG (BT.2100-2, table 5, note 5f), common peak of what phones master in PQ
SDR_PEAK = 100.0  # cd/m2; peak white of the SDR reference display (ITU-R BT.2035, section 2)
LUMINANCE = np.array([0.2627, 0.6780, 0.0593])  # of BT.2020 red, green, blue: ITU-R BT.2100-2, table 4

# Linear light of BT.2020 to that of BT.709: ITU-R BT.2407-0, section 2, equation (4), the inverse of BT.2087-0's M2.
BT2020_TO_BT709 = np.array([[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]])

# SMPTE ST 2084, section 5.1, and ITU-R BT.2100-2, table 4
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
# ARIB STD-B67 and ITU-R BT.2100-2, table 5
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_SYSTEM_GAMMA = 1.2  # of a display of 1,000 cd/m2

_CODES = 1 << 16
_STEPS = (1 << 16) - 1  # of tables over light; they are entered by its square root, finer where it is dark
_BAND = 1 << 15  # pixels whose intermediate results fit a processor's cache


class Transfer(enum.Enum):
    """How light was encoded."""

    SDR = "SDR"
    HLG = "HLG"
    PQ = "PQ"


def hlg_to_scene(signal: np.ndarray) -> np.ndarray:
    """The inverse OETF of HLG: signal in [0, 1] to the scene's light in [0, 1] (ITU-R BT.2100-2, table 5)."""
    signal = np.asarray(signal, np.float64)
    bright = (np.exp((np.maximum(signal, 0.5) - _C) / _A) + _B) / 12
    return np.where(signal <= 0.5, signal**2 / 3, bright)


def pq_to_light(signal: np.ndarray) -> np.ndarray:
    """The EOTF of PQ: signal in [0, 1] to light in cd/m2, 0 to 10,000 (SMPTE ST 2084; ITU-R BT.2100-2, table 4)."""
    power = np.asarray(signal, np.float64) ** (1 / _M2)
    return 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def light_to_pq(light: np.ndarray) -> np.ndarray:
    """The inverse of `pq_to_light`: cd/m2, 0 to 10,000, to signal in [0, 1]."""
    power = (np.asarray(light, np.float64) / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def reduce_light(light: np.ndarray, peak: float = HDR_PEAK, target: float = SDR_PEAK) -> np.ndarray:
    """The EETF of ITU-R BT.2390-11, section 5.4.1: leaves dark parts alone and rolls off to the display's peak.

    Args:
        light: luminance, cd/m2; what is above `peak` counts as `peak`.
        peak: of what was encoded, cd/m2.
        target: of the display, cd/m2, at most `peak`. Both blacks are 0.

    Returns:
        cd/m2, 0 to `target`.
    """
    white = light_to_pq(np.array(peak))
    signal = light_to_pq(np.minimum(light, peak)) / white
    most = light_to_pq(np.array(target)) / white
    knee = 1.5 * most - 0.5
    t = np.clip((signal - knee) / (1 - knee), 0, 1)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return pq_to_light(np.where(signal < knee, signal, spline) * white)


def to_sdr(signal: np.ndarray, transfer: Transfer, bt2020: bool = True) -> np.ndarray:
    """What an SDR display would show of a frame.

    Args:
        signal: non-linear R'G'B', uint16 [H, W, 3] over its whole range, or float [H, W, 3] in [0, 1].
        transfer: how it was encoded.
        bt2020: whether its primaries are those of BT.2020; else those of BT.709.

    Returns:
        uint8 [H, W, 3] R'G'B' of BT.709.
    """
    codes = signal
    if signal.dtype != np.uint16:
        codes = np.round(np.clip(signal, 0, 1) * (_CODES - 1)).astype(np.uint16)
    flat = np.ascontiguousarray(codes).reshape(-1, 3)
    shown = np.empty(flat.shape, np.uint8)
    for start in range(0, len(flat), _BAND):
        band = slice(start, start + _BAND)
        shown[band] = _show(flat[band], _tables(transfer), bt2020)
    return shown.reshape(signal.shape)


class _Tables(NamedTuple):
    """Curves as tables.

    Attributes:
        light: float32 [65536], signal to light over its peak, in [0, 1]; the scene's for HLG, else the display's.
        gain: float32 [65536], square root of luminance over its peak to what light is multiplied by; None for 1.
        encoded: uint8 [65536], square root of light over the SDR display's peak to signal.
    """

    light: np.ndarray
    gain: np.ndarray | None
    encoded: np.ndarray


@functools.cache
def _tables(transfer: Transfer) -> _Tables:
    signal = np.linspace(0, 1, _CODES)
    root = np.linspace(0, 1, _STEPS + 1)
    encoded = np.round(255 * root ** (2 / 2.4)).astype(np.uint8)  # BT.1886, annex 1, with black at 0
    if transfer == Transfer.SDR:
        return _Tables((signal**2.4).astype(np.float32), None, encoded)
    luminance = np.maximum(root, 0.5 / _STEPS) ** 2
    if transfer == Transfer.HLG:  # the OOTF of BT.2100-2, table 5, with black at 0: a display's Y is the scene's to 1.2
        light, shown = hlg_to_scene(signal), HDR_PEAK * luminance**_SYSTEM_GAMMA
    else:
        light, shown = np.minimum(pq_to_light(signal) / HDR_PEAK, 1), HDR_PEAK * luminance
    gain = reduce_light(shown) / SDR_PEAK / luminance
    return _Tables(light.astype(np.float32), gain.astype(np.float32), encoded)


def _show(codes: np.ndarray, tables: _Tables, bt2020: bool) -> np.ndarray:
    """As `to_sdr`: uint16 [N, 3] to uint8 [N, 3]."""
    light = tables.light[codes]
    if tables.gain is not None:  # by luminance alone, so that hues stay
        light *= tables.gain[_places(light @ LUMINANCE.astype(np.float32))][:, None]
    if bt2020:
        light = light @ BT2020_TO_BT709.T.astype(np.float32)
    return tables.encoded[_places(light)]


def _places(light: np.ndarray) -> np.ndarray:
    """Entries of tables over light: float32, clipped to [0, 1], to uint16 of the same shape."""
    root = np.sqrt(np.clip(light, 0, 1))
    return (root * _STEPS + 0.5).astype(np.uint16)
