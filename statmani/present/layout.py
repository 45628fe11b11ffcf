"""Forms and line breaks: short expressions, rows that fit the width of a page."""

from __future__ import annotations

from typing import Any

import sympy as sp

from statmani.present.printer import Printer

__all__ = ["rows", "shorten", "width"]

_FACTOR_LIMIT = 500
# Letters of display mathematics on one line of the report's page, less the left-hand side.
PAGE_WIDTH = 62.0


def shorten(expr: sp.Expr) -> sp.Expr:
    """Return an equal expression, factored where that is shorter.

    Only exact rational identities are used, so the value is the same wherever it is defined.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.present.layout import shorten
    >>> a, s = sp.symbols("a s")
    >>> shorten(a**2 / s**2 + 2 * a / s**2 + 1 / s**2)
    (a + 1)**2/s**2
    """
    if expr.is_Atom or expr.has(sp.Piecewise, sp.core.relational.Relational):
        return expr
    candidates = [expr]
    if sp.count_ops(expr) <= _FACTOR_LIMIT:
        try:
            candidates.append(sp.factor(expr))
        except sp.PolynomialError:
            return expr
    return min(candidates, key=lambda form: (width(form), sp.count_ops(form)))


def width(expr: Any) -> float:
    """Estimate the printed width in letters."""
    if isinstance(expr, sp.Symbol):
        return 1.0 if len(expr.name) < 8 else 0.8 * len(expr.name)
    if expr.is_Integer:
        return float(len(str(abs(expr.p))))
    if expr.is_Rational:
        return float(max(len(str(abs(expr.p))), len(str(expr.q)))) + 0.5
    if expr.is_Atom:
        return 1.5
    if expr.is_Add:
        return sum(width(term) for term in expr.args) + 2.2 * (len(expr.args) - 1)
    if expr.is_Mul:
        top, bottom = sp.fraction(expr, exact=True)
        if bottom != 1:
            return max(width(top), width(bottom)) + 0.5
        return sum(width(f) + (1.6 if f.is_Add else 0.2) for f in expr.args)
    if expr.is_Pow:
        if expr.exp.is_Rational and expr.exp.is_negative:
            return width(1 / expr) + 0.5 if expr.exp != -1 else width(expr.base) + 0.5
        brackets = 0.0 if expr.base.is_Atom else 1.6
        return width(expr.base) + brackets + 0.7 * width(expr.exp)
    if isinstance(expr, sp.exp):
        return 1.0 + 0.7 * width(expr.args[0])
    return 3.0 + sum(width(argument) + 1.0 for argument in expr.args)


def rows(expr: sp.Expr, printer: Printer, limit: float = PAGE_WIDTH) -> list[str]:
    """Break an expression into lines of LaTeX, at sums and between factors.

    Parameters
    ----------
    expr : Expr
    printer : Printer
    limit : float
        Width of a line in letters. What cannot be broken may be wider.

    Returns
    -------
    list of str
        One line when it fits.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.present.layout import rows
    >>> from statmani.present.printer import Printer
    >>> x = sp.Symbol("x")
    >>> rows(x**2 + x + 1, Printer(), limit=6)
    ['x^{2} + x', '{} + 1']
    """
    if width(expr) <= limit:
        return [printer.doprint(expr)]
    if expr.is_Add:
        return _sum_rows(expr, printer, limit)
    if expr.is_Mul:
        return _product_rows(expr, printer, limit)
    return [printer.doprint(expr)]


def _sum_rows(expr: sp.Expr, printer: Printer, limit: float) -> list[str]:
    lines: list[str] = []
    used = limit
    for term in expr.as_ordered_terms():
        size = width(term)
        text = printer.doprint(term)
        sign, body = ("-", text[1:].lstrip()) if text.startswith("-") else ("+", text)
        if lines and used + size <= limit:
            lines[-1] += f" {sign} {body}"
            used += size + 2.2
            continue
        parts = rows(term, printer, limit) if size > limit else [text]
        if lines:
            first = parts[0][1:].lstrip() if parts[0].startswith("-") else parts[0]
            parts[0] = f"{{}} {sign} {first}"
        lines += parts
        used = size + 2.2 if len(parts) == 1 else limit
    return lines


def _product_rows(expr: sp.Expr, printer: Printer, limit: float) -> list[str]:
    top, bottom = sp.fraction(expr, exact=True)
    factors = list(sp.Mul.make_args(top))
    plain = sp.Mul(*(factor for factor in factors if not factor.is_Add))
    front = printer.doprint(plain / bottom) if plain / bottom != 1 else ""
    if front == "-1":
        front = "-"
    sums = [factor for factor in factors if factor.is_Add]
    if not sums:
        return [printer.doprint(expr)]
    lines = [front]
    for factor in sums:
        inner = rows(factor, printer, limit - width(plain / bottom) if front else limit)
        inner[0] = r"\Bigl(" + inner[0]
        inner[-1] += r"\Bigr)"
        if len(lines[-1]) and lines != [front]:
            lines += [r"\times " + inner[0], *inner[1:]]
        else:
            lines[-1] += inner[0]
            lines += inner[1:]
    return lines
