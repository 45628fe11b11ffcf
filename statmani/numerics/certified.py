"""Proved intervals that contain a Fisher-Rao distance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from flint import acb, acb_mat, arb
from numpy.polynomial import chebyshev, polynomial
from numpy.typing import ArrayLike, NDArray
from sympy import Expr, Rational

from statmani.errors import InvalidArgument, InvalidManifold, NoConvergence
from statmani.geometry.manifold import StatisticalManifold
from statmani.numerics.arguments import manifold_of
from statmani.numerics.balls import Balls, exact_ball
from statmani.numerics.evaluate import evaluate
from statmani.numerics.geodesic import Geodesic, geodesic
from statmani.numerics.minimality import nowhere_positive
from statmani.numerics.prepared import prepared
from statmani.numerics.sectional import ROUNDING, largest_curvature, sampled_curvature

__all__ = ["CertifiedDistance", "certify_distance"]

Floats = NDArray[np.float64]
# Degree of the polynomial that is added to a cubic on each element, less the factor t^2 (1-t)^2.
_DEGREE = 10
_PARTS = 8
_NEAR = 1e-3
_EVALUATIONS = 2000
# A path is tried on meshes halved so often, until the relative width is this.
_HALVINGS, _WIDTH = 4, 1e-13
# Relative errors of the path that it starts from.
_PATH = (1e-13, 1e-11, 1e-9)
# No absolute error is small enough for all pairs.
_TINY = arb(2) ** -2000
# The acceleration is small: its integral need only be known to this part of the energy.
_ROUGH, _SMALL = arb(2) ** -10, arb(2) ** -50


@final
@dataclass(frozen=True)
class CertifiedDistance:
    """A proved interval and what its proof rests on.

    Attributes
    ----------
    lower, upper : float
        The distance lies between them. The upper bound is the length of a curve and needs only
        the metric; the lower bound needs the hypotheses.
    hypotheses : tuple of (str, str)
        Each statement that the lower bound uses, with "proved", or "assumed" and what is known
        of it.
    """

    lower: float
    upper: float
    hypotheses: tuple[tuple[str, str], ...]

    @property
    def relative_width(self) -> float:
        """(upper - lower) / upper."""
        return (self.upper - self.lower) / self.upper if self.upper else 0.0

    def __str__(self) -> str:
        lines = [f"{self.lower!r} <= d <= {self.upper!r}"]
        lines += [f"  {statement}: {state}" for statement, state in self.hypotheses]
        return "\n".join(lines)


def certify_distance(M: object, p: ArrayLike, q: ArrayLike) -> CertifiedDistance:
    """A proved interval for the Fisher-Rao distance between two points.

    Parameters
    ----------
    M : StatisticalManifold or Family
        Of closed form, and of sectional curvature that is nowhere positive.
    p, q : sequence of rational numbers, shape (n,)
        Integers, fractions, sympy rationals, or floats, which are taken for the binary
        fractions that they are.

    Returns
    -------
    CertifiedDistance

    Raises
    ------
    OutsideDomain, InvalidArgument
        Bad points, or tensors with functions that ball arithmetic does not enclose.
    InvalidManifold
        The sectional curvature is positive somewhere, so the lower bound does not hold.
    NoConvergence
        No path was found, or it could not be enclosed.

    Notes
    -----
    Let c: [0, 1] -> M be of class C^1 from p to q, E its energy and r the length of the
    acceleration D_t c'. The distance is at most the square root of 2E. Where M is complete,
    simply connected and of curvature K <= 0, d^2 >= 2E - (1/pi^2) int r^2 dt: the energy is convex
    along geodesic homotopies, with a second derivative of at least the integral of the squared
    length of D_t V, and that of V itself is at most 1/pi^2 times as large for a V that vanishes
    at both ends. Here c is a spline close to the geodesic; both integrals are computed by ball
    arithmetic (Johansson 2017), so rounding is part of the proof.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> mu, sigma = sp.Symbol("mu", real=True), sp.Symbol("sigma", positive=True)
    >>> M = sm.StatisticalManifold((mu, sigma), sp.diag(1, 2) / sigma**2)
    >>> found = sm.certify_distance(M, [0, 1], [0, 2])
    >>> found.lower <= 2**0.5 * sp.log(2).evalf(30) <= found.upper
    True
    >>> found.relative_width < 1e-12
    True
    """
    manifold = manifold_of(M)
    start, end = _exact(manifold, p, "p"), _exact(manifold, q, "q")
    if start == end:
        return CertifiedDistance(0.0, 0.0, ())
    enclosure = _Enclosure(manifold)
    curve = _curve(manifold, start, end)
    hypotheses = _hypotheses(manifold, curve(0))
    best: tuple[float, float] | None = None
    for halvings in range(_HALVINGS):
        found = enclosure.bounds(curve(halvings))
        if found is not None and (best is None or found[1] - found[0] < best[1] - best[0]):
            best = found
        if best is not None and best[1] - best[0] <= _WIDTH * best[1]:
            break
    if best is None:
        raise NoConvergence(
            f"the path from {start} to {end} could not be enclosed: it comes too near the boundary "
            "of the domain. Take points further inside, or nearer to each other."
        )
    return CertifiedDistance(*best, hypotheses)


@final
@dataclass(frozen=True)
class _Piece:
    """A polynomial on an element of [0, 1]: its length and coefficients in t in [0, 1]."""

    span: Any
    coefficients: tuple[tuple[Any, ...], ...]

    def at(self, t: Any, order: int) -> list[Any]:
        """Position, or a derivative with respect to the curve's parameter."""
        result = []
        for row in self.coefficients:
            total = acb(0)
            for k in range(len(row) - 1, order - 1, -1):
                total = total * t + row[k] * math.perm(k, order)
            result.append(total / self.span**order)
        return result


@final
class _Enclosure:
    """The integrands of the energy and of the squared acceleration, in balls."""

    def __init__(self, manifold: StatisticalManifold) -> None:
        self._domain, n = manifold.domain, manifold.dim
        self._dim, self._symbols = n, manifold.coordinates
        gamma = manifold.levi_civita.christoffel_first
        self._metric = Balls([manifold.metric[i, j] for i in range(n) for j in range(n)])
        self._christoffel = Balls(
            [gamma[i, j, k] for i in range(n) for j in range(n) for k in range(n)]
        )
        self._tests = Balls([c.gts - c.lts for c in self._domain.constraints])

    def bounds(self, path: list[_Piece]) -> tuple[float, float] | None:
        """Of the distance, by one path; None where it cannot be enclosed."""
        energy = defect = arb(0)
        for piece in path:
            if not self.stays_inside(piece):
                return None
            own = self.energy(piece)
            energy += own
            defect += self.defect(piece, own.mid() * _SMALL)
            if not (energy.is_finite() and defect.is_finite()):
                return None
        below = (energy - defect / arb.pi() ** 2).lower()
        lower = math.nextafter(float(below.sqrt().lower()), 0.0) if below > 0 else 0.0
        return lower, math.nextafter(float(energy.upper().sqrt().upper()), math.inf)

    def stays_inside(self, piece: _Piece) -> bool:
        """Whether the curve is proved to stay in the domain."""
        for part in range(_PARTS):
            t = acb(arb((part + 0.5) / _PARTS, 0.5 / _PARTS))
            x = [value.real for value in piece.at(t, 0)]
            for value, axis in zip(x, self._domain.axes, strict=True):
                low, high = axis.lower, axis.upper
                if low.is_finite and not value > _real(low):
                    return False
                if high.is_finite and not value < _real(high):
                    return False
            known = dict(zip(self._symbols, map(acb, x), strict=True))
            if not all(value.real > 0 for value in self._tests(known, False)):
                return False
        return True

    def energy(self, piece: _Piece) -> Any:
        """Twice the energy of a piece."""

        def integrand(t: Any, analytic: bool) -> Any:
            g, v = self._frame(piece, t, analytic)
            return sum((g[i, j] * v[i] * v[j] for i in self._all for j in self._all), acb(0))

        found = acb.integral(integrand, 0, 1, abs_tol=_TINY, eval_limit=_EVALUATIONS)
        return (found * piece.span).real

    def defect(self, piece: _Piece, precision: Any) -> Any:
        """The integral of the squared length of the acceleration D_t c'."""
        n = self._dim

        def integrand(t: Any, analytic: bool) -> Any:
            g, v = self._frame(piece, t, analytic)
            a = piece.at(t, 2)
            known = dict(zip(self._symbols, piece.at(t, 0), strict=True))
            first = self._christoffel(known, analytic)
            lowered = [
                sum((g[k, j] * a[j] for j in self._all), acb(0))
                + sum(
                    (
                        first[(i * n + j) * n + k] * v[i] * v[j]
                        for i in self._all
                        for j in self._all
                    ),
                    acb(0),
                )
                for k in self._all
            ]
            try:
                raised = g.solve(acb_mat(n, 1, lowered))
            except ZeroDivisionError:
                return acb("nan")
            return sum((lowered[k] * raised[k, 0] for k in self._all), acb(0))

        found = acb.integral(
            integrand, 0, 1, rel_tol=_ROUGH, abs_tol=precision, eval_limit=_EVALUATIONS
        )
        return (found * piece.span).real

    @property
    def _all(self) -> range:
        return range(self._dim)

    def _frame(self, piece: _Piece, t: Any, analytic: bool) -> tuple[Any, list[Any]]:
        known = dict(zip(self._symbols, piece.at(t, 0), strict=True))
        return acb_mat(self._dim, self._dim, self._metric(known, analytic)), piece.at(t, 1)


def _real(value: Expr) -> Any:
    return Balls([value])({}, False)[0].real


def _exact(manifold: StatisticalManifold, point: ArrayLike, name: str) -> tuple[Rational, ...]:
    values = list(np.asarray(point, dtype=object).ravel())
    try:
        exact = tuple(Rational(v) for v in values)
    except (TypeError, ValueError):
        exact = ()
    if len(exact) != manifold.dim or not all(v.is_finite for v in exact):
        raise InvalidArgument(
            f"{name} must be {manifold.dim} rational numbers, got {point!r}. Pass integers, "
            "fractions, sympy rationals, or floats."
        )
    manifold.domain.require([float(v) for v in exact], name)
    return exact


def _curve(
    manifold: StatisticalManifold, start: tuple[Rational, ...], end: tuple[Rational, ...]
) -> Callable[[int], list[_Piece]]:
    """Curves of class C^1 close to the geodesic, on a mesh halved as often as asked."""
    p, q = (np.array([float(v) for v in point]) for point in (start, end))
    difference = np.array([float(b - a) for a, b in zip(start, end, strict=True)])
    g = np.asarray(evaluate(manifold, "metric", p))
    if float(difference @ g @ difference) < _NEAR**2:
        # Coordinates in doubles would lose what tells such points apart.
        first = np.asarray(evaluate(manifold, "christoffel", 0.5 * (p + q)))
        bend = -np.einsum("kij,i,j->k", first, difference, difference)
        slopes = np.stack([difference - 0.5 * bend, difference + 0.5 * bend])
        none, ends = np.empty((0, len(p))), np.array([0.0, 1.0])
        return lambda _: _pieces(start, end, ends, none, slopes, np.zeros((1, 1, len(p))))
    found = _geodesic(manifold, p, q)
    (path,) = found.pieces
    knots = np.array([0.0, 1.0]) if path is None else path.knots
    return lambda halvings: _spline(found, knots, halvings, start, end)


def _geodesic(manifold: StatisticalManifold, p: Floats, q: Floats) -> Geodesic:
    """A path close to a geodesic. Its errors enter squared, so that far pairs may have larger."""
    for rtol in _PATH[:-1]:
        try:
            return geodesic(manifold, p, end=q, rtol=rtol)
        except NoConvergence:
            continue
    return geodesic(manifold, p, end=q, rtol=_PATH[-1])


def _spline(
    curve: Geodesic,
    knots: Floats,
    halvings: int,
    start: tuple[Rational, ...],
    end: tuple[Rational, ...],
) -> list[_Piece]:
    """Cubics with a correction on each element."""
    for _ in range(1 + halvings):
        knots = np.sort(np.concatenate([knots, 0.5 * (knots[1:] + knots[:-1])]))
    count = _DEGREE + 3
    nodes = 0.5 * (1 - np.cos(np.pi * (np.arange(count) + 0.5) / count))
    bump = ((nodes * (1 - nodes)) ** 2)[:, None]
    basis = bump * chebyshev.chebvander(2 * nodes - 1, _DEGREE - 4)
    points, velocities = curve(knots), curve.velocity(knots)
    points[0], points[-1] = [[float(v) for v in point] for point in (start, end)]
    corrections = []
    for k, span in enumerate(np.diff(knots)):
        slopes = span * velocities[k : k + 2]
        cubic = np.array(_hermite(points[k], points[k + 1] - points[k], *slopes))
        rest = curve(knots[k] + span * nodes) - polynomial.polyval(nodes, cubic).T
        corrections.append(np.linalg.lstsq(basis, rest, rcond=None)[0])
    return _pieces(start, end, knots, points[1:-1], velocities, np.array(corrections))


def _hermite(x: Any, change: Any, first: Any, last: Any) -> list[Any]:
    # Coefficients of the cubic with these ends and end slopes, lowest first; doubles or balls.
    return [x, first, 3 * change - 2 * first - last, first + last - 2 * change]


def _pieces(
    start: tuple[Rational, ...],
    end: tuple[Rational, ...],
    knots: Floats,
    inner: Floats,
    velocities: Floats,
    corrections: Floats,
) -> list[_Piece]:
    """Exact splines from doubles: neighbours share position and velocity, so they are C^1."""
    points = [start, *([Rational(float(v)) for v in row] for row in inner), end]
    result = []
    for k, correction in enumerate(corrections):
        span = exact_ball(float(knots[k + 1])) - exact_ball(float(knots[k]))
        rows = []
        for i in range(len(start)):
            x = exact_ball(points[k][i])
            change = exact_ball(points[k + 1][i] - points[k][i])
            first, last = (span * exact_ball(float(velocities[e, i])) for e in (k, k + 1))
            row = _hermite(x, change, first, last)
            added = [exact_ball(float(c)) for c in _monomials(correction[:, i])]
            row += [acb(0)] * len(added)
            for at, value in enumerate(added):
                row[at + 2] += value
                row[at + 3] -= 2 * value
                row[at + 4] += value
            rows.append(tuple(row))
        result.append(_Piece(span, tuple(rows)))
    return result


def _monomials(series: Floats) -> Floats:
    # From a Chebyshev series in 2t - 1 to powers of t.
    shifted = polynomial.Polynomial(chebyshev.cheb2poly(series))(polynomial.Polynomial([-1.0, 2.0]))
    result: Floats = np.asarray(shifted.coef, dtype=float)
    return result


def _hypotheses(manifold: StatisticalManifold, path: list[_Piece]) -> tuple[tuple[str, str], ...]:
    complete = "M is complete and simply connected, or a geodesically convex part of such a space"
    if manifold.dim == 1:
        return (("a curve of one dimension has no curvature", "proved"),)
    statement = "no sectional curvature of M is positive"
    if manifold.dim == 2:
        scalar = manifold.levi_civita.scalar_curvature
        if scalar.is_number and scalar > 0:
            _refuse(f"its curvature is {scalar / 2}")
        if nowhere_positive(manifold):
            return ((statement, "proved"), (complete, "assumed"))
    points = np.array(
        [[float(c.real.mid()) for c in piece.at(acb(t), 0)] for piece in path for t in (0.0, 0.5)]
    )
    kernels = prepared(manifold)
    along = largest_curvature(kernels, kernels.to_chart(points))
    largest = sampled_curvature(manifold).joined(along)
    if largest.value > ROUNDING:
        _refuse(f"a sectional curvature is {largest.value:.3g}")
    known = f"assumed; the largest at {largest.count} points is {largest.value:.3g}"
    return ((statement, known), (complete, "assumed"))


def _refuse(why: str) -> None:
    raise InvalidManifold(
        f"certify_distance needs a manifold without positive curvature, but {why}. Use distance, "
        "whose record says what is known of its value."
    )
