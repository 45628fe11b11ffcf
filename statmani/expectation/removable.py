"""Removable singularities of closed forms inside the parameter domain.

Moments such as (psi(b) - psi(2)) / (b - 2) are analytic at b = 2 but evaluate to 0/0 there. On
the hyperplane where the denominator vanishes such an entry is given by its Taylor polynomial
across it, so that values and derivatives (to fourth order) are exact there as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidManifold
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.exact import Exact
from statmani.signs import is_positive_on

__all__ = ["ORDER", "Skewness", "fill", "fill_tensors"]

ORDER = 4

Roots = Mapping[sp.Expr, tuple[sp.Symbol, sp.Expr] | None]
Skewness = dict[tuple[int, int, int], sp.Expr]


def fill_tensors(
    declaration: Declaration,
    metric: sp.ImmutableMatrix,
    skewness: Mapping[tuple[int, int, int], sp.Expr],
) -> tuple[sp.ImmutableMatrix, Skewness]:
    """g and T with removable singularities filled."""
    entries = {*metric, *skewness.values()}
    bases = set().union(*(_denominators(entry) for entry in entries))
    roots = {base: _root(base, declaration) for base in bases}
    if not any(roots.values()):
        return metric, dict(skewness)
    known = {entry: _filled(entry, roots, declaration) for entry in entries}

    def filled(entry: sp.Expr) -> sp.Expr:
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
    roots = {base: _root(base, declaration) for base in _denominators(entry)}
    return _filled(entry, roots, declaration)


def _filled(entry: sp.Expr, roots: Roots, declaration: Declaration) -> sp.Expr:
    cases = []
    for base in sorted(_denominators(entry), key=sp.default_sort_key):
        place = roots[base]
        if place is None:
            continue
        symbol, root = place
        polynomial = _taylor(entry, symbol, root, declaration)
        if polynomial is not None:
            _compare(entry, polynomial, symbol, root, declaration)
            cases.append((polynomial, sp.Eq(symbol, root)))
    return sp.Piecewise(*cases, (entry, True)) if cases else entry


def _compare(
    entry: sp.Expr, polynomial: sp.Expr, symbol: sp.Symbol, root: sp.Expr, declaration: Declaration
) -> None:
    """The closed form next to the hyperplane agrees with the polynomial, to the next order."""
    context = thread_context(60)
    step = context.mpf(10) ** -6
    program = Program([entry, polynomial, root], [])
    for point in declaration.domain.interior_points(1, seed=9):
        values: dict[sp.Symbol, Any] = dict(declaration.sample_values())
        values |= dict(zip(declaration.parameters, point, strict=True))
        place = program.bind(context, values)([])[2]
        for sign in (1, -1):
            exact, series, _ = program.bind(context, {**values, symbol: place + sign * step})([])
            if not abs(exact - series) < context.mpf(10) ** -22 * (1 + abs(exact)):
                raise CertificateError(
                    f"certificate: at {symbol} = {root} a removable singularity was filled with "
                    f"{context.nstr(series, 15)} but the closed form tends to "
                    f"{context.nstr(exact, 15)} there. This is a defect of the derivation, not of "
                    "the declaration; please report it."
                )


def _denominators(entry: sp.Expr) -> set[sp.Expr]:
    bases = {p.base for p in entry.atoms(sp.Pow) if p.exp.is_Integer and p.exp < 0}
    return {b for b in bases if isinstance(b, sp.Add) and not b.atoms(sp.Function)}


def _root(base: sp.Expr, declaration: Declaration) -> tuple[sp.Symbol, sp.Expr] | None:
    """(parameter, value) where a factor of a denominator may vanish inside the domain."""
    box = declaration.domain.axes
    if len(base.free_symbols) > 1 and not _changes_sign(base, declaration):
        return None
    if is_positive_on(base, box) or is_positive_on(-base, box):
        return None
    for axis in box:
        slope = base.diff(axis.symbol)
        if slope == 0 or slope.has(axis.symbol):
            continue
        root = sp.cancel(axis.symbol - base / slope)
        if sp.false not in (axis.lower < root, root < axis.upper):
            return axis.symbol, root
    return None


def _changes_sign(base: sp.Expr, declaration: Declaration) -> bool:
    """Whether both signs are seen at points of the domain; a determinant keeps its sign."""
    program, seen = Program([base], []), set()
    for point in declaration.domain.interior_points(24, seed=17):
        values = declaration.sample_values() | dict(zip(declaration.parameters, point, strict=True))
        seen.add(float(np.real(program.arrays(values, [])[0])) > 0)
    return len(seen) == 2


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
    context = thread_context(60)
    program = Program([value], [])
    for point in declaration.domain.interior_points(2, seed=9):
        values = declaration.sample_values() | dict(zip(declaration.parameters, point, strict=True))
        if not abs(program.bind(context, values)([])[0]) < context.mpf(10) ** -45:
            return False
    return True
