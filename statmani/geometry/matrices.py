"""Square matrices of expressions that are in canonical form already."""

from __future__ import annotations

from collections.abc import Sequence

from sympy import EXRAW, Expr, ImmutableMatrix, S
from sympy.polys.matrices import DomainMatrix

__all__ = ["square_matrix"]


def square_matrix(n: int, entries: Sequence[Expr]) -> ImmutableMatrix:
    """The matrix of n * n entries in row order, without the checks that sympy makes of each.

    Examples
    --------
    >>> from sympy import Integer, symbols
    >>> x = symbols("x")
    >>> square_matrix(2, [x, Integer(0), Integer(0), 1 / x])
    Matrix([
    [x,   0],
    [0, 1/x]])
    """
    rows: dict[int, dict[int, Expr]] = {}
    numeric = True
    for place, e in enumerate(entries):
        if e is not S.Zero:
            numeric = numeric and bool(e.is_Rational)
            rows.setdefault(place // n, {})[place % n] = e
    if numeric:
        # Sympy keeps numbers in a domain of their own.
        return ImmutableMatrix(n, n, entries)
    return ImmutableMatrix._fromrep(DomainMatrix(rows, (n, n), EXRAW))
