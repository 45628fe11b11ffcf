"""What all expectations under one density share: derivatives of log p and relations among them.

An expectation of a tensor is E[l_I l_J ...] with l_I the derivative of l = log p by the symbols of
the multi-index I. Differentiation maps such products to sums of such products, so the tensors,
their derivatives and the curvature are linear in finitely many of them. They are brought to a
normal form by the identities of Bartlett (1953, Biometrika 40, 12-19): for every I, the sum over
all partitions of I into blocks B of E[product of l_B] is zero, the I-th derivative of
integral p = 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import final

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.errors import IntractableExpectation
from statmani.expectation.nodes import without_max
from statmani.expectation.normalise import sample_points
from statmani.expectation.order_derivatives import differentiates
from statmani.expectation.stable import stable_form
from statmani.expectation.tidy import is_zero, tidy

__all__ = ["Index", "Law", "Monomial", "Polynomial", "law_of"]

#: Positions of symbols, sorted: (0, 1) is the derivative by the first and the second one.
Index = tuple[int, ...]
#: A product of derivatives of log p, sorted.
Monomial = tuple[Index, ...]
#: Coefficients that are free of the sample.
Polynomial = dict[Monomial, sp.Expr]

_JUMPS = (sp.sign, sp.Heaviside, sp.Piecewise, sp.floor, sp.ceiling, sp.DiracDelta)
_STATISTICS = 12


def law_of(declaration: Declaration) -> Law:
    """The law of a declaration; names do not matter."""
    return _law_of(replace(declaration, table=(), name=None))


@lru_cache(maxsize=128)
def _law_of(declaration: Declaration) -> Law:
    return Law(declaration)


@final
class Law:
    """A density in internal symbols with the derivatives of its logarithm.

    Parameters
    ----------
    declaration : Declaration
        Without names.
    """

    def __init__(self, declaration: Declaration) -> None:
        self.declaration = declaration
        self.key = declaration.key
        self.samples = frozenset(v.symbol for v in declaration.variables)
        self.symbols: tuple[sp.Symbol, ...] = (*declaration.parameters, *declaration.constants)
        self._derivatives: dict[Index, sp.Expr] = {}
        self._relations: dict[Index, Polynomial | None] = {}
        self._points: list[dict[sp.Symbol, sp.Expr]] | None = None

    def derivative(self, index: Index) -> sp.Expr:
        """l_I in a numerically stable form, almost everywhere."""
        found = self._derivatives.get(index)
        if found is None:
            if index:
                found = derivative(self.derivative(index[:-1]), self.symbols[index[-1]])
            else:
                found = without_max(stable_form(self.declaration))
                # log|u| has no jump where u changes its sign.
                found = found.replace(_is_log_abs, lambda e: sp.log(e.args[0].args[0] ** 2) / 2)
            self._derivatives[index] = found
        return found

    def require_smooth(self, k: int, integrand: sp.Expr, monomial: Monomial) -> None:
        """Refuse d/dtheta_k E[f] where the integrand jumps at a place that moves.

        Raises
        ------
        IntractableExpectation
        """
        moving = [self.derivative(index) for index in monomial]
        symbol = self.symbols[k]
        if symbol.is_integer:
            raise IntractableExpectation(
                f"derivative of an expectation by {symbol}, which is an integer. Declare a real "
                "parameter."
            )
        if self.jumps(sp.Tuple(integrand, *moving)):
            raise IntractableExpectation(
                "derivative of an expectation whose integrand jumps where a parameter moves the "
                "jump: the almost-everywhere derivative would lack the delta terms. Declare a "
                "smooth density, or one for which a closed form exists."
            )

    def jumps(self, expr: sp.Basic) -> bool:
        """Whether a discontinuity moves with a symbol of the law, or log p itself jumps."""
        mine = set(self.symbols)
        return any(
            node.free_symbols & mine and node.free_symbols & self.samples
            for part in (expr, self.derivative(()))
            for node in _jump_conditions(part)
        )

    # -- normal form -----------------------------------------------------------------------

    def reduce(self, monomial: Monomial, *, plain: bool = True) -> Polynomial:
        """E[monomial] as a combination of independent ones; () stands for 1.

        With ``plain`` False the monomial is multiplied by a function of the sample, so that only
        relations that hold pointwise are used.
        """
        result: Polynomial = {}
        for product, coefficient in self._expanded(monomial).items():
            if plain:
                for other, c in self._bartlett(product).items():
                    _add(result, other, coefficient * c)
            else:
                _add(result, product, coefficient)
        return {m: c for m, c in ((m, tidy(c)) for m, c in result.items()) if c != 0}

    def _expanded(self, monomial: Monomial) -> Polynomial:
        result: Polynomial = {(): sp.Integer(1)}
        for index in monomial:
            relation = self.relation(index)
            factor: Polynomial = {(index,): sp.Integer(1)} if relation is None else relation
            grown: Polynomial = {}
            for (m, a), (other, b) in itertools.product(result.items(), factor.items()):
                _add(grown, _sorted((*m, *other)), a * b)
            result = grown
        return result

    def _bartlett(self, monomial: Monomial) -> Polynomial:
        if not monomial:
            return {(): sp.Integer(1)}
        if len(monomial) == 1:
            whole, skip = monomial[0], 1
            if len(whole) == 1:
                return {}
        elif self._eliminates(monomial):
            whole, skip = tuple(sorted(index[0] for index in monomial)), len(monomial)
        else:
            return {monomial: sp.Integer(1)}
        result: Polynomial = {}
        for blocks in _partitions(whole):
            if len(blocks) != skip:
                for other, c in self.reduce(_sorted(blocks)).items():
                    _add(result, other, -c)
        return result

    def _eliminates(self, monomial: Monomial) -> bool:
        """Whether a product of scores follows from products with fewer factors."""
        if any(len(index) != 1 for index in monomial):
            return False
        pairs = [_sorted_index((*a, *b)) for a, b in itertools.combinations(monomial, 2)]
        relations = [self.relation(pair) for pair in pairs]
        affine = [r for r in relations if r is not None and all(len(m) < 2 for m in r)]
        others = [r for r in relations if r is not None and any(len(m) > 1 for m in r)]
        return bool(affine) and not others

    def relation(self, index: Index) -> Polynomial | None:
        """l_I as a polynomial in the scores whose coefficients are free of the sample."""
        if len(index) < 2:
            return None
        if index not in self._relations:
            self._relations[index] = None
            self._relations[index] = self._second(index) if len(index) == 2 else self._higher(index)
        return self._relations[index]

    def _higher(self, index: Index) -> Polynomial | None:
        for i, j in itertools.combinations(range(len(index)), 2):
            head = (index[i], index[j])
            relation = self.relation(head)
            if relation is None:
                continue
            rest = [k for at, k in enumerate(index) if at not in (i, j)]
            for k in rest:
                relation = self._differentiated(relation, k)
            return {m: c for m, c in ((m, tidy(c)) for m, c in relation.items()) if c != 0}
        return None

    def _differentiated(self, polynomial: Polynomial, k: int) -> Polynomial:
        result: Polynomial = {}
        for monomial, c in polynomial.items():
            _add(result, monomial, derivative(c, self.symbols[k]))
            for at, index in enumerate(monomial):
                grown = (*monomial[:at], _sorted_index((*index, k)), *monomial[at + 1 :])
                for other, d in self._expanded(_sorted(grown)).items():
                    _add(result, other, c * d)
        return result

    def _second(self, index: Index) -> Polynomial | None:
        if self._points is None:
            self._points = sample_points(self.declaration)
        value = sp.expand(self.derivative(index))
        if not value.free_symbols & self.samples and not self._lasting([value]):
            return None
        if not value.free_symbols & self.samples:
            return {(): tidy(value)} if value != 0 else {}
        i, j = index
        if is_zero(value + self.derivative((i,)) * self.derivative((j,)), self._points):
            return {_sorted(((i,), (j,))): sp.Integer(-1)}
        return self._affine(value)

    def _affine(self, value: sp.Expr) -> Polynomial | None:
        """Solve value = c_0 + sum c_k l_k with coefficients free of the sample."""
        target = self._separated(value)
        if target is None:
            return None
        scores = [self._separated(sp.expand(self.derivative((k,)))) for k in range(self._count)]
        usable = [(k, s) for k, s in enumerate(scores) if s is not None and set(s) - {sp.S.One}]
        statistics = {t for _, s in usable for t in s} | set(target)
        if not set(target) - {sp.S.One} <= {t for _, s in usable for t in s}:
            return None
        if len(statistics) > _STATISTICS:
            return None
        rows = sorted(statistics - {sp.S.One}, key=sp.default_sort_key)
        unknowns = sp.symbols(f"a:{len(usable)}", cls=sp.Dummy)
        equations = [
            sp.Add(*(u * s.get(t, 0) for u, (_, s) in zip(unknowns, usable, strict=True)))
            - target.get(t, 0)
            for t in rows
        ]
        solution = sp.solve(equations, unknowns, dict=True) if equations else []
        if not solution or any(u not in solution[0] for u in unknowns):
            return None
        found = [tidy(solution[0][u]) for u in unknowns]
        constant = tidy(
            target.get(sp.S.One, sp.Integer(0))
            - sp.Add(*(c * s.get(sp.S.One, 0) for c, (_, s) in zip(found, usable, strict=True)))
        )
        if not self._lasting([*found, constant]):
            return None
        result: Polynomial = {(): constant}
        for c, (k, _) in zip(found, usable, strict=True):
            result[((k,),)] = c
        return {m: c for m, c in result.items() if c != 0}

    def _lasting(self, coefficients: Sequence[sp.Expr]) -> bool:
        """Whether coefficients may be differentiated as well, as tensors will be."""
        return all(differentiates(c, self.declaration.parameters) for c in coefficients)

    @property
    def _count(self) -> int:
        return len(self.declaration.parameters)

    def _separated(self, expr: sp.Expr) -> dict[sp.Expr, sp.Expr] | None:
        """Coefficients by statistics; a statistic may contain parameters too."""
        result: dict[sp.Expr, sp.Expr] = {}
        for term in sp.Add.make_args(expr):
            coefficient, statistic = term.as_independent(*self.samples, as_Add=False)
            result[statistic] = result.get(statistic, sp.Integer(0)) + coefficient
            if len(result) > _STATISTICS:
                return None
        return result


def _is_log_abs(expr: sp.Basic) -> bool:
    return isinstance(expr, sp.log) and isinstance(expr.args[0], sp.Abs)


def _jump_conditions(expr: sp.Basic) -> Iterator[sp.Basic]:
    for node in expr.atoms(*_JUMPS):
        if isinstance(node, sp.Piecewise):
            yield from (pair.cond for pair in node.args)
        else:
            yield node.args[0]


def _partitions(index: Index) -> Iterator[Monomial]:
    """All partitions of positions into blocks, as sorted multi-indices."""
    if not index:
        yield ()
        return
    first, rest = index[0], index[1:]
    for partition in _partitions(rest):
        yield ((first,), *partition)
        for at, block in enumerate(partition):
            grown = _sorted_index((first, *block))
            yield (*partition[:at], grown, *partition[at + 1 :])


def _sorted(blocks: tuple[Index, ...]) -> Monomial:
    return tuple(sorted(blocks, key=lambda b: (len(b), b)))


def _sorted_index(index: Index) -> Index:
    return tuple(sorted(index))


def _add(target: Polynomial, monomial: Monomial, value: sp.Expr) -> None:
    target[monomial] = target.get(monomial, sp.Integer(0)) + value
