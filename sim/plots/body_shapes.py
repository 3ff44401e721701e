"""A body drawn for this program: outlines and organs as smooth closed curves, seen from the front.

Coordinates: x from the midline, the patient's left is on the right; y from the knees (0) to the crown
(about 2.2). Proportions serve reading, not anatomy: small organs are drawn larger than they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.path import Path

HEIGHT = 2.23


def smooth(points: Sequence[tuple[float, float]], closed: bool = True) -> Path:
    """A smooth curve through the points (Catmull-Rom as cubic Beziers); `points` (n, 2)."""
    p = np.asarray(points, dtype=float)
    before = np.roll(p, 1, axis=0) if closed else np.vstack([p[:1], p[:-1]])
    after = np.roll(p, -1, axis=0) if closed else np.vstack([p[1:], p[-1:]])
    tangent = (after - before) / 6
    vertices, codes = [p[0]], [Path.MOVETO]
    for i in range(len(p) if closed else len(p) - 1):
        j = (i + 1) % len(p)
        vertices += [p[i] + tangent[i], p[j] - tangent[j], p[j]]
        codes += [Path.CURVE4] * 3
    if closed:
        vertices.append(p[0])
        codes.append(Path.CLOSEPOLY)
    return Path(vertices, codes)


def _ellipse(x: float, y: float, width: float, height: float, tilt_degrees: float = 0.0) -> Path:
    angle = np.linspace(0, 2 * np.pi, 13)[:-1]
    points = np.column_stack([width / 2 * np.cos(angle), height / 2 * np.sin(angle)])
    turn = np.deg2rad(tilt_degrees)
    return smooth(points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + (x, y))


def _both(points: Sequence[tuple[float, float]]) -> list[Path]:
    """The curve, and its mirror image on the other side of the body."""
    mirrored = [(-x, y) for x, y in points]
    return [smooth(points), smooth(mirrored)]


_HALF = [  # the right-hand half of the outline, from the crown down to the knee and back up inside the leg
    (0.00, 2.23),
    (0.10, 2.20),
    (0.145, 2.08),
    (0.125, 1.96),
    (0.075, 1.885),
    (0.075, 1.82),
    (0.17, 1.775),
    (0.30, 1.735),
    (0.365, 1.66),
    (0.39, 1.50),
    (0.415, 1.25),
    (0.435, 1.02),
    (0.44, 0.86),
    (0.40, 0.80),
    (0.365, 0.88),
    (0.345, 1.05),
    (0.32, 1.25),
    (0.295, 1.45),
    (0.27, 1.42),
    (0.255, 1.22),
    (0.265, 1.05),
    (0.29, 0.88),
    (0.285, 0.60),
    (0.255, 0.30),
    (0.235, 0.02),
    (0.11, 0.02),
    (0.085, 0.30),
    (0.055, 0.60),
    (0.02, 0.76),
]
OUTLINE = smooth(_HALF + [(-x, y) for x, y in reversed(_HALF[1:])])

ORGANS = {
    "brain": [
        smooth(
            [
                (0, 2.19),
                (0.075, 2.175),
                (0.115, 2.10),
                (0.095, 2.035),
                (0.03, 2.015),
                (-0.03, 2.015),
                (-0.095, 2.035),
                (-0.115, 2.10),
                (-0.075, 2.175),
            ]
        )
    ],
    "thyroid": _both([(0.005, 1.835), (0.03, 1.87), (0.048, 1.845), (0.04, 1.80), (0.012, 1.80)]),
    "lung": [
        smooth(
            [
                (-0.055, 1.70),
                (-0.10, 1.735),
                (-0.16, 1.69),
                (-0.21, 1.56),
                (-0.225, 1.40),
                (-0.17, 1.385),
                (-0.09, 1.41),
                (-0.055, 1.50),
            ]
        ),
        smooth(
            [
                (0.055, 1.70),
                (0.10, 1.735),
                (0.16, 1.69),
                (0.21, 1.56),
                (0.225, 1.40),
                (0.17, 1.385),
                (0.125, 1.42),
                (0.115, 1.50),
                (0.07, 1.56),
            ]
        ),
    ],
    "heart": [
        smooth(
            [(-0.035, 1.57), (0.02, 1.585), (0.075, 1.56), (0.105, 1.48), (0.09, 1.42), (0.03, 1.425), (-0.03, 1.48)]
        )
    ],
    "liver": [
        smooth(
            [
                (-0.215, 1.36),
                (-0.12, 1.385),
                (0.00, 1.375),
                (0.085, 1.345),
                (0.06, 1.30),
                (-0.02, 1.265),
                (-0.09, 1.205),
                (-0.17, 1.165),
                (-0.215, 1.22),
            ]
        )
    ],
    "spleen": [_ellipse(0.195, 1.285, 0.075, 0.125, -25)],
    "pancreas": [
        smooth(
            [
                (-0.045, 1.215),
                (0.00, 1.225),
                (0.07, 1.232),
                (0.135, 1.25),
                (0.13, 1.222),
                (0.07, 1.20),
                (0.00, 1.185),
                (-0.04, 1.175),
            ]
        )
    ],
    "adrenal": _both([(0.085, 1.155), (0.118, 1.198), (0.155, 1.15), (0.12, 1.142)]),
    "kidney": _both(
        [(0.105, 1.115), (0.145, 1.135), (0.178, 1.09), (0.178, 1.03), (0.145, 0.99), (0.11, 1.01), (0.122, 1.06)]
    ),
    "bone": [
        smooth(
            [
                (0.125, 0.735),
                (0.165, 0.755),
                (0.205, 0.73),
                (0.195, 0.68),
                (0.172, 0.62),
                (0.166, 0.40),
                (0.172, 0.22),
                (0.203, 0.16),
                (0.19, 0.115),
                (0.16, 0.125),
                (0.128, 0.115),
                (0.118, 0.16),
                (0.142, 0.22),
                (0.138, 0.40),
                (0.142, 0.62),
                (0.135, 0.68),
            ]
        )
    ],
    "muscle": [
        smooth(
            [
                (-0.165, 0.72),
                (-0.215, 0.62),
                (-0.225, 0.48),
                (-0.195, 0.30),
                (-0.17, 0.18),
                (-0.145, 0.30),
                (-0.115, 0.48),
                (-0.125, 0.62),
            ]
        )
    ],
    "skin": [_ellipse(-0.39, 1.17, 0.055, 0.15, -7)],
}
"""One or two closed curves an organ; `elsewhere` has no place of its own."""

GUT = smooth(
    [
        (-0.13, 0.955),
        (-0.06, 0.975),
        (0.06, 0.975),
        (0.13, 0.955),
        (0.145, 0.86),
        (0.09, 0.80),
        (0.00, 0.785),
        (-0.09, 0.80),
        (-0.145, 0.86),
    ]
)

HEART_RIGHT, HEART_LEFT = (0.0, 1.53), (0.055, 1.50)
AORTA = [(0.055, 1.50), (0.075, 1.62), (0.055, 1.66), (0.035, 1.60), (0.03, 1.40), (0.028, 1.10), (0.025, 0.98)]
VENA_CAVA = [(-0.03, 0.98), (-0.032, 1.10), (-0.032, 1.30), (-0.02, 1.45), (0.0, 1.53)]
PULMONARY_ARTERY = {
    "left": [(0.0, 1.53), (0.045, 1.60), (0.12, 1.60)],
    "right": [(0.0, 1.53), (-0.04, 1.60), (-0.12, 1.60)],
}
ARTERIES = {  # from a point of the aorta to the bed
    "brain": [(0.055, 1.655), (0.045, 1.80), (0.04, 2.04)],
    "thyroid": [(0.055, 1.655), (0.03, 1.75), (0.03, 1.82)],
    "heart": [(0.06, 1.56), (0.08, 1.53), (0.075, 1.48)],
    "liver": [(0.03, 1.30), (-0.02, 1.30), (-0.09, 1.315)],
    "spleen": [(0.03, 1.27), (0.10, 1.285), (0.18, 1.29)],
    "pancreas": [(0.03, 1.22), (0.06, 1.22), (0.09, 1.222)],
    "adrenal": [(0.03, 1.18), (0.07, 1.175), (0.11, 1.165)],
    "kidney": [(0.03, 1.09), (0.07, 1.08), (0.13, 1.07)],
    "gut": [(0.025, 1.0), (0.04, 0.95), (0.05, 0.90)],
    "bone": [(0.025, 0.98), (0.10, 0.88), (0.16, 0.72)],
    "muscle": [(0.025, 0.98), (-0.06, 0.90), (-0.165, 0.68)],
    "skin": [(0.055, 1.655), (-0.12, 1.66), (-0.31, 1.60), (-0.37, 1.40), (-0.388, 1.22)],
}
HEPATIC_VEIN = [(-0.10, 1.34), (-0.05, 1.385), (-0.025, 1.42)]
PORTAL = {
    "gut": [(0.0, 0.93), (-0.01, 1.06), (-0.035, 1.16), (-0.08, 1.25)],
    "spleen": [(0.19, 1.275), (0.08, 1.19), (-0.02, 1.185), (-0.07, 1.25)],
    "pancreas": [(0.04, 1.205), (-0.01, 1.20), (-0.06, 1.25)],
}
SHUNT = [(-0.02, 1.10), (-0.05, 1.13), (-0.032, 1.17)]
PRIMARY_PLACE = {
    "colon": (0.115, 0.91),
    "rectum": (0.0, 0.80),
    "stomach": (0.115, 1.30),
    "pancreas": (0.0, 1.205),
    "breast": (0.185, 1.56),
    "lung": (0.15, 1.62),
    "prostate": (0.0, 0.77),
    "kidney": (0.145, 1.05),
    "ovary": (0.075, 0.85),
    "uterus": (0.0, 0.84),
    "cervix": (0.0, 0.79),
    "thyroid": (0.03, 1.835),
    "oesophagus": (0.0, 1.68),
    "melanoma": (-0.40, 1.30),
}
LABEL_SIDES = {
    "left": ("brain", "lung", "liver", "skin", "kidney", "muscle"),
    "right": ("thyroid", "heart", "spleen", "pancreas", "adrenal", "bone"),
}
LABEL_FROM = {
    "brain": (-0.09, 2.10),
    "lung": (-0.18, 1.56),
    "liver": (-0.17, 1.29),
    "skin": (-0.40, 1.17),
    "kidney": (-0.16, 1.06),
    "muscle": (-0.19, 0.50),
    "thyroid": (0.04, 1.835),
    "heart": (0.09, 1.47),
    "spleen": (0.21, 1.285),
    "pancreas": (0.115, 1.233),
    "adrenal": (0.14, 1.158),
    "bone": (0.16, 0.45),
}
