"""Kullback-Leibler divergence between two members of a family."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

from sympy import Expr, Float, Rational, Symbol, lerchphi, nan, oo, sympify, zoo

from statmani.declaration import Declaration
from statmani.domain import Axis
from statmani.errors import IntractableExpectation, InvalidArgument
from statmani.expectation.certificate import Certificate
from statmani.expectation.expect import Moment, moment
from statmani.expectation.numeric_moments import numeric_mean
from statmani.expectation.tails import converges
from statmani.inference.arguments import FamilyLike
from statmani.inference.density import require_constants

__all__ = ["KLDivergence", "kl_divergence"]


@final
@dataclass(frozen=True)
class KLDivergence:
    """Result of :func:`kl_divergence`; prints itself.

    Attributes
    ----------
    value : Expr or float
        A closed form, or a number when there is none.
    error : float or None
        Estimated absolute error of a number; None for a closed form.
    conditions : tuple of relational
        Where a closed form is finite, as far as that does not follow from the domain.
    certificate : Certificate or None
        How the closed form was found and compared with quadrature.
    """

    value: Any
    error: float | None
    conditions: tuple[Any, ...] = ()
    certificate: Certificate | None = None

    def __repr__(self) -> str:
        if self.error is not None:
            return f"KL = {self.value:.15g} +- {self.error:.1e} (quadrature)"
        where = f", where {', '.join(map(str, self.conditions))}" if self.conditions else ""
        return f"KL = {self.value}{where}"

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(sympify(self.value))}$"


def kl_divergence(
    family: FamilyLike, p: Sequence[Any], q: Sequence[Any], *, effort: float = 1.0
) -> KLDivergence:
    """KL(p || q) = E_p[log p(x) - log q(x)] of two members of one family.

    Parameters
    ----------
    family : Family
        With a support that does not depend on the parameters.
    p, q : sequence of length n
        Parameters in order: symbols, expressions or numbers.
    effort : float
        Scales the time that integration as a last resort may take (4 s at 1).

    Returns
    -------
    KLDivergence
        A closed form when one is found, else, for numbers, a number with its error estimate.

    Raises
    ------
    InvalidArgument, OutsideDomain
        A wrong number of parameters, something that is no expression, or numbers outside the
        domain.
    IntractableExpectation
        There is no closed form and a parameter is symbolic, or the support moves.

    Notes
    -----
    Kullback and Leibler (1951), Annals of Mathematical Statistics 22, 79, eq. (2.4). Its second
    derivatives in p at q = p give the Fisher metric, its third ones the connections of exponent
    +1 and -1 (Eguchi 1983, Annals of Statistics 11, 793).

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> a, b = sp.symbols("a b", positive=True)
    >>> sm.kl_divergence(sm.families.poisson(), [a], [b])
    KL = a*log(a) - a*log(b) - a + b
    >>> sm.kl_divergence(sm.families.cauchy(), [0, 1], [1, 1])
    KL = -2*log(2) + log(5)
    >>> sm.kl_divergence(sm.families.logistic(), [0, 1], [1, 2])
    KL = 0.317217604662... +- ... (quadrature)
    """
    declaration = getattr(family, "declaration", None)
    if not isinstance(declaration, Declaration):
        raise InvalidArgument(
            f"kl_divergence: expected a family, got {type(family).__name__}. Declare one with "
            "sm.Family(...) or take one of sm.families."
        )
    if declaration.observation is not None:
        one = _between(declaration.observation, p, q, effort)
        count = declaration.external(declaration.repetitions)
        if one.error is None:
            return KLDivergence(count * one.value, None, one.conditions, one.certificate)
        require_constants(declaration, "kl_divergence")
        return KLDivergence(float(count) * one.value, float(count) * one.error)
    return _between(declaration, p, q, effort)


def _between(
    declaration: Declaration, p: Sequence[Any], q: Sequence[Any], effort: float
) -> KLDivergence:
    first, second = _point(declaration, p, "p"), _point(declaration, q, "q")
    thetas = declaration.parameters
    for variable in declaration.variables:
        moving = (variable.lower.free_symbols | variable.upper.free_symbols) & set(thetas)
        if moving:
            raise IntractableExpectation(
                f"kl_divergence: the support of {declaration.external(variable.symbol)} depends on "
                f"{declaration.external(min(moving, key=str))}, so the divergence is infinite "
                "unless one support contains the other. Fix that parameter."
            )
    numbers = all(v.is_number for v in (*first, *second))
    floats = any(v.has(Float) for v in (*first, *second))
    try:
        general, others = _general_or_shared(declaration, first, second, effort)
    except IntractableExpectation:
        if not numbers:
            raise IntractableExpectation(
                f"kl_divergence: no closed form found for two symbolic members of "
                f"{declaration.name or 'the family'}. Pass numbers for a value by quadrature."
            ) from None
    else:
        table = dict(
            zip((*declaration.external(list(thetas)), *others), (*first, *second), strict=True)
        )
        value = general.value.subs(table, simultaneous=True)
        # Phi(0, 1, b) = 1/b, which sympy does not evaluate; it arises when scales are equal.
        value = value.replace(
            lambda e: isinstance(e, lerchphi) and e.args[0].is_zero, lambda e: 1 / e.args[2]
        )
        conditions = tuple(c.subs(table, simultaneous=True) for c in general.conditions)
        if any(c == False for c in conditions):  # noqa: E712
            value = oo
        if not value.has(nan, zoo):
            if floats and value.is_number:
                value = value.evalf(17)
            open_conditions = tuple(c for c in conditions if c != True)  # noqa: E712
            return KLDivergence(value, None, open_conditions, general.certificate)
        if not numbers:
            return KLDivergence(general.value.subs(table), None, conditions, general.certificate)
    return _numeric(declaration, first, second)


def _point(declaration: Declaration, values: Sequence[Any], what: str) -> tuple[Expr, ...]:
    names = ", ".join(str(declaration.external(t)) for t in declaration.parameters)
    try:
        entries = tuple(sympify(v, strict=True) for v in values)
    except (TypeError, ValueError):
        entries = ()
    if len(entries) != declaration.domain.dim or not all(isinstance(e, Expr) for e in entries):
        raise InvalidArgument(
            f"kl_divergence: {what} must hold one number or expression per parameter ({names}), "
            f"got {values!r}."
        )
    if all(e.is_number for e in entries):
        domain = declaration.external(declaration.domain)
        domain.require([float(e) for e in entries], what)
    return entries


def _general_or_shared(
    declaration: Declaration, first: tuple[Expr, ...], second: tuple[Expr, ...], effort: float
) -> tuple[Moment, tuple[Symbol, ...]]:
    """The general formula, or else one for members that have some parameters in common."""
    shared = frozenset(i for i, (a, b) in enumerate(zip(first, second, strict=True)) if a == b)
    if not shared or len(shared) == len(first):
        return _general(declaration, effort, frozenset())
    try:
        return _general(declaration, 0.0, frozenset())
    except IntractableExpectation:
        return _general(declaration, effort, shared)


@lru_cache(maxsize=64)
def _general(
    declaration: Declaration, effort: float, shared: frozenset[int]
) -> tuple[Moment, tuple[Symbol, ...]]:
    """KL of two symbolic members, with the symbols of the second one."""
    thetas = declaration.parameters
    others = tuple(
        t
        if i in shared
        else Symbol(f"q{i}", **{k: v for k, v in t.assumptions0.items() if v is not None})
        for i, t in enumerate(thetas)
    )
    rename = dict(zip(thetas, others, strict=True))
    axes = tuple(
        Axis(rename[a.symbol], a.lower.xreplace(rename), a.upper.xreplace(rename), a.periodic)
        for i, a in enumerate(declaration.domain.axes)
        if i not in shared
    )
    ell = declaration.log_density
    found = moment(declaration, ell - ell.xreplace(rename), effort=effort, axes=axes)
    return found, tuple(declaration.external(list(others)))


def _numeric(
    declaration: Declaration, first: tuple[Expr, ...], second: tuple[Expr, ...]
) -> KLDivergence:
    require_constants(declaration, "kl_divergence")
    thetas, ell = declaration.parameters, declaration.log_density
    exact = [Rational(str(v)) if v.is_Float else v for v in (*first, *second)]
    at = dict(zip(thetas, exact[: len(thetas)], strict=True))
    ratio = ell - ell.xreplace(dict(zip(thetas, exact[len(thetas) :], strict=True)))
    if not converges(declaration, ratio, at):
        return KLDivergence(float("inf"), 0.0)
    value, size, error = numeric_mean(declaration, ratio, at)
    if not error < 1e-3:
        raise IntractableExpectation(
            f"kl_divergence: neither a closed form nor quadrature to 3 digits at p = {first}, "
            f"q = {second} (relative change {error:.1e}). Choose points closer to each other."
        )
    return KLDivergence(value, max(10 * error, 1e-15) * max(size, abs(value)))
