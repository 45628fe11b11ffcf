"""Removable singularities of closed forms inside the parameter domain.

Moments such as (psi(b) - psi(2)) / (b - 2) are analytic at b = 2 but evaluate to 0/0 there. On
the hyperplane where the denominator vanishes such an entry is given by its Taylor polynomial
across it, so that values and derivatives (to fourth order) are exact there as well.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidManifold
from statmani.expectation.evaluate import Program, new_context
from statmani.expectation.exact import Exact
from statmani.signs import is_positive_on

__all__ = ["ORDER", "fill", "fill_tensors"]

ORDER = 4

Skewness = dict[tuple[int, int, int], sp.Expr]


def fill_tensors(
    declaration: Declaration,
    metric: sp.ImmutableMatrix,
    skewness: Mapping[tuple[int, int, int], sp.Expr],
) -> tuple[sp.ImmutableMatrix, Skewness]:
    """g and T with removable singularities filled."""
    known: dict[sp.Expr, sp.Expr] = {}

    def filled(entry: sp.Expr) -> sp.Expr:
        if entry not in known:
            known[entry] = fill(entry, declaration)
        return known[entry]

    return (
        sp.ImmutableMatrix(metric.applyfunc(filled)),
        {index: filled(value) for index, value in skewness.items()},
    )


def fill(entry: sp.Expr, declaration: Declaration) -> sp.Expr:
    """The entry, as a Piecewise when its denominator vanishes removably inside the domain.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.removable import fill
    >>> declaration = sm.families.gamma().declaration
    >>> shape, _ = declaration.parameters
    >>> form = fill((sp.log(shape) - shape + 1) / (shape - 1), declaration)
    >>> form.subs(shape, 1), form.diff(shape).subs(shape, 1)
    (0, -1/2)
    """
    cases = []
    for symbol, root in _roots(entry, declaration):
        polynomial = _taylor(entry, symbol, root, declaration)
        if polynomial is not None:
            cases.append((polynomial, sp.Eq(symbol, root)))
    return sp.Piecewise(*cases, (entry, True)) if cases else entry


def _roots(entry: sp.Expr, declaration: Declaration) -> list[tuple[sp.Symbol, sp.Expr]]:
    """(parameter, value) where a factor of the denominator may vanish inside the domain."""
    box = declaration.domain.axes
    found = []
    bases = {p.base for p in entry.atoms(sp.Pow) if p.exp.is_Integer and p.exp < 0}
    for base in sorted(bases, key=sp.default_sort_key):
        if not isinstance(base, sp.Add) or base.atoms(sp.Function):
            continue
        if is_positive_on(base, box) or is_positive_on(-base, box):
            continue
        for axis in box:
            slope = base.diff(axis.symbol)
            if slope == 0 or slope.has(axis.symbol):
                continue
            root = sp.cancel(axis.symbol - base / slope)
            inside = [axis.lower < root, root < axis.upper]
            if sp.false not in inside:
                found.append((axis.symbol, root))
                break
    return found


def _taylor(
    entry: sp.Expr, symbol: sp.Symbol, root: sp.Expr, declaration: Declaration
) -> sp.Expr | None:
    """The Taylor polynomial of the entry in symbol - root, or None at a genuine pole."""
    exact = Exact(declaration, [entry])
    index = declaration.parameters.index(symbol)
    at = {symbol: root}
    try:
        factor = exact.element(symbol - root)
        element, order = exact.element(entry), 0
        while order <= ORDER and _singular(exact.sympy(element), at):
            element, order = element * factor, order + 1
        coefficients: list[sp.Expr] = []
        for k in range(order + ORDER + 1):
            value = sp.expand(exact.sympy(element).xreplace(at)) / sp.factorial(k)
            if k >= order:
                coefficients.append(value)
            elif not _vanishes(value, declaration):
                return None
            element = exact.ring.derivative(element, index)
    except (InvalidManifold, CertificateError):
        return None
    return sp.Add(*(c * (symbol - root) ** k for k, c in enumerate(coefficients)))


def _singular(expr: sp.Expr, at: Mapping[sp.Symbol, sp.Expr]) -> bool:
    return bool(sp.fraction(expr)[1].xreplace(dict(at)).is_zero) or any(
        sp.expand(p.base.xreplace(dict(at))).is_zero
        for p in expr.atoms(sp.Pow)
        if p.exp.is_Integer and p.exp < 0
    )


def _vanishes(value: sp.Expr, declaration: Declaration) -> bool:
    if value.is_zero:
        return True
    context = new_context(60)
    program = Program([value], [])
    for point in declaration.domain.interior_points(2, seed=9):
        values = declaration.sample_values() | dict(zip(declaration.parameters, point, strict=True))
        if not abs(program.bind(context, values)([])[0]) < context.mpf(10) ** -45:
            return False
    return True
