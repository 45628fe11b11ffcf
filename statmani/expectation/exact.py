"""Derivations inside the localised ring: convert once, compute exactly, convert back once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import final

import sympy as sp

from statmani.algebra.element import Element
from statmani.algebra.ring import Ring
from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidManifold
from statmani.expectation.tidy import shift_special, tidy

__all__ = ["Exact", "tensors_from_means"]

Tensors = tuple[sp.ImmutableMatrix, dict[tuple[int, int, int], sp.Expr]]


@final
class Exact:
    """Canonical forms of expressions of one declaration's parameters and constants.

    Parameters
    ----------
    declaration : Declaration
    expressions : iterable of Expr
        What will be converted; they fix the exponent lattices.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.exact import Exact
    >>> declaration = sm.families.gamma().declaration
    >>> shape, scale = declaration.parameters
    >>> Exact(declaration).tidy(1 / shape - scale / (shape * scale))
    0
    """

    def __init__(self, declaration: Declaration, expressions: Iterable[sp.Expr] = ()) -> None:
        self.ring = Ring(declaration.domain, expressions)

    def element(self, expr: sp.Expr) -> Element:
        """The expression in the ring."""
        return self.ring.convert(expr)

    def sympy(self, element: Element) -> sp.Expr:
        """The element as an expression of the declaration's symbols."""
        return self.ring.to_sympy(element)

    def tidy(self, expr: sp.Expr) -> sp.Expr:
        """Canonical form; expressions that the ring cannot hold are cancelled by sympy."""
        if not expr.args:
            return expr
        try:
            return self.sympy(self.element(shift_special(expr)))
        except (InvalidManifold, CertificateError):
            return tidy(expr)

    def solve(
        self, matrix: Sequence[Sequence[Element]], right: Sequence[Sequence[Element]]
    ) -> list[list[Element]] | None:
        """The solution of a square linear system, by elimination; None when it is singular."""
        dot = self.ring.polynomials.dot
        rows = [[*a, *b] for a, b in zip(matrix, right, strict=True)]
        size, one = len(rows), self.ring.polynomials.one
        for column in range(size):
            choice = [r for r in range(column, size) if rows[r][column]]
            if not choice:
                return None
            pivot = min(choice, key=lambda r: (len(rows[r][column].num), r))
            rows[column], rows[pivot] = rows[pivot], rows[column]
            scale = self.ring.inverse(rows[column][column])
            rows[column] = [e * scale if e else e for e in rows[column]]
            for r in range(size):
                factor = rows[r][column]
                if r != column and factor:
                    rows[r] = [
                        dot([(one, e), (-factor, f)]) if f else e
                        for e, f in zip(rows[r], rows[column], strict=True)
                    ]
        return [row[size:] for row in rows]


def tensors_from_means(
    natural: Sequence[sp.Expr],
    means: Sequence[sp.Expr],
    declaration: Declaration,
    progress: Callable[[str], None],
) -> Tensors:
    """g and T of an exponential family, full or curved, from its mean parameters.

    Raises
    ------
    InvalidManifold, CertificateError
        The ring cannot hold the entries.
    """
    exact = Exact(declaration, [*natural, *means])
    ring, n = exact.ring, len(declaration.parameters)
    dot = ring.polynomials.dot
    eta, mu = [exact.element(e) for e in natural], [exact.element(m) for m in means]
    d_eta = [[ring.derivative(e, i) for i in range(n)] for e in eta]
    d_mu = [[ring.derivative(m, i) for i in range(n)] for m in mu]
    terms = range(len(eta))
    metric = sp.zeros(n, n)
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        value = dot((d_eta[m][i], d_mu[m][j]) for m in terms)
        metric[i, j] = metric[j, i] = exact.sympy(value)
        progress(f"g[{i},{j}]")
    skewness: dict[tuple[int, int, int], sp.Expr] = {}
    for i, j in itertools.combinations_with_replacement(range(n), 2):
        second_mu = [ring.derivative(d_mu[m][i], j) for m in terms]
        second_eta = [-ring.derivative(d_eta[m][i], j) for m in terms]
        for k in range(j, n):
            pairs = [(second_mu[m], d_eta[m][k]) for m in terms]
            pairs += [(second_eta[m], d_mu[m][k]) for m in terms]
            skewness[i, j, k] = exact.sympy(dot(pairs))
            progress(f"T[{i},{j},{k}]")
    return sp.ImmutableMatrix(metric), skewness
