"""Lower bounds of the Fisher-Rao distance from the embedding of densities in a sphere.

The map p -> 2 sqrt(p) carries a family into the sphere of radius 2 in L^2 and keeps the lengths of
curves, since g_ij = 4 int d_i sqrt(p) d_j sqrt(p). So no curve between two densities is shorter
than the great circle, of length 2 arccos(int sqrt(p q)) (Amari and Nagaoka 2000, section 2.2; for
submodels of a larger model, Chentsov 1982). With H^2 = 1 - int sqrt(p q) that is
4 arcsin(sqrt(H^2 / 2)); all errors are taken off H^2 before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.evaluate import Program
from statmani.expectation.exponential import full_form
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.quadrature import Integrator

__all__ = ["SquareRoots", "square_roots"]

Floats = NDArray[np.float64]
_EPS = 2.0**-52
# Rounding errors of a sum of terms, in units of its terms.
_ROUNDING = 8 * _EPS
# What refinement of a quadrature changed, times this, bounds its error.
_CAUTION = 10.0
# Newton steps to the natural parameters halfway; steps of the way to them where that fails.
_STEPS, _PARTS = 40, 24
_CLOSE = 1e-13
# An expectation over more variables costs too much.
_VARIABLES = 1


class _Defect(Protocol):
    """H^2 less its error, for rows of pairs of parameters; zero where it is not known."""

    def __call__(self, p: Floats, q: Floats) -> Floats: ...


@final
class SquareRoots:
    """The bound for rows of pairs of parameters of a family.

    Attributes
    ----------
    how : str
        Where the integral comes from, in words.
    """

    def __init__(self, defects: Sequence[_Defect], how: str) -> None:
        self._defects, self.how = defects, how

    def __call__(self, p: Floats, q: Floats) -> Floats:
        """Lower bounds of the distances, zero where the integral was not found."""
        defect = np.zeros(len(p))
        for method in self._defects:
            open_ = np.flatnonzero(~(defect > 0))
            if len(open_):
                defect[open_] = method(p[open_], q[open_])
        defect = np.clip(np.nan_to_num(defect), 0.0, 1.0)
        result: Floats = 4.0 * (1.0 - _ROUNDING) * np.arcsin(np.sqrt(0.5 * defect))
        return result


def square_roots(declaration: Declaration) -> SquareRoots | None:
    """The bound of a family without constants, or None where it is out of reach."""
    ends = [end for v in declaration.variables for end in (v.lower, v.upper)]
    moving = sp.Tuple(*ends, *declaration.region).free_symbols & set(declaration.parameters)
    if moving:
        # Square roots of densities whose support moves are not differentiable in the mean.
        return None
    defects: list[_Defect] = []
    how = []
    natural = _natural(declaration)
    if natural is not None:
        defects.append(natural)
        how.append("the potential of the exponential family")
    if len(declaration.variables) <= _VARIABLES:
        defects.append(_Quadrature(declaration))
        how.append("sums" if declaration.variables[0].discrete else "quadrature")
    return SquareRoots(defects, " or ".join(how)) if defects else None


def _natural(declaration: Declaration) -> _Natural | None:
    """For a full exponential family."""
    try:
        ell = normalise(declaration.log_density, declaration, Signs(declaration))
        found = full_form(ell, declaration)
    except StatmaniError:
        return None
    return None if found is None else _Natural(declaration, found.natural, found.potential)


@final
class _Natural:
    """int sqrt(p q) = exp(psi((eta + eta') / 2) - (psi(eta) + psi(eta')) / 2)."""

    def __init__(
        self, declaration: Declaration, natural: Sequence[sp.Expr], potential: sp.Expr
    ) -> None:
        thetas = declaration.parameters
        self._dim = len(thetas)
        self._domain = declaration.domain
        free = [sp.Dummy(f"u{i}", real=True) for i in range(self._dim)]
        chart = dict(zip(thetas, declaration.domain.from_unconstrained(free), strict=True))
        terms = sp.Add.make_args(sp.expand_log(potential, force=False))
        slopes = [e.diff(t) for t in thetas for e in (*natural, potential)]
        outward = [chart[t].diff(u) for u in free for t in thetas]
        self._own = Program([*natural, *terms], thetas)
        self._slopes = Program(slopes, thetas)
        self._to_chart = Program(declaration.domain.to_unconstrained(), thetas)
        self._from_chart = Program([*(chart[t] for t in thetas), *outward], free)

    def __call__(self, p: Floats, q: Floats) -> Floats:
        eta, psi, size = self._values(p)
        other, psi_other, size_other = self._values(q)
        target = 0.5 * (eta + other)
        middle = self._solved(p, q, eta, other)
        found, psi_middle, size_middle = self._values(middle)
        # The potential is convex with slope E[T], which measures what the solution misses.
        missed = np.abs(self._means(middle) * (found - target)).sum(1)
        rounding = _EPS * np.abs(self._means(middle) * (np.abs(eta) + np.abs(other))).sum(1)
        # Halves first: for near pairs large potentials cancel.
        exponent = 0.5 * ((psi - psi_middle) + (psi_other - psi_middle))
        error = _ROUNDING * (size + size_other + size_middle) + 4.0 * (missed + rounding)
        known = np.isfinite(exponent) & np.isfinite(error)
        least = np.where(known, exponent, 0.0) - np.where(known, error, 0.0)
        result: Floats = -np.expm1(-np.maximum(least, 0.0))
        return result

    def _values(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Natural parameters, potential, and the size of what it is the sum of."""
        n = self._dim
        rows = np.stack(self._own.arrays({}, list(theta.T)), axis=1)
        return rows[:, :n], rows[:, n:].sum(1), np.abs(rows[:, n:]).sum(1)

    def _jacobians(self, theta: Floats) -> tuple[Floats, Floats]:
        # d eta_m / d theta_i as [m, i], and d psi / d theta_i.
        n = self._dim
        rows = np.stack(self._slopes.arrays({}, list(theta.T)), axis=1).reshape(-1, n, n + 1)
        return np.swapaxes(rows[:, :, :n], 1, 2), rows[:, :, n]

    def _means(self, theta: Floats) -> Floats:
        """E[T] from J^T mu = d psi."""
        jacobian, slope = self._jacobians(theta)
        return _solutions(np.swapaxes(jacobian, 1, 2), slope)

    def _solved(self, p: Floats, q: Floats, eta: Floats, other: Floats) -> Floats:
        """Parameters halfway in natural ones; not finite where they are not found."""
        scale = np.abs(eta) + np.abs(other)
        first, second = (np.stack(self._to_chart.arrays({}, list(x.T)), axis=1) for x in (p, q))
        u, good = self._newton(0.5 * (first + second), 0.5 * (eta + other), scale)
        rows = np.flatnonzero(~good)
        if len(rows):
            u[rows] = first[rows]
            for part in range(1, _PARTS + 1):
                way = 0.5 * part / _PARTS
                target = eta[rows] + way * (other[rows] - eta[rows])
                u[rows], good[rows] = self._newton(u[rows], target, scale[rows])
        theta, _ = self._points(u)
        theta[~good] = np.nan
        return theta

    def _points(self, u: Floats) -> tuple[Floats, Floats]:
        n = self._dim
        rows = np.stack(self._from_chart.arrays({}, list(u.T)), axis=1)
        return rows[:, :n], np.swapaxes(rows[:, n:].reshape(-1, n, n), 1, 2)

    def _newton(self, u: Floats, target: Floats, scale: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        with np.errstate(all="ignore"):
            size = np.full(len(u), np.inf)
            for _ in range(_STEPS):
                theta, outward = self._points(u)
                jacobian, _ = self._jacobians(theta)
                missing = target - self._values(theta)[0]
                size = (np.abs(missing) / scale).max(axis=1)
                step = _solutions(jacobian @ outward, missing)
                # No coordinate moves further than by a factor e.
                longest = np.abs(step).max(axis=1, keepdims=True)
                step = step / np.maximum(1.0, longest)
                u = u + np.where(np.isfinite(step), step, 0.0)
                if (~(longest[:, 0] > _CLOSE)).all():
                    break
            theta, _ = self._points(u)
            size = (np.abs(self._values(theta)[0] - target) / scale).max(axis=1)
            return u, (size < 1e-9) & self._inside(theta)

    def _inside(self, theta: Floats) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = np.asarray(np.isfinite(theta).all(axis=1))
        inside[inside] = self._domain.contains(theta[inside])
        return inside


def _solutions(matrices: Floats, right: Floats) -> Floats:
    """Of linear systems by rows; NaN for singular matrices."""
    result = np.full_like(right, np.nan)
    good: NDArray[np.bool_] = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    good[good] = np.linalg.cond(matrices[good]) < 1e15
    result[good] = np.linalg.solve(matrices[good], right[good][..., None])[..., 0]
    return result


@final
class _Quadrature:
    """H^2 = E[1 - sech a] under the mixture (p + q) / 2, where a = (log q - log p) / 2.

    The integrand is smooth and lies in [0, 1]. That both p and q integrate to one over the
    nodes of both shows what the nodes missed, which H^2 may exceed its integral by.
    """

    def __init__(self, declaration: Declaration) -> None:
        thetas = declaration.parameters
        others = tuple(sp.Dummy(f"q{i}", **t.assumptions0) for i, t in enumerate(thetas))
        ell = declaration.log_density
        half = (ell.xreplace(dict(zip(thetas, others, strict=True))) - ell) / 2
        t = sp.tanh(half / 2)
        functions = [2 * t**2 / (1 + t**2), (1 + sp.tanh(half)) / 2, (1 - sp.tanh(half)) / 2]
        noise = sp.Add(*(term**2 for term in sp.Add.make_args(ell)))
        self._thetas, self._others = thetas, others
        widened = replace(declaration, constants=(*declaration.constants, *others))
        self._integrator = Integrator(widened, [*functions, noise])

    def __call__(self, p: Floats, q: Floats) -> Floats:
        return np.array([self._one(a, b) for a, b in zip(p, q, strict=True)])

    def _one(self, p: Floats, q: Floats) -> float:
        if not (np.isfinite(p).all() and np.isfinite(q).all()):
            return 0.0
        parts = []
        for own, other in ((p, q), (q, p)):
            at = dict(zip(self._thetas, map(_exact, own), strict=True))
            at |= dict(zip(self._others, map(_exact, other), strict=True))
            found = self._integrator.at(at)
            if found.undefined is not None or found.random or not np.isfinite(found.values).all():
                return 0.0
            parts.append(found)
        first, second = parts
        value = 0.5 * float(first.values[0] + second.values[0])
        # Mass of q seen from the nodes of p and from its own, and the other way round.
        missed = abs(first.values[1] + second.values[2] - 1.0)
        missed += abs(first.values[2] + second.values[1] - 1.0)
        unsure = 0.5 * sum(float(part.error * part.sizes[0]) for part in parts)
        spread = np.sqrt(float(first.values[3] + second.values[3]))
        rounding = _ROUNDING * spread * np.sqrt(2.0 * max(value, 0.0)) + (_ROUNDING * spread) ** 2
        return float(value - 0.5 * missed - _CAUTION * unsure - rounding)


def _exact(value: float) -> sp.Rational:
    return sp.Rational(float(value))
