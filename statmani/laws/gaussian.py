"""Means of products of polynomials under a normal density of any dimension, in one ring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import sympy as sp

from statmani.algebra.element import Element
from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.exact import Exact

__all__ = ["GaussianMoments"]

Powers = tuple[int, ...]
Polynomial = dict[Powers, Element]


@final
class GaussianMoments:
    """Exact moments of a density whose logarithm is a quadratic polynomial of the whole space.

    Parameters
    ----------
    declaration : Declaration
    ell : Expr
        log p as a sum.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.laws.closed import ClosedMoments
    >>> from statmani.laws.gaussian import GaussianMoments
    >>> declaration = sm.families.normal().declaration
    >>> moments = GaussianMoments.of(declaration, ClosedMoments(declaration).ell)
    >>> x = declaration.variables[0].symbol
    >>> moments.mean([x, x])
    t0**2 + t1**2
    """

    def __init__(
        self, exact: Exact, symbols: Sequence[sp.Symbol], mean: Sequence[Element],
        covariance: Sequence[Sequence[Element]],
    ) -> None:  # fmt: skip
        self._exact, self._symbols = exact, tuple(symbols)
        self._mean, self._covariance = mean, covariance
        self._ring = exact.ring.polynomials
        self._raw: dict[Powers, Element] = {(0,) * len(self._symbols): self._ring.one}
        self._read: dict[sp.Expr, Polynomial | None] = {}
        self._products: dict[tuple[sp.Expr, ...], Polynomial] = {}

    @classmethod
    def of(cls, declaration: Declaration, ell: sp.Expr) -> GaussianMoments | None:
        """The moments, or None when the density is not normal on the whole space."""
        variables = declaration.variables
        whole = all(v.lower is -sp.oo and v.upper is sp.oo and not v.discrete for v in variables)
        if declaration.region or not whole:
            return None
        symbols = [v.symbol for v in variables]
        exact = Exact(declaration, [])
        quadratic = _polynomial(exact, symbols, ell)
        if quadratic is None or max(map(sum, quadratic), default=0) != 2:
            return None
        zero, size = exact.ring.polynomials.zero, len(symbols)
        unit = [tuple(int(i == j) for j in range(size)) for i in range(size)]

        def entry(i: int, j: int) -> Element:
            place = tuple(a + b for a, b in zip(unit[i], unit[j], strict=True))
            return -quadratic.get(place, zero).scale(2 if i == j else 1)

        one = exact.ring.polynomials.one
        identity = [[one if i == j else zero for j in range(size)] for i in range(size)]
        try:
            covariance = exact.solve(
                [[entry(i, j) for j in range(size)] for i in range(size)], identity
            )
        except StatmaniError:
            return None
        if covariance is None:
            return None
        linear = [quadratic.get(u, zero) for u in unit]
        dot = exact.ring.polynomials.dot
        mean = [dot(list(zip(row, linear, strict=True))) for row in covariance]
        return cls(exact, symbols, mean, covariance)

    def mean(self, factors: Sequence[sp.Expr]) -> sp.Expr | None:
        """E of the product of functions, or None when one is no polynomial of the sample."""
        product = self._product(tuple(factors))
        if product is None:
            return None
        return self._exact.sympy(self._ring.dot([(c, self._moment(p)) for p, c in product.items()]))

    def _product(self, factors: tuple[sp.Expr, ...]) -> Polynomial | None:
        if len(factors) == 1:
            (factor,) = factors
            if factor not in self._read:
                self._read[factor] = _polynomial(self._exact, self._symbols, factor)
            return self._read[factor]
        if factors not in self._products:
            left, right = self._product(factors[:-1]), self._product(factors[-1:])
            if left is None or right is None:
                return None
            terms: dict[Powers, list[tuple[Element, Element]]] = {}
            for p, c in left.items():
                for q, d in right.items():
                    place = tuple(a + b for a, b in zip(p, q, strict=True))
                    terms.setdefault(place, []).append((c, d))
            self._products[factors] = {p: self._ring.dot(pairs) for p, pairs in terms.items()}
        return self._products[factors]

    def _moment(self, powers: Powers) -> Element:
        """Stein's identity: E[x_i f] = mean_i E[f] + sum_j cov_ij E[d_j f]."""
        if powers not in self._raw:
            i = next(k for k, e in enumerate(powers) if e)
            rest = [e - (k == i) for k, e in enumerate(powers)]
            pairs = [(self._mean[i], self._moment(tuple(rest)))]
            for j, e in enumerate(rest):
                if e:
                    lower = tuple(r - (k == j) for k, r in enumerate(rest))
                    pairs.append((self._covariance[i][j].scale(e), self._moment(lower)))
            self._raw[powers] = self._ring.dot(pairs)
        return self._raw[powers]


def _polynomial(exact: Exact, symbols: Sequence[sp.Symbol], function: sp.Expr) -> Polynomial | None:
    """A sum of monomials of the sample with coefficients in the ring."""
    parts: dict[Powers, list[sp.Expr]] = {}
    for term in sp.Add.make_args(function):
        coefficient, moving = term.as_independent(*symbols, as_Add=False)
        powers = moving.as_powers_dict()
        found = []
        for symbol in symbols:
            power = powers.pop(symbol, sp.S.Zero)
            if not power.is_Integer or power < 0:
                return None
            found.append(int(power))
        if any(base.has(*symbols) for base in powers):
            return None
        parts.setdefault(tuple(found), []).append(coefficient)
    return {p: exact.element(sp.Add(*coefficients)) for p, coefficients in parts.items()}
