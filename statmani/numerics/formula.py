"""The Fisher-Rao distance as an expression of both points."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from sympy import Expr, Symbol, lambdify

from statmani.errors import CertificateError, NoClosedForm
from statmani.geometry.manifold import StatisticalManifold, as_manifold
from statmani.geometry.model_space import ModelSpace
from statmani.numerics.closed import ClosedDistance, discovery, formula_of
from statmani.numerics.running import Unsupported

__all__ = ["DistanceFormula", "FormulaCertificate", "distance_formula"]

Floats = NDArray[np.float64]
_PAIRS, _AGREED = 6, 1e-9
# Of geodesics that are followed, in units of the curvature: all of them are shortest.
_LENGTH = 0.5


@final
@dataclass(frozen=True)
class FormulaCertificate:
    """What is known of a formula.

    Attributes
    ----------
    isometry : str
        How it was verified that the metric is the pull-back of the model space's.
    is_distance : bool
        Whether the image of the domain is convex and covered once, so that the formula is the
        distance.
    obstacle : str
        Why it is only a lower bound; empty otherwise.
    pairs : int
        Number of short geodesics whose lengths were compared, found by integrating their equation
        from random points; 0 with constants that have no value.
    deviation : float
        The largest relative difference there; 0.0 for no pairs.
    """

    isometry: str
    is_distance: bool
    obstacle: str
    pairs: int
    deviation: float

    def __str__(self) -> str:
        kind = "the distance" if self.is_distance else f"a lower bound: {self.obstacle}"
        checked = ""
        if self.pairs:
            checked = f"; {self.pairs} geodesics agree to {self.deviation:.0e}"
        return f"{kind}; isometry {self.isometry}{checked}"


@final
@dataclass(frozen=True)
class DistanceFormula:
    """The distance d(theta, theta') in closed form.

    Attributes
    ----------
    expression : Expr
        Of the symbols in `start` and `end`.
    start, end : tuple of Symbol
        The manifold's coordinates, and the same with "prime" added to their names; the record's
        LaTeX shows a prime.
    parts : tuple of ModelSpace
        The spaces of constant curvature whose product the manifold is a part of, with the map.
    certificate : FormulaCertificate
    """

    expression: Expr
    start: tuple[Symbol, ...]
    end: tuple[Symbol, ...]
    parts: tuple[ModelSpace, ...]
    certificate: FormulaCertificate

    @property
    def curvature(self) -> Expr | None:
        """The constant sectional curvature; None for a product of several parts."""
        return self.parts[0].curvature if len(self.parts) == 1 else None

    @property
    def space(self) -> str:
        """The model space in words."""
        return " x ".join(str(part) for part in self.parts)

    def __str__(self) -> str:
        return f"{self.expression}  [{self.space}; {self.certificate}]"

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex
        from statmani.present.printer import symbol_names

        names = symbol_names(self.expression.free_symbols - set(self.end))
        for start, end in zip(self.start, self.end, strict=True):
            names[end] = f"{{{names.get(start, start.name)}}}'"
        return f"${latex(self.expression, symbol_names=names)}$"


def distance_formula(M: object) -> DistanceFormula:
    """The Fisher-Rao distance as an expression, for products of spaces of constant curvature.

    Nothing is looked up by name: factors of the metric are found, their curvature is derived, and
    where it is a constant K the functions with Hess f = -K f g are solved for, which map the factor
    to a sphere, a Euclidean or a hyperbolic space. The result is the same in all coordinates. Of a
    manifold of dimension one the root of g is integrated.

    Parameters
    ----------
    M : StatisticalManifold or Family
        Constants without a value are fine.

    Returns
    -------
    DistanceFormula

    Raises
    ------
    NoClosedForm
        None was found, with the reason.
    CertificateError
        The formula disagrees with a geodesic that was computed.

    Notes
    -----
    Rao (1945) for the multinomial, Atkinson and Mitchell (1981) for the normal distribution. On a
    domain that is no convex part of the model space the formula is a lower bound, and
    ``certificate.obstacle`` says so; :func:`statmani.distance` then does not use it.

    Examples
    --------
    >>> import statmani as sm
    >>> found = sm.distance_formula(sm.families.normal())
    >>> found.start, found.end
    ((mu, sigma), (muprime, sigmaprime))
    >>> found.expression
    2*sqrt(2)*asinh(sqrt(((mu - muprime)**2/2 + (sigma - sigmaprime)**2)/(sigma*sigmaprime))/2)
    >>> found.space
    'hyperbolic space of dimension 2 and curvature -1/2'
    >>> found.certificate.is_distance
    True
    """
    manifold = as_manifold(M)
    formula: DistanceFormula = manifold._once("distance formula", _found)
    return formula


def _found(manifold: StatisticalManifold) -> DistanceFormula:
    known = discovery(manifold)
    if not known.models:
        raise NoClosedForm(
            f"no closed form of the distance was found: {known.reason}. "
            "distance computes it as a number."
        )
    start = manifold.coordinates
    taken = {str(s) for s in (*start, *manifold.constants)}
    end = []
    for symbol in start:
        name = f"{symbol.name}prime"
        while name in taken:
            name += "prime"
        taken.add(name)
        end.append(Symbol(name, **symbol._assumptions_orig))
    pairs, deviation = _compared(manifold, known.models, not known.obstacle)
    exact = all(model.exact for model in known.models)
    return DistanceFormula(
        formula_of(known.models, start, end),
        start,
        tuple(end),
        known.models,
        FormulaCertificate(
            "verified exactly" if exact else "verified exactly or to 35 digits at random points",
            not known.obstacle,
            known.obstacle,
            pairs,
            deviation,
        ),
    )


def _compared(
    manifold: StatisticalManifold, models: tuple[ModelSpace, ...], is_distance: bool
) -> tuple[int, float]:
    """How many geodesics were compared, and the largest relative difference of their lengths.

    Raises
    ------
    CertificateError
    """
    if manifold.constants:
        return 0, 0.0
    try:
        closed = ClosedDistance(manifold, models)
    except Unsupported:
        return 0, 0.0
    pairs, worst = 0, 0.0
    random = np.random.default_rng(11)
    sharpest = max(abs(float(model.curvature)) for model in models)
    length = _LENGTH / max(1.0, sharpest) ** 0.5
    equation = _geodesic_equation(manifold)
    for point in manifold.domain.interior_points(_PAIRS, seed=7):
        p = np.array([float(x) for x in point])
        g = np.array(manifold.metric.xreplace(dict(zip(manifold.coordinates, point, strict=True))))
        direction = random.normal(size=manifold.dim)
        direction *= length / float(direction @ g.astype(float) @ direction) ** 0.5
        found = solve_ivp(
            equation, (0.0, 1.0), np.concatenate([p, direction]), "DOP853", rtol=1e-11, atol=1e-13
        )
        q = found.y[: manifold.dim, -1]
        if not found.success or not np.isfinite(q).all() or not manifold.domain.contains(q):
            continue
        (value,), (bound,) = closed(p[None], q[None])
        if not bound < _AGREED * value:
            continue
        pairs += 1
        difference = (length - value) / value
        # A geodesic may be longer than the distance, never shorter.
        if difference < -_AGREED or (is_distance and difference > _AGREED):
            raise CertificateError(
                f"the closed form gives {value!r} for the distance between {p} and {q}, a short "
                f"geodesic has the length {length!r}. Please report the manifold."
            )
        worst = max(worst, abs(float(difference)))
    return pairs, worst


def _geodesic_equation(manifold: StatisticalManifold) -> Callable[[float, Floats], Floats]:
    n = manifold.dim
    symbols = manifold.levi_civita.christoffel
    entries = [symbols[k, i, j] for k in range(n) for i in range(n) for j in range(n)]
    function = lambdify(list(manifold.coordinates), entries, "numpy", cse=True)

    def equation(_: float, state: Floats) -> Floats:
        x, v = state[:n], state[n:]
        with np.errstate(all="ignore"):
            gamma = np.array(function(*x), dtype=float).reshape(n, n, n)
        return np.concatenate([v, -(gamma @ v) @ v])

    return equation
