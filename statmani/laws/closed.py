"""Closed forms of the expectations that the identities of the score need."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any, final

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.expectation.engine import EntryMoments
from statmani.expectation.kernels import Branch, match_kernels, moments_of
from statmani.expectation.means import (
    finite_points,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.sparse import Sparse, exponents
from statmani.expectation.tidy import tidy
from statmani.laws.finite import FiniteMoments
from statmani.laws.gaussian import GaussianMoments
from statmani.signs import Bounded, is_positive_on

__all__ = ["ClosedMoments", "NoClosedForm"]


Index = tuple[int, ...]


class NoClosedForm(Exception):
    """An expectation was not found in closed form."""


@dataclass(frozen=True)
class _Mean:
    value: sp.Expr
    strategy: str
    conditions: tuple[sp.Expr, ...]


@final
class ClosedMoments:
    """E[s], E[ss], E[sss] and the same with derivatives of scores, in closed form.

    Parameters
    ----------
    declaration : Declaration
        One observation, in internal symbols.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.laws.closed import ClosedMoments
    >>> moments = ClosedMoments(sm.families.exponential_rate().declaration)
    >>> moments.product(0, 0) + moments.second(0, 0)
    0
    """

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self._thetas = declaration.parameters
        self._known: dict[Any, _Mean] = {}
        self._products: dict[Any, Any] = {}
        self._signs_known: dict[sp.Expr, bool] = {}
        self._used: list[_Mean] = []

    @cached_property
    def signs(self) -> Signs:
        """Signs of expressions on the domain."""
        return Signs(self.declaration)

    @cached_property
    def ell(self) -> sp.Expr:
        """log p in normal form."""
        return normalise(self.declaration.log_density, self.declaration, self.signs)

    @cached_property
    def _points(self) -> list[dict[sp.Expr, sp.Expr]] | None:
        return finite_points(self.declaration)

    @cached_property
    def _branches(self) -> tuple[Branch, ...] | None:
        if len(self.declaration.variables) > 1:
            return None
        return match_kernels(self.ell, self.declaration, self.signs)

    @cached_property
    def _gaussian(self) -> GaussianMoments | None:
        return GaussianMoments.of(self.declaration, self.ell)

    @cached_property
    def finite(self) -> FiniteMoments | None:
        """Sums over the sample's points, where these are finitely many."""
        if self._points is None:
            return None
        return FiniteMoments.of(self.declaration, self.ell, self._points)

    @cached_property
    def _entries(self) -> EntryMoments:
        return EntryMoments(self.declaration, self.ell, self.signs, self._branches)

    @cached_property
    def _sparse(self) -> dict[int, list[list[Sparse]] | None]:
        """By order, on each branch of the kernel, the derivatives of log p up to that order."""
        found: dict[int, list[list[Sparse]] | None] = dict.fromkeys((1, 2, 3))
        if self._branches is None or self._points is not None:
            return found
        known: list[list[Sparse]] = [[] for _ in self._branches]
        for order in found:
            functions = [self.slope(*index) for index in self._indices(order)]
            read = read_on_branches(functions, self._branches, self.declaration)
            if read is None:
                break
            known = [[*a, *b] for a, b in zip(known, read, strict=True)]
            found[order] = known
        return found

    def scores_on_branches(self) -> list[tuple[int, list[Sparse]]]:
        """On each branch of a kernel, the sign r of its 1 + r u and the scores as sparse sums."""
        found = self._sparse[1]
        if found is None or self._branches is None:
            return []
        signs = {"gamma": 0, "beta": -1, "beta_prime": 1}
        return [
            (signs[branch.kernel.name], scores)
            for branch, scores in zip(self._branches, found, strict=True)
        ]

    def _indices(self, order: int) -> list[Index]:
        return list(combinations_with_replacement(range(len(self._thetas)), order))

    def mean(self, function: sp.Expr) -> sp.Expr:
        """E[function].

        Raises
        ------
        NoClosedForm
        """
        return self._use(function, lambda: self._found(function))

    def _use(self, key: object, make: Callable[[], _Mean]) -> sp.Expr:
        if key not in self._known:
            self._known[key] = make()
        self._used.append(self._known[key])
        return self._known[key].value

    def _found(self, function: sp.Expr) -> _Mean:
        samples = {v.symbol for v in self.declaration.variables}
        if not function.free_symbols & samples:
            return _Mean(function, "", ())
        if self._points is not None:
            return _Mean(tidy(sum_finite(self.ell, function, self._points)), "finite sums", ())
        gaussian = self._gaussian and self._gaussian.mean([sp.expand(function)])
        if gaussian is not None:
            return _Mean(gaussian, "Gaussian moments", ())
        found = self._entries.mean(function)
        if found is None or found.value.has(sp.nan, sp.oo, sp.zoo, sp.I):
            raise NoClosedForm
        return _Mean(found.value, found.strategy, self._open(found.conditions))

    def _open(self, conditions: Iterable[sp.Expr]) -> tuple[sp.Expr, ...]:
        """What must be positive for an expectation to exist, beyond what the domain says."""
        box: tuple[Bounded, ...] = self.declaration.domain.axes
        needed = tuple(c for c in dict.fromkeys(conditions) if not is_positive_on(c, box))
        if any(c.is_nonpositive for c in needed):
            raise NoClosedForm
        return needed

    def _convergence(self, sparse: list[list[Sparse]], index: Index) -> tuple[sp.Expr, ...]:
        """Moments of kernels continue analytically to where they do not exist."""
        found: dict[sp.Expr, None] = {}
        box: tuple[Bounded, ...] = self.declaration.domain.axes
        for number, branch in enumerate(self._branches or ()):
            # The products are those that the moments were taken of.
            product = self._products.get((number, index), sparse[number][index[0]])
            for key, coefficient in product.items():
                for exponent in exponents(branch.kernel, key):
                    if self._signs_known.get(exponent) is None:
                        tidied = tidy(exponent)
                        self._signs_known[exponent] = bool(
                            tidied.is_positive or is_positive_on(tidied, box)
                        )
                    if not self._signs_known[exponent] and tidy(coefficient) != 0:
                        found[tidy(exponent)] = None
        return self._open(found)

    def slope(self, *index: int) -> sp.Expr:
        """A derivative of log p by the parameters."""
        value = self.ell
        for i in sorted(index):
            value = derivative(value, self._thetas[i])
        return value

    def _of_slopes(self, *factors: Index) -> sp.Expr:
        """E of a product of derivatives of log p."""
        names = tuple(sorted(tuple(sorted(f)) for f in factors))

        def make() -> _Mean:
            if self._gaussian is not None:
                found = self._gaussian.mean([self.slope(*f) for f in names])
                if found is not None:
                    return _Mean(found, "Gaussian moments", ())
            if self.finite is not None:
                return _Mean(self.finite.mean(names), "finite sums", ())
            sparse = self._sparse[max(map(len, names))]
            if sparse is None or self._branches is None:
                return self._found(sp.expand(sp.Mul(*(self.slope(*f) for f in names))))
            places = {
                index: k
                for k, index in enumerate(i for order in (1, 2, 3) for i in self._indices(order))
            }
            index = tuple(places[f] for f in names)
            value = tidy(moments_of(self._branches, sparse, index, self._products))
            conditions = self._convergence(sparse, index)
            return _Mean(value, f"canonical kernel {self._branches[0].kernel.name}", conditions)

        return self._use(names, make)

    def score(self, i: int) -> sp.Expr:
        """E[s_i]."""
        return self._of_slopes((i,))

    def second(self, i: int, j: int) -> sp.Expr:
        """E[d_i d_j l]."""
        return self._of_slopes((i, j))

    def third(self, i: int, j: int, k: int) -> sp.Expr:
        """E[d_i d_j d_k l]."""
        return self._of_slopes((i, j, k))

    def product(self, *index: int) -> sp.Expr:
        """E of a product of scores."""
        return self._of_slopes(*((i,) for i in index))

    def mixed(self, i: int, j: int, k: int) -> sp.Expr:
        """E[d_i d_j l s_k]."""
        return self._of_slopes((i, j), (k,))

    def begin(self) -> None:
        """A law begins: :meth:`route` tells of what is used from here on."""
        self._used.clear()

    def route(self) -> str:
        """How the closed forms were found, and where they converge beyond what the domain says."""
        strategies = dict.fromkeys(m.strategy for m in self._used if m.strategy)
        text = "; ".join(strategies) or "nothing depends on the sample"
        conditions = dict.fromkeys(c for m in self._used for c in m.conditions)
        if conditions:
            external = self.declaration.external
            text += ", where " + ", ".join(f"{external(c)} > 0" for c in conditions)
        return text
