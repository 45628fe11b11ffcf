"""Tensors of which some entries have closed forms: each entry by whatever finds it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from typing import final

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.domain import Domain
from statmani.errors import IntractableExpectation, StatmaniError
from statmani.expectation.context import thread_context
from statmani.expectation.deadline import OutOfTime, Progress, run_bounded
from statmani.expectation.engine import EntryMoments
from statmani.expectation.equivariant import orbit_entries
from statmani.expectation.evaluate import Program
from statmani.expectation.exact import Exact
from statmani.expectation.expectation import Expectation
from statmani.expectation.exponential import Tensors
from statmani.expectation.integration import Budget, integrate
from statmani.expectation.kernels import Branch
from statmani.expectation.law import law_of
from statmani.expectation.means import product_indices
from statmani.expectation.nodes import without_max
from statmani.expectation.normalise import Signs
from statmani.expectation.numeric_moments import numeric_mean
from statmani.expectation.open_forms import IDENTITIES, OPEN, product_of_scores, refuse_kinks
from statmani.expectation.order_derivatives import differentiates, is_elementary
from statmani.expectation.reflection import SYMMETRY, reflections
from statmani.expectation.strategies import by_strategies
from statmani.expectation.tidy import tidy
from statmani.signs import is_positive_on

__all__ = ["Labels", "entry_by_entry", "sections"]

Index = tuple[int, ...]
#: The strategy of each entry.
Labels = dict[Index, str]

_SECONDS = 10.0
_LARGEST = 1200
_AGREES = 1e-7
_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min)


class _Enough(OutOfTime):
    """The time for closed forms of single entries is over; the others stay open."""


def entry_by_entry(
    ell: sp.Expr,
    declaration: Declaration,
    signs: Signs,
    branches: tuple[Branch, ...] | None,
    effort: float,
    tried: list[str],
    report: Progress,
) -> tuple[Tensors, Labels]:
    """g and T with closed forms where one is found, and unevaluated expectations elsewhere.

    Parameters
    ----------
    ell : Expr
        The normalised log density.
    declaration : Declaration
    signs : Signs
    branches : tuple of Branch or None
        The matched kernel.
    effort : float
        Scales the time for single entries (10 s of processor time at 1, and 4 s for
        sympy.integrate).
    tried : list of str
        What was tried for all entries together.
    report : callable

    Returns
    -------
    (g, T), labels

    Raises
    ------
    IntractableExpectation
        An entry stays open, and a moving kink forbids unevaluated expectations.
    """
    end = time.thread_time() + (_SECONDS * effort if effort > 0 else _SECONDS)

    def limited(stage: str) -> None:
        report(stage)
        if time.thread_time() > end:
            raise _Enough(stage)

    entries = _Entries(ell, declaration, signs, branches)
    for step in (
        entries.by_reflection,
        entries.by_identities,
        entries.by_sections,
        entries.by_moments,
        lambda stage: entries.by_integration(Budget(4.0 * effort), stage),
    ):
        if not entries.missing:
            break
        left = max(end - time.thread_time(), 0.05)
        try:
            # Cut inside a step too: one moment of many cases may take minutes.
            run_bounded(
                lambda _, step=step: step(limited),  # type: ignore[misc]
                left,
                None,
                processor=True,
            )
        except OutOfTime:
            break
    if entries.missing:
        entries.by_orbit(report)
    if entries.missing:
        refuse_kinks(declaration, _failure(entries.missing[0], tried, effort))
    values = {index: entries.value(index) for index in entries.all}
    n = len(declaration.parameters)
    metric = sp.ImmutableMatrix(n, n, lambda i, j: values[min(i, j), max(i, j)])
    skewness = {(i, j, k): values[i, j, k] for i, j, k in product_indices(n, 3)}
    labels = {index: entries.label(index) for index in entries.all}
    return (metric, skewness), labels


def _failure(index: Index, tried: list[str], effort: float) -> IntractableExpectation:
    label = "g" if len(index) == 2 else "T"
    return IntractableExpectation(
        f"{label}[{','.join(map(str, index))}]: no closed form found. Tried: {'; '.join(tried)}; "
        f"symmetries; identities of Bartlett; moments of single entries; sympy.integrate for "
        f"{4.0 * effort:g} s. "
        "Raise effort, as in manifold(effort=4), declare the density in simpler "
        "coordinates, or fix a parameter as a constant."
    )


def sections(declaration: Declaration) -> Iterator[tuple[Index, Declaration]]:
    """The family with some parameters taken as constants, the largest remaining ones first.

    Expectations do not know which symbols are parameters, so that the tensors of a section are
    entries of the tensors of the family.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.closing import sections
    >>> [kept for kept, _ in sections(sm.families.normal().declaration)]
    [(0,), (1,)]
    """
    axes = declaration.domain.axes
    if declaration.domain.constraints:
        return
    coupled = [(a.lower.free_symbols | a.upper.free_symbols) & set(declaration.parameters)
               for a in axes]  # fmt: skip
    for size in range(len(axes) - 1, 0, -1):
        for kept in itertools.combinations(range(len(axes)), size):
            own = {axes[i].symbol for i in kept}
            if any(coupled[i] - own if i in kept else coupled[i] & own for i in range(len(axes))):
                continue
            frozen = tuple(a.symbol for i, a in enumerate(axes) if i not in kept)
            yield (
                kept,
                replace(
                    declaration,
                    domain=Domain(tuple(axes[i] for i in kept)),
                    constants=(*declaration.constants, *frozen),
                    whole=declaration.domain,
                ),
            )


@final
class _Entries:
    """The entries found so far."""

    def __init__(
        self,
        ell: sp.Expr,
        declaration: Declaration,
        signs: Signs,
        branches: tuple[Branch, ...] | None,
    ) -> None:
        n = len(declaration.parameters)
        self.all: list[Index] = [*product_indices(n, 2), *product_indices(n, 3)]
        self._ell, self._declaration, self._signs = ell, declaration, signs
        self._branches = branches
        self._found: dict[Index, tuple[sp.Expr, str]] = {}
        self._open: dict[Index, sp.Expr] = {}
        law = law_of(declaration)
        self._smooth = not law.jumps(sp.Tuple(*(law.derivative((i,)) for i in range(n))))

    @property
    def missing(self) -> list[Index]:
        """Entries without closed form."""
        return [index for index in self.all if index not in self._found]

    def value(self, index: Index) -> sp.Expr:
        """The closed form, else an unevaluated expectation."""
        if index in self._found:
            return self._found[index][0]
        if index not in self._open:
            self._open[index] = product_of_scores(self._declaration, index)
        return self._open[index]

    def label(self, index: Index) -> str:
        """The strategy."""
        return self._found[index][1] if index in self._found else OPEN

    def _keep(self, index: Index, value: sp.Expr, label: str) -> None:
        finite = not value.has(sp.nan, sp.zoo, sp.oo)
        if finite and differentiates(value, self._declaration.parameters):
            self._found[index] = value, label

    def by_reflection(self, report: Progress) -> None:
        """Zeros by symmetry of the density."""
        found = reflections(self._declaration, without_max(self._declaration.log_density))
        for index in self.missing:
            if any(parities.odd(index) for parities in found):
                self._keep(index, sp.Integer(0), SYMMETRY)
        report("symmetries")

    def by_identities(self, report: Progress) -> None:
        """Products of scores that the identities of Bartlett express without expectations."""
        if not self._smooth:
            return
        for index in self.missing:
            value = product_of_scores(self._declaration, index)
            if value.has(Expectation):
                self._open[index] = value
            else:
                self._keep(index, value, IDENTITIES)
            report(f"identity {index}")

    def by_sections(self, report: Progress) -> None:
        """Tensors of the family with some parameters taken as constants."""
        for kept, section in sections(self._declaration):
            new = [index for index in self.missing if set(index) <= set(kept)]
            if not new:
                continue
            signs = Signs(section)
            found = by_strategies(self._ell, section, signs, self._branches, [], report)
            if found is None:
                continue
            (metric, skewness), strategy = found
            for index in new:
                place = tuple(kept.index(i) for i in index)
                if len(place) == 2:
                    value = metric[place[0], place[1]]
                else:
                    value = skewness.get((place[0], place[1], place[2]), sp.Integer(0))
                self._keep(index, value, strategy)
            report(f"section {kept}")

    def by_moments(self, report: Progress) -> None:
        """Moments of single products."""
        engine = EntryMoments(self._declaration, self._ell, self._signs, self._branches)
        canonical = Exact(self._declaration).tidy
        for index in self.missing:
            report(f"moment {index}")
            for function, rest in self._functions(index):
                if function.count_ops() > _LARGEST or not is_elementary([function]):
                    continue
                closed = engine.mean(function)
                if closed is not None and all(
                    is_positive_on(c, self._declaration.domain.axes) for c in closed.conditions
                ):
                    self._keep(index, canonical(closed.value + rest), closed.strategy)
                    break

    def _functions(self, index: Index) -> Iterator[tuple[sp.Expr, sp.Expr]]:
        """(f, r) with E[f] + r = E of the product of scores.

        g_ij = -E[l_ij] and T_ijk = d_i g_jk + d_j g_ik + d_k g_ij + 2 E[l_ijk], where kinks do
        not move; such derivatives have fewer terms than products.
        """
        thetas = [self._declaration.parameters[i] for i in index]
        zero = sp.Integer(0)
        if self._smooth and len(index) == 2:
            yield -reduce(derivative, thetas, self._ell), zero
        if self._smooth and len(index) == 3:
            i, j, k = index
            faces = [((j, k), thetas[0]), ((i, k), thetas[1]), ((i, j), thetas[2])]
            if all(face in self._found for face, _ in faces):
                rest = sp.Add(*(derivative(self._found[face][0], t) for face, t in faces))
                yield 2 * reduce(derivative, thetas, self._ell), rest
        yield sp.Mul(*(derivative(self._ell, t) for t in thetas)), zero

    def by_integration(self, budget: Budget, report: Progress) -> None:
        """sympy.integrate, each entry within half of the time that is left."""
        ell = self._declaration.log_density
        if ell.has(*_KINKED):
            return
        for index in self.missing:
            if budget.left < 0.2:
                return
            report(f"integral {index}")
            function, rest = next(self._functions(index))
            if not is_elementary([function]):
                continue
            value = integrate(self._declaration, function, Budget(budget.left / 2))
            if value is not None and self._agrees(function, value):
                self._keep(index, tidy(value + rest), "sympy.integrate")

    def by_orbit(self, report: Progress) -> None:
        """Location and scale in front of constants, identified or unevaluated."""
        found = orbit_entries(self._declaration, self.missing, report)
        self._found |= found or {}

    def _agrees(self, product: sp.Expr, value: sp.Expr) -> bool:
        """Whether quadrature gives the same; a wrong integral of another program is no news."""
        declaration = self._declaration
        for point in declaration.domain.interior_points(2, seed=13):
            values = declaration.sample_values()
            values |= dict(zip(declaration.parameters, point, strict=True))
            try:
                (here,) = Program([value], []).bind(thread_context(30), values)([])
                number, size, error = numeric_mean(declaration, product, values)
            except (StatmaniError, ValueError, ArithmeticError):
                return False
            if not abs(here - number) <= (_AGREES + 100 * error) * size:
                return False
        return True
