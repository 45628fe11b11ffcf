"""Strategies for E[f], tried in order: sums, Gaussian, statistics, kernels, integration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import final

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import IntractableExpectation
from statmani.expectation.deadline import OutOfTime
from statmani.expectation.equivariant import IDENTIFIED, identified_mean
from statmani.expectation.integration import Budget, integrate
from statmani.expectation.kernels import Branch, match_kernels, resolve
from statmani.expectation.means import (
    finite_points,
    gaussian_means,
    kernel_mean,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs, expand_shallow, normalise
from statmani.expectation.partial import cases_of, gaussian_partial, partial_moment, split_discrete
from statmani.expectation.shorten import shorten, tidy_positive
from statmani.expectation.sparse import Sparse, exponents
from statmani.expectation.statistics import (
    Shifted,
    StatisticMoments,
    exp_of,
    gaussian_shift,
    split_exponent,
)
from statmani.expectation.tidy import tidy

__all__ = ["Closed", "EntryMoments", "closed_form", "log_mass", "total_mass"]


@dataclass(frozen=True)
class Closed:
    """A closed form, the expressions that must be positive, and how it was found.

    ``nonnegative`` means that f is a nonnegative power, so that E[f] is infinite elsewhere.
    """

    value: sp.Expr
    conditions: tuple[sp.Expr, ...]
    strategy: str
    nonnegative: bool = False


def closed_form(
    declaration: Declaration, working: Declaration, expr: sp.Expr, effort: float
) -> Closed | None:
    """E[expr] by the first strategy that applies.

    Parameters
    ----------
    declaration : Declaration
    working : Declaration
        The same with the further symbols of ``expr`` as axes or constants.
    expr : Expr
    effort : float

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.closed_moments import closed_form
    >>> family = sm.families.poisson().declaration
    >>> closed_form(family, family, family.variables[0].symbol, 0).strategy
    'moments of sufficient statistics'
    """
    points = finite_points(declaration)
    signs = Signs(working)
    ell = normalise(declaration.log_density, working, signs)
    if points is not None:
        return Closed(tidy(sum_finite(ell, expr, points)), (), "finite sum")
    form = normalise(expr, working, signs)
    branches = match_kernels(ell, working, signs)
    found = _Engine(declaration, working, ell, signs, branches).mean(form)
    if found is not None:
        found = replace(found, value=shorten(found.value))
    if found is None and effort > 0:
        smooth = not (ell.has(*_KINKED) or expr.has(*_KINKED))
        value = integrate(working, expr, Budget(4.0 * effort)) if smooth else None
        if value is not None:
            found = Closed(tidy(value), (), "sympy.integrate")
    if found is None:
        constant = identified_mean(declaration, expr)
        found = None if constant is None else Closed(constant, (), IDENTIFIED)
    return found


_KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min)


class _Engine:
    """What the strategies share for one density."""

    def __init__(
        self,
        declaration: Declaration,
        working: Declaration,
        ell: sp.Expr,
        signs: Signs,
        branches: tuple[Branch, ...] | None,
    ) -> None:
        self._declaration, self._working, self._ell, self._signs = declaration, working, ell, signs
        self._samples = {v.symbol for v in declaration.variables}
        self._branches = branches
        self._statistics: StatisticMoments | None = None
        self._tried_statistics = False

    def mean(self, form: sp.Expr) -> Closed | None:
        gaussian = gaussian_means(self._ell, [form], self._working)
        if gaussian is not None:
            return Closed(gaussian[0], (), "Gaussian moments")
        whole = self._kernel_sum(form)
        if whole is not None:
            return whole
        cases = self._with_cases(form)
        if cases is not None:
            return cases
        total: sp.Expr = sp.Integer(0)
        conditions: list[sp.Expr] = []
        strategies: list[str] = []
        for term in sp.Add.make_args(expand_shallow(form)):
            part = self._term(term)
            if part is None:
                return None
            total += part.value
            conditions += part.conditions
            strategies.append(part.strategy)
        value = tidy_positive(total, self._signs)
        return Closed(value, tuple(conditions), "; ".join(dict.fromkeys(strategies)))

    def _term(self, term: sp.Expr) -> Closed | None:
        if not term.free_symbols & self._samples:
            return Closed(term, (), "free of the sample")
        coefficient, exponent, rest = split_exponent(term, self._samples, self._signs)
        if not rest.has(*_KINKED):
            exponent_form = normalise(exponent, self._working, self._signs)
            shifted = gaussian_shift(self._ell, exponent_form, rest, self._working)
            if shifted is not None:
                return _scaled(shifted, coefficient, "Gaussian moments")
        statistics = self._moments_of_statistics()
        if statistics is not None:
            shifted = statistics.mean(term, self._signs)
            if shifted is not None:
                return _scaled(shifted, sp.Integer(1), "moments of sufficient statistics")
        kernel = self._kernel_sum(term)
        if kernel is not None:
            return kernel
        if exponent != 0:
            return self._tilted(coefficient, exponent, rest)
        return None

    def _moments_of_statistics(self) -> StatisticMoments | None:
        if not self._tried_statistics:
            self._tried_statistics = True
            self._statistics = StatisticMoments.of_some(self._ell, self._declaration)
        return self._statistics

    def _kernel_sum(self, form: sp.Expr) -> Closed | None:
        if self._branches is None:
            return None
        sparse = read_on_branches([form], self._branches, self._working)
        if sparse is None:
            return None
        sums = [s[0] for s in sparse]
        value = kernel_mean(sums, self._branches)
        conditions = _conditions(self._branches, sums)
        name = self._branches[0].kernel.name
        return Closed(value, conditions, f"canonical kernel {name}", self._nonnegative(sums))

    def _nonnegative(self, sums: Sequence[Sparse]) -> bool:
        """Whether each sum is one power with a positive coefficient."""
        for total in sums:
            if len(total) != 1:
                return False
            ((_, m, _, n), c), *_ = total.items()
            if m or n or self._signs.of(c) <= 0:
                return False
        return True

    def _tilted(self, coefficient: sp.Expr, exponent: sp.Expr, rest: sp.Expr) -> Closed | None:
        """E[exp(exponent) rest]: the tilted density may match a kernel as well."""
        ell = normalise(self._ell + exponent, self._working, self._signs)
        branches = match_kernels(ell, self._working, self._signs)
        if branches is None:
            return None
        sparse = read_on_branches([rest], branches, self._working)
        if sparse is None:
            return None
        total: sp.Expr = sp.Integer(0)
        for branch, sums in zip(branches, sparse, strict=True):
            mass = total_mass(ell, branch, self._working, self._signs)
            whole = replace(branch, mass=sp.Integer(1))
            total += tidy_positive(mass, self._signs) * kernel_mean([sums[0]], [whole])
        scales = [sp.expand(s) for b in branches for s in b.kernel.shapes]
        conditions = (*_conditions(branches, [s[0] for s in sparse]), *scales)
        slopes = [b.transform.diff(b.variable) for b in branches if b.kernel.name == "gamma"]
        rates = tuple(
            self._signs.of(slope) / slope
            for branch, slope in zip(branches, slopes, strict=False)
            if not slope.has(branch.variable)
        )
        return Closed(
            coefficient * total, (*conditions, *(tidy(r) for r in rates)), "tilted kernel"
        )

    def _with_cases(self, form: sp.Expr) -> Closed | None:
        if not form.has(*_KINKED) or len(self._declaration.variables) != 1:
            return None
        variable = self._declaration.variables[0]
        split = split_discrete(form, self._declaration)
        if split is not None:
            return self._with_exceptions(*split)
        cases = None if variable.discrete else cases_of(form, variable.symbol)
        if cases is None:
            return None
        truncated = gaussian_partial(self._ell, cases, self._declaration)
        if truncated is not None:
            return Closed(truncated, (), "truncated Gaussian moments")
        branches = self._branches
        if branches is None:
            return None

        def read(value: sp.Expr) -> list[Sparse] | None:
            inner = normalise(value, self._working, self._signs)
            found = read_on_branches([inner], branches, self._working)
            return None if found is None else [s[0] for s in found]

        branch = branches[0]
        probe = {branch.variable: sp.Rational(1, 3)}
        direction = self._signs.of(branch.transform.diff(branch.variable).xreplace(probe))
        value = partial_moment(read, cases, branches, (variable.lower, variable.upper), direction)
        if value is None:
            return None
        return Closed(value, (), f"incomplete kernel {branch.kernel.name}")

    def _with_exceptions(
        self, general: sp.Expr, exceptions: Sequence[tuple[sp.Expr, sp.Expr]]
    ) -> Closed | None:
        found = self.mean(normalise(general, self._working, self._signs))
        if found is None:
            return None
        x = self._declaration.variables[0].symbol
        points = [{x: point} for point, _ in exceptions]
        extra = sp.Add(
            *(
                sum_finite(self._ell, difference, [point])
                for point, (_, difference) in zip(points, exceptions, strict=True)
            )
        )
        return Closed(tidy(found.value + extra), found.conditions, f"{found.strategy}; finite sum")


@final
class EntryMoments:
    """Means of several functions under one density, for entries of tensors.

    Parameters
    ----------
    declaration : Declaration
    ell : Expr
        The normalised log density.
    signs : Signs
    branches : tuple of Branch or None
        The matched kernel.
    """

    def __init__(
        self,
        declaration: Declaration,
        ell: sp.Expr,
        signs: Signs,
        branches: tuple[Branch, ...] | None,
    ) -> None:
        self._declaration, self._signs = declaration, signs
        self._engine = _Engine(declaration, declaration, ell, signs, branches)

    def mean(self, function: sp.Expr) -> Closed | None:
        """E[function], or None when no closed form is found."""
        try:
            return self._engine.mean(normalise(function, self._declaration, self._signs))
        except OutOfTime:
            raise
        except IntractableExpectation:
            return None


def _scaled(shifted: Shifted, factor: sp.Expr, strategy: str) -> Closed:
    return Closed(factor * shifted.value, shifted.conditions, strategy)


def _conditions(branches: Sequence[Branch], sums: Sequence[Sparse]) -> tuple[sp.Expr, ...]:
    """Moments continue analytically past where they exist; that must not be returned."""
    found = [
        tidy(e)
        for branch, total in zip(branches, sums, strict=True)
        for key in total
        for e in exponents(branch.kernel, key)
    ]
    return tuple(e for e in dict.fromkeys(found) if not e.is_positive)


def total_mass(ell: sp.Expr, branch: Branch, declaration: Declaration, signs: Signs) -> sp.Expr:
    """The integral of exp(ell) over a branch whose density is a multiple of its kernel's."""
    return exp_of(log_mass(ell, branch, declaration, signs))


def log_mass(ell: sp.Expr, branch: Branch, declaration: Declaration, signs: Signs) -> sp.Expr:
    """Logarithm of :func:`total_mass`, read off at one point of the kernel's variable.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.closed_moments import log_mass
    >>> from statmani.expectation.kernels import match_kernels
    >>> from statmani.expectation.normalise import Signs, normalise
    >>> declaration = sm.families.exponential_rate().declaration
    >>> signs = Signs(declaration)
    >>> ell = normalise(declaration.log_density, declaration, signs)
    >>> branch, = match_kernels(ell, declaration, signs)
    >>> log_mass(ell, branch, declaration, signs)
    0
    """
    u, sample = branch.variable, declaration.variables[0].symbol
    at = sp.Rational(1, 2) if branch.kernel.name == "beta" else sp.Integer(1)
    if branch.folded is not None and branch.fold is not None and branch.inner is not None:
        moved = resolve(ell.xreplace({sample: branch.folded})).xreplace({branch.fold: branch.inner})
    else:
        moved = ell.xreplace({sample: branch.transform})
    slope = branch.transform.diff(u).xreplace({u: at})
    level = normalise(moved.xreplace({u: at}), declaration, signs)
    level += normalise(sp.log(signs.of(slope) * slope), declaration, signs)
    lg, shapes = sp.loggamma, branch.kernel.shapes
    if branch.kernel.name == "gamma":
        return sp.expand(level + at + lg(shapes[0]))
    a, b = shapes
    level += lg(a) + lg(b) - lg(a + b)
    power = a + b - 2 if branch.kernel.name == "beta" else a + b
    return sp.expand(level + power * sp.log(2))
