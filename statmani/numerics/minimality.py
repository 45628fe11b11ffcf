"""Whether a geodesic is the shortest curve, and why; lower bounds where that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from sympy import Expr, expand

from statmani.errors import StatmaniError
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.closed import closed_distance
from statmani.numerics.hellinger import SquareRoots, square_roots
from statmani.numerics.normal_embedding import NormalLaws, normal_laws
from statmani.numerics.observed import Observed, observed
from statmani.numerics.path import Path
from statmani.numerics.prepared import prepared
from statmani.numerics.sectional import ROUNDING, largest_curvature, sampled_curvature
from statmani.signs import is_positive_on

__all__ = [
    "NOT_PROVED", "SAMPLED", "UNIQUE", "Verdict", "bound_from_maps", "nowhere_positive",
    "proved_unique", "verdict",
]  # fmt: skip

Floats = NDArray[np.float64]
#: Kinds of minimality.
UNIQUE, SAMPLED, NOT_PROVED = "unique", "unique if no curvature is positive", "not proved"
# Points of every path whose curvature is looked at.
_PLACES = 9


@final
@dataclass(frozen=True)
class Verdict:
    """A kind of minimality, the reason for it, and the largest curvature if it is positive."""

    kind: str
    why: str
    positive: float = 0.0


def verdict(manifold: StatisticalManifold, paths: Sequence[Path]) -> Verdict:
    """What is known of all geodesics of a manifold, of these in particular."""
    proved = proved_unique(manifold)
    if proved:
        return Verdict(UNIQUE, proved)
    around = _around(manifold)
    if around:
        return Verdict(NOT_PROVED, around)
    try:
        largest = sampled_curvature(manifold)
        x = np.array([path(np.linspace(0.0, 1.0, _PLACES))[0] for path in paths]).reshape(
            -1, manifold.dim
        )
        if len(x):
            largest = largest.joined(largest_curvature(prepared(manifold), x))
    except StatmaniError as reason:
        return Verdict(NOT_PROVED, f"the curvature is not known ({reason})")
    if largest.point is None:
        return Verdict(NOT_PROVED, "the curvature could not be evaluated exactly enough")
    if largest.value > ROUNDING:
        where = ", ".join(
            f"{s} = {v:.4g}" for s, v in zip(manifold.coordinates, largest.point, strict=True)
        )
        why = f"a sectional curvature is {largest.value:.4g}, at {where}"
        return Verdict(NOT_PROVED, why, largest.value)
    seen = f"the largest sectional curvature at {largest.count} points is {largest.value:.3g}"
    if manifold.dim == 2:
        return Verdict(SAMPLED, f"{seen}; then two geodesics cannot meet twice (Gauss-Bonnet)")
    return Verdict(
        SAMPLED,
        f"{seen}; and if M is complete, or a geodesically convex part of a complete and simply "
        "connected manifold (Cartan-Hadamard)",
    )


def proved_unique(manifold: StatisticalManifold) -> str:
    """Why there is at most one geodesic between points, and it is shortest; empty if not known."""
    reason: str = manifold._once("unique geodesics", _proved)
    return reason


def _proved(manifold: StatisticalManifold) -> str:
    if closed_distance(manifold) is not None:
        return "the closed form is the distance, by an isometry to a model space"
    if _around(manifold):
        return ""
    if manifold.dim == 1:
        return "a curve of one dimension is an interval of its arc length"
    if manifold.dim == 2 and nowhere_positive(manifold):
        return (
            "the curvature is nowhere positive on a simply connected surface, where two "
            "geodesics cannot meet twice (Gauss-Bonnet)"
        )
    return ""


def _around(manifold: StatisticalManifold) -> str:
    """Why curves with the same ends may not be deformed into each other; empty if they may."""
    domain = manifold.domain
    circles = [str(axis.symbol) for axis in domain.axes if axis.periodic]
    if circles:
        return f"geodesics may go round the circle of {', '.join(circles)} either way"
    # A box, also one with bounds that depend on earlier coordinates, is a cell; what linear
    # inequalities cut out of space is convex.
    if not domain.constraints:
        return ""
    bounds = [end for axis in domain.axes for end in (axis.lower, axis.upper)]
    sides = [c.gts - c.lts for c in domain.constraints]
    if all(_is_affine(e, manifold) for e in (*bounds, *sides)):
        return ""
    return "the domain may not be simply connected"


def _is_affine(expr: Expr, manifold: StatisticalManifold) -> bool:
    opened = expand(expr)
    used = [s for s in manifold.coordinates if opened.has(s)]
    if not used:
        return True
    if not opened.is_polynomial(*used):
        return False
    return int(opened.as_poly(*used).total_degree()) <= 1


def nowhere_positive(surface: StatisticalManifold) -> bool:
    """Whether the curvature of a surface is proved to be at most zero on its whole domain."""
    scalar = surface.levi_civita.scalar_curvature
    if scalar.is_number:
        return bool(scalar <= 0)
    above, below = (-scalar).as_numer_denom()
    box = surface.domain.axes
    return any(
        is_positive_on(sign * above, box) and is_positive_on(sign * below, box) for sign in (1, -1)
    )


def bound_from_maps(manifold: StatisticalManifold, p: Floats, q: Floats) -> tuple[Floats, str]:
    """Lower bounds of distances whatever the curvature, for rows, and where they come from."""
    maps: _Maps | None = manifold._once("maps that do not lengthen", _maps)[0]
    if maps is None:
        why = "none, as no density is known whose integral of sqrt(p q) is in reach"
        return np.zeros(len(p)), why
    first, second = (maps.observed.parameters(rows) for rows in (p, q))
    best = np.zeros(len(p))
    sources = []
    if maps.normal is not None:
        best = maps.normal(first, second)
        sources.append("the embedding of normal laws in positive matrices (Calvo and Oller 1990)")
    if maps.roots is not None:
        try:
            best = np.maximum(best, maps.roots(first, second))
            sources.append(f"square roots of densities, by {maps.roots.how}")
        except StatmaniError as reason:
            sources.append(f"no square roots of densities ({reason})")
    # n independent observations have n times the metric.
    return np.sqrt(maps.observed.count) * best, "; ".join(sources)


@final
@dataclass(frozen=True)
class _Maps:
    observed: Observed
    normal: NormalLaws | None
    roots: SquareRoots | None


def _maps(manifold: StatisticalManifold) -> tuple[_Maps | None]:
    found = observed(manifold)
    if found is None:
        return (None,)
    normal, roots = normal_laws(found.declaration), square_roots(found.declaration)
    return (_Maps(found, normal, roots) if normal or roots else None,)
