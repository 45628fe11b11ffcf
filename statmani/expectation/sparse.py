"""Sparse sums of c u^p (log u)^m v^q (log v)^n with v = 1 + ratio u, and their moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import sympy as sp

from statmani.expectation.tidy import tidy

__all__ = ["Converter", "Kernel", "Key", "NotSparse", "Sparse", "exponents", "moment", "multiply"]

Key = tuple[sp.Expr, int, sp.Expr, int]
Sparse = dict[Key, sp.Expr]
_ONE: Key = (sp.Integer(0), 0, sp.Integer(0), 0)


class NotSparse(Exception):
    """Internal: an expression is no sparse sum in the tried variable."""


@dataclass(frozen=True)
class Kernel:
    """A standard density of u: Gamma(a), Beta(a, b) or Beta-prime(a, b).

    Attributes
    ----------
    name : {"gamma", "beta", "beta_prime"}
        Densities proportional to u^(a-1) e^-u, u^(a-1) (1-u)^(b-1), u^(a-1) (1+u)^(-a-b).
    shapes : tuple of Expr
        (a,) or (a, b), in the declaration's internal symbols.
    """

    name: str
    shapes: tuple[sp.Expr, ...]

    @property
    def normaliser(self) -> sp.Expr:
        """The integral of the unnormalised kernel."""
        if self.name == "gamma":
            return sp.gamma(self.shapes[0])
        a, b = self.shapes
        return sp.gamma(a) * sp.gamma(b) / sp.gamma(a + b)


def add_to(total: Sparse, key: Key, value: sp.Expr) -> None:
    total[key] = total.get(key, sp.Integer(0)) + value


def multiply(left: Sparse, right: Sparse) -> Sparse:
    """Product of two sparse sums."""
    total: Sparse = {}
    for (p, m, q, n), c in left.items():
        for (p2, m2, q2, n2), c2 in right.items():
            add_to(total, (sp.expand(p + p2), m + m2, sp.expand(q + q2), n + n2), c * c2)
    return total


@dataclass
class Converter:
    """Reads expressions of ``u`` as sparse sums; finds the ratio of v = 1 + ratio u when not given.

    Attributes
    ----------
    u : Symbol
        Positive.
    vanishes : callable
        Decides whether an expression free of u is zero.
    ratio : Expr or None
    gap : Expr or None
        Set when two terms differ by a power other than one: u**gap is then a better variable.
    single : bool
        Powers of u alone: there is no v, as for the Gamma kernel.
    """

    u: sp.Symbol
    vanishes: Callable[[sp.Expr], bool]
    ratio: sp.Expr | None = None
    gap: sp.Expr | None = None
    single: bool = False
    _memo: dict[sp.Expr, Sparse] = field(default_factory=dict)

    def convert(self, expr: sp.Expr) -> Sparse:
        """The sparse form, or NotSparse."""
        if not expr.has(self.u):
            return {_ONE: expr}
        found = self._memo.get(expr)
        if found is None:
            found = self._memo[expr] = self._convert(expr)
        return found

    def _convert(self, expr: sp.Expr) -> Sparse:
        if expr == self.u:
            return {(sp.Integer(1), 0, sp.Integer(0), 0): sp.Integer(1)}
        if isinstance(expr, sp.Add):
            total: Sparse = {}
            for term in expr.args:
                for key, value in self.convert(term).items():
                    add_to(total, key, value)
            return total
        if isinstance(expr, sp.Mul):
            product: Sparse = {_ONE: sp.Integer(1)}
            for factor in expr.args:
                product = multiply(product, self.convert(factor))
            return product
        if isinstance(expr, sp.log):
            return self._log(expr.args[0])
        if isinstance(expr, sp.exp):
            return self._exp(self.convert(expr.args[0]))
        if isinstance(expr, sp.Pow):
            return self._power(*expr.as_base_exp())
        raise NotSparse(expr)

    def _log(self, argument: sp.Expr) -> Sparse:
        c, p, q = self._monomial(argument)
        total: Sparse = {_ONE: _log_of(c)}
        add_to(total, (sp.Integer(0), 1, sp.Integer(0), 0), p)
        add_to(total, (sp.Integer(0), 0, sp.Integer(0), 1), q)
        return {key: value for key, value in total.items() if value != 0}

    def _exp(self, exponent: Sparse) -> Sparse:
        p = q = sp.Integer(0)
        constant = sp.Integer(0)
        for (e, m, f, n), c in exponent.items():
            if e != 0 or f != 0 or m + n > 1:
                if self.vanishes(c):
                    continue
                raise NotSparse(exponent)
            if m:
                p = c
            elif n:
                q = c
            else:
                constant = c
        return {(sp.expand(p), 0, sp.expand(q), 0): sp.exp(constant)}

    def _power(self, base: sp.Expr, power: sp.Expr) -> Sparse:
        if power.has(self.u):
            return self._exp(self.convert(power * sp.log(base)))
        if power.is_Integer and 0 < power <= 6:
            inner = self.convert(base)
            try:
                c, p, q = self._monomial(base) if len(inner) == 2 else (None, None, None)
            except NotSparse:
                c = None
            if c is None:
                total = inner
                for _ in range(int(power) - 1):
                    total = multiply(total, inner)
                return total
        else:
            c, p, q = self._monomial(base)
        return {(sp.expand(p * power), 0, sp.expand(q * power), 0): c**power}

    def _monomial(self, expr: sp.Expr) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
        terms = {}
        source = self.convert(expr)
        for key, c in source.items():
            c = tidy(c) if len(source) > 1 else c
            if len(source) > 1 and self.vanishes(c):
                continue
            if key[1] or key[3]:
                raise NotSparse(expr)
            terms[key[0], key[2]] = c
        if len(terms) == 1:
            ((p, q), c), *_ = terms.items()
            return c, p, q
        if len(terms) != 2 or self.single:
            raise NotSparse(expr)
        ((p, q), low), ((p2, q2), high) = terms.items()
        if q != q2:
            raise NotSparse(expr)
        gap = sp.expand(p2 - p)
        if gap == -1:
            p, low, high, gap = p2, high, low, sp.Integer(1)
        if gap != 1:
            if gap.free_symbols or gap.is_Rational:
                self.gap = gap
            raise NotSparse(expr)
        ratio = tidy(high / low)
        if self.ratio is None:
            self.ratio = ratio
        elif not self.vanishes(ratio - self.ratio):
            raise NotSparse(expr)
        return low, p, q + 1


def _log_of(c: sp.Expr) -> sp.Expr:
    return sp.Integer(0) if c == 1 else sp.expand_log(sp.log(sp.factor_terms(c)), force=True)


def moment(kernel: Kernel, key: Key) -> sp.Expr:
    """E[u^p log^m u v^q log^n v], v = 1 - u or 1 + u: Gamma ratios times Bell polynomials."""
    p, m, q, n = key
    if kernel.name == "gamma":
        a = kernel.shapes[0]
        return _ratio(a, p) * _polynomial("gamma", m, 0, (sp.expand(a + p),))
    a, b = kernel.shapes
    top = sp.expand(a + p)
    if kernel.name == "beta":
        other = sp.expand(b + q)
        scale = _ratio(a, p) * _ratio(b, q) / _ratio(a + b, p + q)
        return scale * _polynomial("beta", m, n, (top, other))
    total = sp.expand(a + b - q)
    rest = sp.expand(total - top)
    scale = _ratio(a, p) * _ratio(b, sp.expand(-q - p)) / _ratio(a + b, -q)
    return scale * _polynomial("beta_prime", m, n, (top, rest, total))


def exponents(kernel: Kernel, key: Key) -> tuple[sp.Expr, ...]:
    """What must be positive for the moment of ``key`` to converge."""
    p, _, q, _ = key
    if kernel.name == "gamma":
        return (kernel.shapes[0] + p,)
    a, b = kernel.shapes
    return (a + p, b + q) if kernel.name == "beta" else (a + p, b - p - q)


def _ratio(a: sp.Expr, p: sp.Expr) -> sp.Expr:
    """Gamma(a + p) / Gamma(a)."""
    p = sp.expand(p)
    if p.is_Integer and abs(p) < 40:
        if p >= 0:
            return sp.Mul(*(a + j for j in range(int(p))))
        return 1 / sp.Mul(*(a - 1 - j for j in range(int(-p))))
    return sp.gamma(sp.expand(a + p)) / sp.gamma(sp.expand(a))


def _polynomial(name: str, m: int, n: int, arguments: tuple[sp.Expr, ...]) -> sp.Expr:
    """Bell polynomial of the derivatives of log F; F as in `moment`."""
    psi = sp.polygamma

    def cumulant(k: int, j: int) -> sp.Expr:
        order = k + j - 1
        if name == "gamma":
            return psi(order, arguments[0])
        if name == "beta":
            top, other = arguments
            mixed = -psi(order, top + other)
            return mixed + (psi(order, top) if j == 0 else 0) + (psi(order, other) if k == 0 else 0)
        top, rest, total = arguments
        value = (-1) ** k * psi(order, rest)
        if j == 0:
            value += psi(order, top)
        if k == 0:
            value -= psi(order, total)
        return (-1) ** j * value

    @cache
    def bell(k: int, j: int) -> sp.Expr:
        if k == 0 and j == 0:
            return sp.Integer(1)
        if k > 0:
            return sp.Add(
                *(
                    sp.binomial(k - 1, r) * sp.binomial(j, s) * bell(k - 1 - r, j - s)
                    * cumulant(r + 1, s)
                    for r in range(k)
                    for s in range(j + 1)
                )
            )  # fmt: skip
        return sp.Add(
            *(sp.binomial(j - 1, s) * bell(0, j - 1 - s) * cumulant(0, s + 1) for s in range(j))
        )

    return bell(m, n)
