"""One density and its strategies for E[f]: statistics, Gaussian moments, kernels, cases, waves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import sympy as sp

from statmani.declaration import Declaration
from statmani.domain import Axis, Domain
from statmani.errors import IntractableExpectation
from statmani.expectation.deadline import OutOfTime
from statmani.expectation.incomplete import partial_moment
from statmani.expectation.kernels import Branch, match_kernels
from statmani.expectation.masses import total_mass
from statmani.expectation.means import (
    gaussian_means,
    kernel_mean,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs, expand_shallow, normalise
from statmani.expectation.oscillating import at_imaginary, split_waves
from statmani.expectation.partial import cases_of, gaussian_partial, split_discrete
from statmani.expectation.residues import log_quadratic_mean
from statmani.expectation.shifted_logs import shifted_log_mean
from statmani.expectation.shorten import shorten, tidy_positive
from statmani.expectation.sparse import Sparse, exponents
from statmani.expectation.statistics import (
    Shifted,
    StatisticMoments,
    gaussian_shift,
    split_exponent,
)
from statmani.expectation.tidy import tidy
from statmani.expectation.transformed import transformed_mean

__all__ = ["KINKED", "Closed", "Engine", "EntryMoments", "by_pieces"]


@dataclass(frozen=True)
class Closed:
    """A closed form, the expressions that must be positive, and how it was found.

    ``nonnegative`` means that f is a nonnegative power, so that E[f] is infinite elsewhere.
    """

    value: sp.Expr
    conditions: tuple[sp.Expr, ...]
    strategy: str
    nonnegative: bool = False


_CONTINUED = "analytic continuation of the moments"
_RESIDUES = "residues"
KINKED = (sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise, sp.Max, sp.Min)


class Engine:
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

    @property
    def has_statistics(self) -> bool:
        """Whether moments of sufficient statistics are known."""
        return self._moments_of_statistics() is not None

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
        # These stay as they are: cancelling over one denominator would only lengthen them.
        short = _CONTINUED in strategies or _RESIDUES in strategies
        value = total if short else by_pieces(total, lambda e: tidy_positive(e, self._signs))
        return Closed(value, tuple(conditions), "; ".join(dict.fromkeys(strategies)))

    def _term(self, term: sp.Expr) -> Closed | None:
        if not term.free_symbols & self._samples:
            return Closed(term, (), "free of the sample")
        cases = self._with_cases(term)
        if cases is not None:
            return cases
        coefficient, exponent, rest = split_exponent(term, self._samples, self._signs)
        if not rest.has(*KINKED):
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
            tilted = self._tilted(coefficient, exponent, rest)
            if tilted is not None:
                return tilted
        truncated = self._truncated(term)
        if truncated is not None:
            return truncated
        around = log_quadratic_mean(self._ell, term, self._working, self._signs)
        if around is not None:
            return Closed(around, (), _RESIDUES)
        if self._branches is not None:
            shifted_log = shifted_log_mean(term, self._branches, self._working, self._signs)
            if shifted_log is not None:
                return Closed(shifted_log, (), "canonical kernel beta_prime")
        return self._oscillating(term) if term.has(sp.sin, sp.cos) else None

    def _truncated(self, term: sp.Expr) -> Closed | None:
        """Under a normal density on a part of the line."""
        variable = self._working.variables[0]
        whole = variable.lower is -sp.oo and variable.upper is sp.oo
        if len(self._working.variables) > 1 or variable.discrete or whole or term.has(*KINKED):
            return None
        line = replace(self._working, variables=(replace(variable, lower=-sp.oo, upper=sp.oo),))
        cases = [(term, variable.lower, variable.upper)]
        value = gaussian_partial(self._ell, cases, line, self._signs)
        return None if value is None else Closed(value, (), "truncated Gaussian moments")

    def _oscillating(self, term: sp.Expr) -> Closed | None:
        """E[cos(A) f] and E[sin(A) f] from E[exp(tau A) f]."""
        parts = split_waves(term, self._samples)
        if parts is None or all(wave is None for _, wave, _ in parts):
            return None
        tau = sp.Symbol("e_tau", real=True)
        small = sp.Rational(1, 50)
        axes = (*self._working.domain.axes, Axis(tau, -small, small))
        working = replace(self._working, domain=Domain(axes, self._working.domain.constraints))
        signs = self._signs.with_symbol(tau, (small / 2, -small / 3))
        branches = match_kernels(self._ell, working, signs)
        engine = Engine(self._declaration, working, self._ell, signs, branches)
        total: sp.Expr = sp.Integer(0)
        conditions: list[sp.Expr] = []
        for rest, wave, angle in parts:
            coefficient, rest = rest.as_independent(*self._samples, as_Add=False)
            moving = rest if wave is None else sp.exp(tau * angle) * rest
            part = engine.mean(normalise(moving, working, signs))
            if part is None or part.value.has(sp.Piecewise):
                return None
            value = part.value
            if wave is not None:
                value = at_imaginary(by_pieces(value, shorten), tau, wave, self._signs)
            total += coefficient * value
            # The strip of convergence contains the imaginary axis when it contains zero.
            conditions += [c.xreplace({tau: sp.Integer(0)}) for c in part.conditions]
        return Closed(total, tuple(conditions), _CONTINUED)

    def _moments_of_statistics(self) -> StatisticMoments | None:
        if not self._tried_statistics:
            self._tried_statistics = True
            # Gaussian moments say all that a normal density's statistics could.
            if gaussian_means(self._ell, [sp.Integer(1)], self._working) is None:
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
        if not form.has(*KINKED) or len(self._declaration.variables) != 1:
            return None
        variable = self._declaration.variables[0]
        split = split_discrete(form, self._declaration)
        if split is not None:
            return self._with_exceptions(*split)
        cases = None if variable.discrete else cases_of(form, variable.symbol)
        if cases is None:
            return None
        truncated = gaussian_partial(self._ell, cases, self._working, self._signs)
        if truncated is None:
            truncated = transformed_mean(self._ell, form, self._working, self._signs)
        if truncated is not None:
            return Closed(truncated, (), "truncated Gaussian moments")
        branches = self._branches
        if branches is None:
            return None

        def read(value: sp.Expr) -> list[Sparse] | None:
            inner = normalise(value, self._working, self._signs)
            found = read_on_branches([inner], branches, self._working)
            return None if found is None else [s[0] for s in found]

        probe = sp.Rational(1, 3)
        directions = [
            self._signs.of(b.transform.diff(b.variable).xreplace({b.variable: probe}))
            for b in branches
        ]
        box = self._working.domain.axes
        support = variable.lower, variable.upper
        found = partial_moment(read, cases, branches, support, directions, box)
        if found is None:
            return None
        conditions = tuple(c for c in map(tidy, found[1]) if not c.is_positive)
        return Closed(found[0], conditions, f"incomplete kernel {branches[0].kernel.name}")

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
        self._engine = Engine(declaration, declaration, ell, signs, branches)
        kinked = bool(ell.has(*KINKED))
        # Without a kernel, statistics or cases only slow and hopeless searches would be left.
        self._hopeful = branches is not None or kinked or self._engine.has_statistics

    def mean(self, function: sp.Expr) -> Closed | None:
        """E[function], or None when no closed form is found."""
        if not self._hopeful:
            return None
        try:
            return self._engine.mean(normalise(function, self._declaration, self._signs))
        except OutOfTime:
            raise
        except IntractableExpectation:
            return None


def by_pieces(value: sp.Expr, change: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """The change of a value, or of each piece when it has pieces."""
    if not value.has(sp.Piecewise):
        return change(value)
    folded = sp.piecewise_fold(value)
    if not isinstance(folded, sp.Piecewise):
        return folded
    return sp.Piecewise(*((change(piece), where) for piece, where in folded.args))


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
