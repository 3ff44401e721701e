"""log, exp and a cosine without branches: a loop over many of them becomes vector instructions.

The C library takes 4 to 10 nanoseconds each, these about one, to the last bit or two (tests/test_elementary.py). The
series are Taylor's, cut where the rest falls below a unit in the last place.
"""

from __future__ import annotations

import math

import numpy as np

from sim.numerics.jit import inlined

_52 = np.int64(52)
_ROOT_OF_HALF = np.float64(math.sqrt(0.5)).view(np.int64)
_LN2_HIGH, _LN2_LOW = (
    float.fromhex("0x1.62e42feep-1"),
    float.fromhex("0x1.a39ef35793c76p-33"),
)  # the first has 20 zero bits
_PER_LN2 = 1.0 / math.log(2.0)
_ROUND = 1.5 * 2.0**52  # adding it leaves a whole number in the low bits
_ROUND_BITS = np.float64(_ROUND).view(np.int64)
_I3, _I5, _I7, _I9, _I11, _I13, _I15, _I17, _I19, _I21 = (2.0 / n for n in range(3, 22, 2))
_F2, _F3, _F4, _F5, _F6, _F7, _F8, _F9, _F10, _F11, _F12, _F13 = (1.0 / math.factorial(n) for n in range(2, 14))
_S3, _S5, _S7, _S9, _S11, _S13, _S15, _S17, _S19, _S21 = (
    (-1.0) ** (n // 2) / math.factorial(n) for n in range(3, 22, 2)
)


@inlined
def log(x: float) -> float:
    """log x of a normal, positive x: 2 artanh((m - 1) / (m + 1)) + k log 2, with x = m 2^k and m near one."""
    bits = np.float64(x).view(np.int64)
    k = (bits - _ROOT_OF_HALF) >> _52
    f = np.int64(bits - (k << _52)).view(np.float64) - 1.0
    s = f / (2.0 + f)
    z = s * s
    series = z * (
        _I3
        + z * (_I5 + z * (_I7 + z * (_I9 + z * (_I11 + z * (_I13 + z * (_I15 + z * (_I17 + z * (_I19 + z * _I21))))))))
    )
    e = np.float64(k)
    return e * _LN2_HIGH + (2.0 * s + (s * series + e * _LN2_LOW))


@inlined
def exp(x: float) -> float:
    """exp x, x from -700 to 700 (beyond, as at the end)."""
    x = min(max(x, -700.0), 700.0)
    shifted = x * _PER_LN2 + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    series = (
        r
        * r
        * (
            _F2
            + r
            * (
                _F3
                + r
                * (
                    _F4
                    + r
                    * (
                        _F5
                        + r
                        * (_F6 + r * (_F7 + r * (_F8 + r * (_F9 + r * (_F10 + r * (_F11 + r * (_F12 + r * _F13)))))))
                    )
                )
            )
        )
    )
    power = np.float64(shifted).view(np.int64) - _ROUND_BITS
    return np.int64(np.float64(1.0 + (r + series)).view(np.int64) + (power << _52)).view(np.float64)


@inlined
def cosine_of_turns(v: float) -> float:
    """cos(2 pi v), v from 0 to 1: 2 sin^2(pi (v - 1/2)) - 1. Its error is absolute, 1e-15."""
    x = math.pi * (v - 0.5)
    z = x * x
    series = z * (
        _S3
        + z * (_S5 + z * (_S7 + z * (_S9 + z * (_S11 + z * (_S13 + z * (_S15 + z * (_S17 + z * (_S19 + z * _S21))))))))
    )
    sine = x + x * series
    return 2.0 * sine * sine - 1.0
