"""Changes of one variable that make a density fall double exponentially, and no faster.

Sums at equal steps then converge fastest (Takahasi and Mori 1974): what already falls like a
Gaussian or faster is left as it is, and what falls exponentially is stretched exponentially. A map
that stretches more than is needed would only cost nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from statmani.expectation.nodes import axis_nodes

__all__ = ["TailMap", "fit_tails"]

_REACH = 6.4
_TIMES = np.arange(-round(_REACH * 64), round(_REACH * 64) + 1) / 64
# What reaches less far, in units of the scale, counts as light, and what reaches farther as heavy.
_LIGHT, _HEAVY = 20.0, 2000.0


@dataclass(frozen=True)
class TailMap:
    """y = centre + scale * h(t), where h grows as each tail needs.

    h is t for two light tails, pi/4 (t + e^t - 1) or its mirror image for one that needs to be
    stretched, pi/2 sinh t for two, and sinh(pi/2 sinh t) on a line for heavy tails.

    Attributes
    ----------
    kind : str
        Of the chart of the variable.
    centre, scale : float
    low, high : float
        Ends of the range of t with all that matters.
    left, right : bool
        Which tails are stretched.
    deep : bool
        The map of :func:`statmani.expectation.nodes.axis_nodes`, for heavy tails; then both are.
    """

    kind: str
    centre: float
    scale: float
    low: float = -_REACH
    high: float = _REACH
    left: bool = True
    right: bool = True
    deep: bool = True

    def nodes(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """y and dy/dt in double precision."""
        if self.deep or (self.left and self.right):
            kind = self.kind if self.deep else "half"
            return axis_nodes(kind, t, self.centre, self.scale)
        if not (self.left or self.right):
            return self.centre + self.scale * t, np.full_like(t, self.scale)
        sign = 1 if self.right else -1
        y, slope = sign * np.expm1(sign * t) + t, np.exp(sign * t) + 1
        return self.centre + np.pi / 4 * self.scale * y, np.pi / 4 * self.scale * slope

    def at(self, context: Any, t: Any) -> tuple[Any, Any]:
        """y and dy/dt as numbers of a context."""
        if not (self.left or self.right):
            return self.centre + self.scale * t, context.mpf(self.scale)
        quarter, growth = context.pi / 4, context.exp(t)
        if self.left and self.right:
            decay = 1 / growth
            y, slope = quarter * (growth - decay), quarter * (growth + decay)
            if self.deep and self.kind == "line":
                growth = context.exp(y)
                decay = 1 / growth
                y, slope = (growth - decay) / 2, (growth + decay) / 2 * slope
        elif self.right:
            y, slope = quarter * (t + growth - 1), quarter * (1 + growth)
        else:
            decay = 1 / growth
            y, slope = quarter * (t + 1 - decay), quarter * (1 + decay)
        return self.centre + self.scale * y, self.scale * slope


def fit_tails(
    kind: str,
    centre: float,
    scale: float,
    level: Callable[[np.ndarray], np.ndarray],
    negligible: float,
) -> TailMap:
    """The map for a density with a given logarithm.

    Parameters
    ----------
    kind : str
    centre, scale : float
        Of the density in y.
    level : callable
        The logarithm of what is summed, at an array of y.
    negligible : float
        How far below its top it may be left out.

    Examples
    --------
    >>> import numpy as np
    >>> from statmani.expectation.tail_maps import fit_tails
    >>> fit_tails("line", 0.0, 1.0, lambda y: -(y**2) / 2, 80.0).right
    False
    >>> fit_tails("line", 0.0, 1.0, lambda y: -np.abs(y), 80.0).right
    True
    >>> fit_tails("line", 0.0, 1.0, lambda y: -np.log1p(y**2), 80.0).deep
    True
    """
    fallback = TailMap(kind, centre, scale)
    y, _ = fallback.nodes(_TIMES)
    found = level(y)
    top = np.max(found, where=np.isfinite(found), initial=-np.inf)
    if not np.isfinite(top):
        return fallback
    with np.errstate(invalid="ignore"):
        gone = found < top - negligible
    # Beyond overflow nothing is known; it may only follow what is gone for certain.
    matters = np.flatnonzero(~gone & ~np.isnan(found))
    first, last = int(matters[0]) - 1, int(matters[-1]) + 1
    if first < 0 or last == y.size or not (gone[first] and gone[last]):
        return fallback
    sides = [(centre - float(y[first])) / scale, (float(y[last]) - centre) / scale]
    if max(sides) > _HEAVY or min(sides) <= 0:
        return fallback
    left, right = (end > _LIGHT for end in sides)
    if left and right:
        low, high = (float(np.arcsinh(2 / np.pi * end)) for end in sides)
    else:
        low, high = (float(np.log1p(4 / np.pi * end)) if end > _LIGHT else end for end in sides)
        # The other side is compressed there.
        low, high = (4 / np.pi * low if right else low), (4 / np.pi * high if left else high)
    return TailMap(kind, centre, scale, -low, high, left, right, False)
