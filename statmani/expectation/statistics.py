"""Moments of sufficient statistics: recursions and shifts of natural parameters.

For a full exponential family log p = eta . T + h - psi with J_im = d_i eta_m,

    E[T_m f] = mu_m E[f] + sum_i (J^-1)_mi d_i E[f]           (f free of theta),
    E_theta[exp(t . T) f] = exp(psi(theta') - psi(theta)) E_theta'[f]

with eta(theta') = eta(theta) + t;

Barndorff-Nielsen (1978), *Information and Exponential Families*, sections 8.1 and 8.2. Gaussian
densities take any quadratic exponent by completing the square.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import sympy as sp

from statmani.declaration import Declaration
from statmani.domain import Domain
from statmani.expectation.exponential import (
    Separation,
    minimal,
    open_piecewise,
    separate,
    solve_means,
)
from statmani.expectation.inversion import inverted
from statmani.expectation.means import gaussian_means
from statmani.expectation.normalise import Signs, expand_shallow, normalise
from statmani.expectation.shorten import tidy_positive
from statmani.expectation.tidy import tidy

__all__ = ["Shifted", "StatisticMoments", "exp_of", "gaussian_shift", "split_exponent"]

Powers = tuple[int, ...]


@dataclass(frozen=True)
class Shifted:
    """A value with the expressions that must be positive for it to hold."""

    value: sp.Expr
    conditions: tuple[sp.Expr, ...] = ()


def split_exponent(
    term: sp.Expr, samples: set[sp.Symbol], signs: Signs
) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """(coefficient, log of the positive factors that are no polynomials, the rest)."""
    coefficient, moving = term.as_independent(*samples, as_Add=False)
    exponent: sp.Expr = sp.Integer(0)
    rest: sp.Expr = sp.Integer(1)
    for factor in sp.Mul.make_args(moving):
        base, power = factor.as_base_exp()
        if isinstance(factor, sp.exp):
            exponent += factor.args[0]
        elif (not power.is_Integer or power < 0) and signs.of(base) > 0:
            exponent += power * sp.log(base)
        else:
            rest *= factor
    return coefficient, exponent, rest


def gaussian_shift(
    ell: sp.Expr, exponent: sp.Expr, rest: sp.Expr, declaration: Declaration
) -> Shifted | None:
    """E[exp(exponent) rest] for a quadratic exponent under a quadratic log density."""
    if any(
        v.discrete or v.lower is not sp.S.NegativeInfinity or v.upper is not sp.S.Infinity
        for v in declaration.variables
    ):
        return None
    xs = [v.symbol for v in declaration.variables]
    total = expand_shallow(ell + exponent)
    quadratic = total.as_poly(*xs)
    if quadratic is None or quadratic.total_degree() != 2:
        return None
    mean = gaussian_means(total, [rest], declaration)
    if mean is None:
        return None
    precision = sp.Matrix(len(xs), len(xs), lambda i, j: -quadratic.diff(xs[i], xs[j]).as_expr())
    zero = {x: sp.Integer(0) for x in xs}
    linear = sp.Matrix([quadratic.diff(x).as_expr().xreplace(zero) for x in xs])
    determinant = tidy(precision.det(method="berkowitz"))
    height = (linear.T * precision.adjugate() * linear)[0] / (2 * determinant)
    level = sp.Add.make_args(total.xreplace(zero))
    # Logarithms stay as they are: log(-a) of a negative a must not become log(a) + i pi.
    constant = tidy(height + sp.Add(*(e for e in level if not e.has(sp.log))))
    constant += sp.Add(*(e for e in level if e.has(sp.log)))
    scale = (2 * sp.pi) ** sp.Rational(len(xs), 2) / sp.sqrt(determinant)
    minors = tuple(tidy(precision[:k, :k].det(method="berkowitz")) for k in range(1, len(xs) + 1))
    # A linear exponent leaves the precision as it is.
    added = sp.sympify(exponent).as_poly(*xs)
    linear_only = added is not None and added.total_degree() < 2
    return Shifted(exp_of(constant) * scale * mean[0], () if linear_only else minors)


def exp_of(exponent: sp.Expr) -> sp.Expr:
    """exp of a sum, with logarithms as powers and the rest tidied."""
    product: sp.Expr = sp.Integer(1)
    rest: sp.Expr = sp.Integer(0)
    for term in sp.Add.make_args(sp.expand(exponent)):
        logs = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.log)]
        if len(logs) == 1:
            product *= logs[0].args[0] ** (term / logs[0])
        elif term.as_coeff_Mul()[0].is_Integer and isinstance(term.as_coeff_Mul()[1], sp.loggamma):
            power, special = term.as_coeff_Mul()
            product *= sp.gamma(special.args[0]) ** power
        else:
            rest += term
    return product * sp.exp(tidy(rest) if not rest.has(sp.loggamma) else rest)


@dataclass
class StatisticMoments:
    """Means of products of the sufficient statistics of a full exponential family.

    Attributes
    ----------
    declaration : Declaration
    separation : Separation
        Minimal, with as many statistics as parameters.
    means : list of Expr
    """

    declaration: Declaration
    separation: Separation
    means: list[sp.Expr]
    _inverse: sp.Matrix = field(repr=False, default_factory=lambda: sp.zeros(0, 0))
    _memo: dict[Powers, sp.Expr] = field(repr=False, default_factory=dict)

    @classmethod
    def of_some(cls, ell: sp.Expr, declaration: Declaration) -> StatisticMoments | None:
        """Like :meth:`of`, if need be with all parameters but one taken as constants."""
        found = cls.of(ell, declaration)
        if found is not None or declaration.domain.dim < 2:
            return found
        for axis in declaration.domain.axes:
            others = tuple(t for t in declaration.parameters if t != axis.symbol)
            if (axis.lower.free_symbols | axis.upper.free_symbols) & set(others):
                continue
            part = replace(
                declaration,
                domain=Domain((axis,)),
                constants=(*declaration.constants, *others),
            )
            found = cls.of(ell, part)
            if found is not None:
                return found
        return None

    @classmethod
    def of(cls, ell: sp.Expr, declaration: Declaration) -> StatisticMoments | None:
        """For a normalised log density, or None when the family is no full exponential one."""
        separation = separate(open_piecewise(ell, declaration), declaration)
        if separation is None:
            return None
        separation = minimal(separation, declaration)
        thetas = declaration.parameters
        if len(separation.natural) != len(thetas):
            return None
        means = solve_means(separation, declaration)
        if means is None:
            return None
        n = len(thetas)
        jacobian = sp.Matrix(n, n, lambda i, m: separation.natural[m].diff(thetas[i]))
        inverse = jacobian.inv(method="ADJ").applyfunc(tidy)
        return cls(declaration, separation, means, inverse)

    def mean(self, term: sp.Expr, signs: Signs) -> Shifted | None:
        """E of coefficient * product of statistics * exponential of a combination of them."""
        samples = {v.symbol for v in self.declaration.variables}
        coefficient, moving = term.as_independent(*samples, as_Add=False)
        powers, rest = self._powers(moving)
        if rest == 1:
            return Shifted(coefficient * self._moment(powers))
        exponent = normalise(sp.log(rest), self.declaration, signs)
        shift = self._combination(exponent)
        if shift is None:
            return None
        return self._shifted(coefficient * sp.exp(shift[1]), powers, shift[0], signs)

    def _powers(self, expr: sp.Expr) -> tuple[Powers, sp.Expr]:
        """Greatest nonnegative powers of the statistics that divide a product, and the rest."""
        powers = [0] * len(self.separation.statistics)
        for m, statistic in enumerate(self.separation.statistics):
            factors = _factors(statistic)
            while factors:
                have = _factors(expr)
                if powers[m] <= 12 and all(
                    base in have and (have[base] / power).is_Rational and (have[base] / power) >= 1
                    for base, power in factors.items()
                ):
                    expr = expr / statistic
                    powers[m] += 1
                    continue
                break
            if powers[m] > 12:
                return tuple(powers), sp.nan
        return tuple(powers), expr

    def _moment(self, powers: Powers) -> sp.Expr:
        if not any(powers):
            return sp.Integer(1)
        if powers not in self._memo:
            m = next(k for k, e in enumerate(powers) if e)
            lower = tuple(e - (k == m) for k, e in enumerate(powers))
            inner = self._moment(lower)
            value = self.means[m] * inner + sp.Add(
                *(
                    self._inverse[m, i] * inner.diff(t)
                    for i, t in enumerate(self.declaration.parameters)
                )
            )
            self._memo[powers] = tidy(value)
        return self._memo[powers]

    def _combination(self, exponent: sp.Expr) -> tuple[list[sp.Expr], sp.Expr] | None:
        """Coefficients t and constant c with exponent = t . T + c."""
        samples = {v.symbol for v in self.declaration.variables}
        shift = [sp.Integer(0)] * len(self.separation.statistics)
        constant = sp.Integer(0)
        for term in sp.Add.make_args(expand_shallow(exponent)):
            factor, moving = term.as_independent(*samples, as_Add=False)
            if moving == 1:
                constant += factor
                continue
            for m, statistic in enumerate(self.separation.statistics):
                ratio = sp.cancel(moving / statistic) if moving != statistic else sp.Integer(1)
                if not ratio.free_symbols & samples:
                    shift[m] += factor * ratio
                    break
            else:
                return None
        return shift, constant

    def _shifted(
        self, scale: sp.Expr, powers: Powers, shift: Sequence[sp.Expr], signs: Signs
    ) -> Shifted | None:
        thetas = self.declaration.parameters
        natural = self.separation.natural
        new = [sp.Symbol(f"n{i}", **t.assumptions0) for i, t in enumerate(thetas)]
        rename = dict(zip(thetas, new, strict=True))
        equations = [e.xreplace(rename) - e - t for e, t in zip(natural, shift, strict=True)]
        solution = _solve(equations, new)
        if solution is None:
            return None
        back = {t: solution[n] for t, n in rename.items()}
        conditions = []
        for axis in self.declaration.domain.axes:
            for low, high in ((axis.lower, axis.symbol), (axis.symbol, axis.upper)):
                if low.is_infinite or high.is_infinite or axis.periodic:
                    continue
                conditions.append(tidy((high - low).xreplace(back)))
        potential = self.separation.potential
        difference = potential.xreplace(back) - potential
        ratio = tidy_positive(exp_of(normalise(difference, self.declaration, signs)), signs)
        moment = self._moment(powers).xreplace(back)
        return Shifted(scale * ratio * moment, tuple(c for c in conditions if not c.is_positive))


def _factors(product: sp.Expr) -> dict[sp.Expr, sp.Expr]:
    """Powers by base; exp(2 x) is a power of exp(x), and numbers do not count."""
    powers: dict[sp.Expr, sp.Expr] = {}
    for factor in sp.Mul.make_args(product):
        if isinstance(factor, sp.exp):
            power, rest = factor.args[0].as_coeff_Mul()
            base: sp.Expr = sp.exp(rest)
        else:
            base, power = factor.as_base_exp()
        if not base.is_number:
            powers[base] = powers.get(base, sp.Integer(0)) + power
    return powers


def _solve(
    equations: Sequence[sp.Expr], unknowns: Sequence[sp.Symbol]
) -> dict[sp.Symbol, sp.Expr] | None:
    """One equation and one unknown after the other; no general solver."""
    left, missing = list(equations), list(unknowns)
    solution: dict[sp.Symbol, sp.Expr] = {}
    while missing:
        for equation in left:
            present = [u for u in missing if equation.has(u)]
            if len(present) == 1:
                roots = _roots(equation, present[0])
                if len(roots) != 1:
                    return None
                solution[present[0]] = roots[0]
                missing.remove(present[0])
                left = [sp.expand_log(e.xreplace(solution)) for e in left if e is not equation]
                break
        else:
            return None
    return solution


def _roots(equation: sp.Expr, unknown: sp.Symbol) -> list[sp.Expr]:
    """Solutions that the unknown's sign allows, for one occurrence or a rational equation."""
    single = inverted(equation, unknown, sp.Integer(0))
    if single is not None:
        return [single]
    joined = sp.logcombine(equation, force=True)
    logs = [a for a in joined.atoms(sp.log) if a.has(unknown)]
    if len(logs) == 1:
        mark = sp.Dummy("w", real=True)
        level = inverted(joined.xreplace({logs[0]: mark}), mark, sp.Integer(0))
        if level is None or level.has(unknown):
            return []
        equation = logs[0].args[0] - exp_of(level)
    polynomial = sp.numer(sp.together(equation)).as_poly(unknown)
    if polynomial is None or polynomial.degree() != 1:
        return []
    a, b = polynomial.all_coeffs()
    return [tidy(-b / a)]
