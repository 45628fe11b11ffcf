"""Forms of log densities whose derivatives neither cancel nor overflow in the tails.

Logarithms of sums become log-sum-exp, whose derivatives are responsibilities; logarithms of the
complementary error function become one function whose derivative is an inverse Mills ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Declaration
from statmani.signs import Bounded, is_positive_on

__all__ = ["stable_form", "stable_sums"]


class LogSumExp(sp.Function):  # type: ignore[misc]
    """log(exp(a_1) + ... + exp(a_m)); the order of arguments is kept."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Derivative: a responsibility."""
        return Softmax(sp.Integer(argindex - 1), *self.args)


class Softmax(sp.Function):  # type: ignore[misc]
    """The responsibility exp(a_k) / sum exp(a_j); the first argument is k."""

    is_positive = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Derivative by an exponent."""
        k, *exponents = self.args
        other = Softmax(sp.Integer(argindex - 2), *exponents)
        return self * (int(argindex - 2 == int(k)) - other)


class LogErfc(sp.Function):  # type: ignore[misc]
    """log(erfc(u))."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Derivative by u."""
        return -2 / sp.sqrt(sp.pi) * InverseMills(self.args[0])


class InverseMills(sp.Function):  # type: ignore[misc]
    """exp(-u^2) / erfc(u)."""

    is_positive = True

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Derivative by u."""
        u = self.args[0]
        return 2 * self * (self / sp.sqrt(sp.pi) - u)


def stable_sums(declaration: Declaration) -> Declaration:
    """The declaration with its stable form, where log p holds the logarithm of a sum of masses.

    Two Poisson masses lambda^x / x! are infinity over infinity in double precision far out.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.stable import stable_sums
    >>> x, p = sp.symbols("x p")
    >>> mass = p * sp.exp(-1) / sp.factorial(x) + (1 - p) * sp.exp(-4) * 4**x / sp.factorial(x)
    >>> family = sm.Family(
    ...     mass, sample={x: sp.S.Naturals0}, parameters={p: sp.Interval.open(0, 1)})
    >>> stable_sums(family.declaration).log_density.func
    LogSumExp
    """
    samples = {v.symbol for v in declaration.variables if v.discrete}
    logarithms = (a.args[0] for a in declaration.log_density.atoms(sp.log))
    if not any(a.is_Add and a.free_symbols & samples for a in logarithms):
        return declaration
    return replace(declaration, log_density=stable_form(declaration))


def stable_form(declaration: Declaration) -> sp.Expr:
    """log p with logarithms of positive sums and of erfc in stable form."""
    samples = {v.symbol for v in declaration.variables}
    continuous = (v for v in declaration.variables if not v.discrete)
    box: tuple[Bounded, ...] = (*declaration.domain.axes, *continuous)

    def positive(factor: sp.Expr) -> bool:
        return bool(factor.is_positive) or is_positive_on(factor, box)

    def opened(node: sp.Expr) -> sp.Expr:
        return _split(node, positive).replace(lambda e: isinstance(e, sp.log), logarithm)

    def logarithm(node: sp.Expr) -> sp.Expr:
        inner = node.args[0]
        if isinstance(inner, sp.erfc):
            return LogErfc(inner.args[0])
        if isinstance(inner, sp.Add) and inner.free_symbols & samples:
            return _error_function(inner) or _sum(inner) or node
        return node

    def _sum(inner: sp.Add) -> sp.Expr | None:
        if not any(a.free_symbols & samples for a in inner.atoms(sp.exp, sp.Pow)):
            return None
        exponents = _exponents(inner.args, sp.factor_terms)
        if exponents is None:
            # The signs of 1 - 1/(1 + exp(-w)) and -t/(t exp(x) + exp(x)) + exp(-x) show in
            # single fractions.
            exponents = _exponents([_denominators_factored(t) for t in inner.args], sp.together)
        if exponents is None:
            return None
        return exponents[0] if len(exponents) == 1 else LogSumExp(*exponents)

    def _exponents(
        terms: Sequence[sp.Expr], tidied: Callable[[sp.Expr], sp.Expr]
    ) -> list[sp.Expr] | None:
        """Logarithms of the terms, those with the same function of the sample added up first."""
        parts: dict[sp.Expr, sp.Expr] = {}
        for term in terms:
            coefficient, moving = term.as_independent(*samples, as_Add=False)
            parts[moving] = parts.get(moving, sp.Integer(0)) + coefficient
        exponents = []
        for moving, coefficient in parts.items():
            exponent: sp.Expr = sp.Integer(0)
            for factor in (
                *sp.Mul.make_args(tidied(coefficient)),
                *moving.as_ordered_factors(),
            ):
                if isinstance(factor, sp.exp):
                    exponent += factor.args[0]
                elif factor.is_positive or is_positive_on(factor, box):
                    exponent += sp.expand_log(sp.log(factor), force=True)
                else:
                    return None
            exponents.append(exponent)
        return exponents

    return declaration.log_density.replace(lambda e: isinstance(e, sp.log), opened)


def _denominators_factored(term: sp.Expr) -> sp.Expr:
    """1/(t exp(x) + exp(x)) as exp(-x)/(t + 1)."""
    return term.replace(
        lambda e: e.is_Pow and e.exp.is_negative and e.base.is_Add,
        lambda e: sp.factor_terms(e.base) ** e.exp,
    )


def _split(node: sp.Expr, positive: Callable[[sp.Expr], bool]) -> sp.Expr:
    """log of a product as a sum over its factors that are proved positive."""
    if not isinstance(node, sp.log):
        # The logarithm of an exponential, or of a number.
        return node
    argument = node.args[0]
    if isinstance(argument, sp.exp):
        return argument.args[0]
    if isinstance(argument, sp.Pow) and positive(argument.base):
        return argument.exp * _split(sp.log(argument.base), positive)
    if not isinstance(argument, sp.Mul):
        return sp.expand_log(node)
    total: sp.Expr = sp.Integer(0)
    rest: sp.Expr = sp.Integer(1)
    for factor in argument.args:
        base = factor.base if factor.is_Pow else factor
        if positive(base):
            total += _split(sp.log(factor), positive)
        else:
            rest *= factor
    return total + (sp.log(rest) if rest != 1 else 0)


def _error_function(inner: sp.Add) -> sp.Expr | None:
    """log(c (1 + erf(u))) or log(c (2 - erfc(u))) for a positive constant c, as log erfc."""
    if len(inner.args) != 2:
        return None
    constant, rest = inner.args
    coefficient, function = rest.as_coeff_Mul()
    if not constant.is_positive or not coefficient.is_real:
        return None
    if isinstance(function, sp.erf) and abs(coefficient) == constant:
        sign = -1 if coefficient == constant else 1
        return sp.log(constant) + LogErfc(sign * function.args[0])
    if isinstance(function, sp.erfc) and 2 * coefficient == -constant:
        return sp.log(-coefficient) + LogErfc(-function.args[0])
    return None


def log_erfc_array(u: np.ndarray) -> np.ndarray:
    """log(erfc(u)) without underflow."""
    from scipy.special import log_ndtr

    result: np.ndarray = np.log(2.0) + log_ndtr(-np.sqrt(2.0) * u)
    return result


def inverse_mills_array(u: np.ndarray) -> np.ndarray:
    """exp(-u^2) / erfc(u) without underflow."""
    from scipy.special import erfcx

    result: np.ndarray = 1.0 / erfcx(u)
    return result


def log_sum_exp_array(*exponents: Any) -> Any:
    """log of the sum of exponentials."""
    largest = exponents[0]
    for e in exponents[1:]:
        largest = np.maximum(largest, e)
    total: Any = 0.0
    for e in exponents:
        total = total + np.exp(e - largest)
    return largest + np.log(total)


def softmax_array(k: Any, *exponents: Any) -> Any:
    """One responsibility."""
    own = exponents[int(k)]
    total: Any = 0.0
    for e in exponents:
        total = total + np.exp(e - own)
    return 1.0 / total


def _log_sum_exp(context: Any, *exponents: Any) -> Any:
    largest = max(exponents)
    return largest + context.log(context.fsum(context.exp(e - largest) for e in exponents))


def _softmax(context: Any, k: Any, *exponents: Any) -> Any:
    largest = max(exponents)
    terms = [context.exp(e - largest) for e in exponents]
    return terms[int(k)] / context.fsum(terms)


#: Double-precision rules by the name of the function.
ARRAY_RULES: dict[str, Callable[..., Any]] = {
    "LogErfc": log_erfc_array,
    "InverseMills": inverse_mills_array,
    "LogSumExp": log_sum_exp_array,
    "Softmax": softmax_array,
}

#: Rules in an mpmath context.
PRECISE_RULES: dict[str, Callable[..., Any]] = {
    "LogErfc": lambda c, u: c.log(c.erfc(u)),
    "InverseMills": lambda c, u: c.exp(-u * u) / c.erfc(u),
    "LogSumExp": _log_sum_exp,
    "Softmax": _softmax,
}
