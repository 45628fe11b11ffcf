"""Efron's statistical curvature of a family, or of a submanifold of a family."""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import Any

from sympy import And, Expr, Integer, Piecewise, Symbol, Tuple, oo

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation, InvalidArgument, RegularityError
from statmani.expectation.expect import moment
from statmani.expectation.expectation import Expectation, unevaluated
from statmani.expectation.law import law_of
from statmani.geometry.embedding import embedding_curvature
from statmani.geometry.fields import coefficients_of
from statmani.geometry.manifold import StatisticalManifold
from statmani.inference.arguments import FamilyLike

__all__ = ["statistical_curvature"]

Pair = tuple[int, int]


def statistical_curvature(obj: FamilyLike | StatisticalManifold, *, effort: float = 1.0) -> Expr:
    """The squared statistical curvature gamma^2 of a curved exponential or any regular family.

    gamma^2 = g^{ac} g^{bd} (E[l_ab l_cd] - g_ab g_cd - Gamma_{ab,e} Gamma_{cd,f} g^{ef}), with
    l_ab = d_a d_b log p and Gamma_{ab,e} = E[l_ab s_e]; for one parameter this is Efron's
    (nu_20 nu_02 - nu_11^2) / nu_20^3. It is zero exactly for exponential families in which the
    parameters are affine functions of natural ones up to a change of chart, and n independent
    observations divide it by n.

    Parameters
    ----------
    obj : Family or StatisticalManifold
        A family; or a manifold made by ``M.submanifold``, for which gamma^2 is the squared length
        of the e-second fundamental form in M. The two agree when M is an exponential family's.
    effort : float
        Scales the time that integration as a last resort may take (4 s at 1).

    Returns
    -------
    Expr
        In canonical form; unevaluated expectations stand where no closed form was found, and a
        Piecewise with the value oo tells where E[l_ab l_cd] is infinite.

    Raises
    ------
    InvalidArgument
        No family, or a manifold that is not embedded in another one.
    RegularityError
        The score has a kink whose place moves with a parameter, so that the second derivatives
        hold delta terms and gamma^2 is infinite.

    Notes
    -----
    Efron (1975), Defining the curvature of a statistical problem, Annals of Statistics 3, 1189,
    eqs. (3.3)-(3.10); Amari (1985), Differential-Geometrical Methods in Statistics, chapter 4.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> M = sm.families.normal().manifold()
    >>> mu, sigma = M.coordinates
    >>> t = sp.Symbol("t", positive=True)
    >>> sm.statistical_curvature(M.submanifold({mu: t, sigma: t}, t))
    2/27
    >>> mu, gam = sm.families.cauchy().parameters
    >>> sm.statistical_curvature(sm.families.cauchy().fix({gam: 1}))
    5/2
    """
    if isinstance(obj, StatisticalManifold):
        return embedding_curvature(obj, 1)
    declaration = getattr(obj, "declaration", None)
    if not isinstance(declaration, Declaration):
        raise InvalidArgument(
            f"statistical_curvature: expected a Family or a submanifold, got {obj!r} "
            f"({type(obj).__name__}). Declare a Family, or use M.submanifold."
        )
    one = declaration.observation or declaration
    count = declaration.external(declaration.repetitions) if declaration.observation else 1
    manifold = obj.manifold()
    return _of_family(one, manifold, effort, count)


def _is_open(manifold: StatisticalManifold) -> bool:
    return any(entry.has(Expectation) for entry in manifold.metric)


def _second_moments(one: Declaration, effort: float) -> dict[tuple[Pair, Pair], Expr]:
    """E[l_ab l_cd] in the user's symbols, for pairs of pairs in order."""
    law = law_of(one)
    n = len(one.parameters)
    if law.jumps(Tuple(*(law.derivative((i,)) for i in range(n)))):
        raise RegularityError(
            "statistical_curvature: the score has a kink whose place moves with a parameter, so "
            "second derivatives of log p hold delta terms and E[(d_a d_b log p)^2] is infinite. "
            "Fix that parameter, or smooth the density."
        )
    pairs = list(combinations_with_replacement(range(n), 2))
    ell, theta = one.log_density, one.parameters
    slopes = {(a, b): ell.diff(theta[a]).diff(theta[b]) for a, b in pairs}
    result = {}
    for first, second in combinations_with_replacement(pairs, 2):
        try:
            found = moment(one, slopes[first] * slopes[second], effort=effort)
            value = found.value
            if found.conditions:
                value = Piecewise((value, And(*found.conditions)), (oo, True))
        except IntractableExpectation:
            value = one.external(unevaluated(one, Integer(1), (first, second)))
        result[first, second] = value
    return result


def _of_family(one: Declaration, manifold: StatisticalManifold, effort: float, count: Any) -> Expr:
    # What g and T have no closed form for, integration will not find for fourth moments.
    moments = _second_moments(one, 0.0 if _is_open(manifold) else effort)
    conditions: set[Any] = set()
    entries: dict[tuple[int, ...], Expr] = {}
    for number, value in enumerate(moments.values()):
        if isinstance(value, Piecewise):
            conditions.update(And.make_args(value.args[0][1]))
            value = value.args[0][0]
        entries[number,] = value * count
    place, known = coefficients_of(manifold, entries, Symbol("no_alpha"))
    ring, geometry, n = place.ring, place.geometry, place.dim
    with ring.polynomials.lock:
        zero, dot, inverse = ring.polynomials.zero, ring.polynomials.dot, geometry.inverse
        total = {
            key: known[number,][0] if (number,) in known else zero
            for number, key in enumerate(moments)
        }

        def first(a: int, b: int, e: int) -> Any:
            return geometry.first(a, b, e) - geometry.half_t(a, b, e)

        unit = ring.inverse(ring.convert(count))
        parts = []
        for a, b, c, d in product(range(n), repeat=4):
            low, high = sorted([(min(a, b), max(a, b)), (min(c, d), max(c, d))])
            # n observations: n E[l_ab l_cd] - g_ab g_cd / n with the g of all of them.
            normal = total[low, high] - geometry.metric[a][b] * geometry.metric[c][d] * unit
            for e, f in product(range(n), repeat=2):
                if inverse[e][f]:
                    normal = normal - first(a, b, e) * first(c, d, f) * inverse[e][f]
            parts.append((normal, inverse[a][c] * inverse[b][d]))
        value = ring.to_sympy(dot(parts))
    return Piecewise((value, And(*conditions)), (oo, True)) if conditions else value
