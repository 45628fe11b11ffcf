"""Steps of a numeric program in an mpmath context: one by one, and bound to what does not move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add, mul
from typing import Any

from statmani.errors import IntractableExpectation
from statmani.expectation.bessel_k import bessel_k
from statmani.expectation.gamma_ratios import RATIO_RULES
from statmani.expectation.powers import bounded_exp, bounded_power
from statmani.expectation.stable import PRECISE_RULES
from statmani.expectation.steps import SPECIAL_RULES, Step

__all__ = ["RELATIONS", "apply_mp", "bound_step"]

Operation = Callable[[Sequence[Any]], Any]
_SMALL_POWER = 64
# Exponents of numbers below a million, for which nothing runs away.
_MODERATE = 20

RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "Equality": lambda a, b: a == b,
    "Unequality": lambda a, b: a != b,
    "StrictLessThan": lambda a, b: a < b,
    "LessThan": lambda a, b: a <= b,
    "StrictGreaterThan": lambda a, b: a > b,
    "GreaterThan": lambda a, b: a >= b,
}


def apply_mp(context: Any, kind: str, a: list[Any]) -> Any:
    """The value of one step."""
    if kind in ("Add", "Mul"):
        return reduce(add if kind == "Add" else mul, a)
    if kind == "exp":
        return bounded_exp(context, a[0])
    if kind == "log":
        return -context.inf if a[0] == 0 else context.log(a[0])
    if kind == "Pow":
        return bounded_power(context, a[0], a[1])
    if kind in RELATIONS:
        return bool(RELATIONS[kind](a[0], a[1]))
    if kind == "piecewise":
        for value, condition in zip(a[::2], a[1::2], strict=True):
            if condition:
                return value
        return context.nan
    table = _MP.get(kind)
    if table is not None:
        return table(context, *a)
    name = {"polygamma": "psi", "Abs": "fabs", "ceiling": "ceil"}.get(kind, kind)
    function = getattr(context, name, None)
    if function is None:
        raise IntractableExpectation(f"no numeric rule for the function {kind}")
    return function(*(int(a[0]), *a[1:]) if kind == "polygamma" else a)


_MP: dict[str, Callable[..., Any]] = {
    "log1p": lambda c, x: -c.inf if x == -1 else c.log1p(x),
    "expm1": lambda c, x: c.mpf(-1) if x == -c.inf else c.expm1(x),
    "one_minus_exp": lambda c, x: c.mpf(1) if x == -c.inf else -c.expm1(x),
    "Heaviside": lambda c, x, half=0.5: half if x == 0 else c.mpf(x > 0),
    "DiracDelta": lambda c, *_: c.mpf(0),
    "KroneckerDelta": lambda c, x, y, *_: c.mpf(x == y),
    "Max": lambda c, *a: max(a),
    "Min": lambda c, *a: min(a),
    "And": lambda c, *a: all(a),
    "Or": lambda c, *a: any(a),
    "Not": lambda c, x: not x,
    "lowergamma": lambda c, a, z: c.gammainc(a, 0, z),
    "uppergamma": lambda c, a, z: c.gammainc(a, z),
    "besselk": bessel_k,
    "LambertW": lambda c, x, k=0: c.lambertw(x, int(k)),
    "ZetaDerivative": lambda c, n, s, a=1: c.zeta(s, a, int(n)),
    **PRECISE_RULES,
    **SPECIAL_RULES,
    **RATIO_RULES,
}


def bound_step(context: Any, step: Step, fixed: Sequence[Any]) -> Operation:
    """A step as a function of all values, prepared for many nodes.

    Parameters
    ----------
    context
    step : Step
    fixed : sequence
        The values of all steps that no node moves; None for the others.
    """
    kind, places = step.kind, step.arguments
    if kind in ("Add", "Mul"):
        return _folded(add if kind == "Add" else mul, places, fixed)
    if kind == "exp":
        return _exponential(context, places[0])
    if kind == "log":
        return _logarithm(context, places[0])
    if kind == "Pow" and fixed[places[1]] is not None:
        return _power(context, places[0], fixed[places[1]])
    rule = _MP.get(kind)
    if rule is not None and kind not in ("Pow", "piecewise", *RELATIONS):
        known = rule
        return lambda values: known(context, *[values[i] for i in places])
    return lambda values: apply_mp(context, kind, [values[i] for i in places])


def _folded(
    operation: Callable[[Any, Any], Any], places: Sequence[int], fixed: Sequence[Any]
) -> Operation:
    still = [fixed[i] for i in places if fixed[i] is not None]
    first, *others = [i for i in places if fixed[i] is None]
    if not still:

        def plain(values: Sequence[Any]) -> Any:
            total = values[first]
            for i in others:
                total = operation(total, values[i])
            return total

        return plain
    constant = reduce(operation, still)

    def shifted(values: Sequence[Any]) -> Any:
        total = operation(constant, values[first])
        for i in others:
            total = operation(total, values[i])
        return total

    return shifted


def _exponential(context: Any, place: int) -> Operation:
    real, exp = context.mpf, context.exp

    def exponential(values: Sequence[Any]) -> Any:
        x = values[place]
        if type(x) is real:
            _, mantissa, exponent, bits = x._mpf_
            if mantissa and exponent + bits < _MODERATE:
                return exp(x)
        return bounded_exp(context, x)

    return exponential


def _logarithm(context: Any, place: int) -> Operation:
    log = context.log

    def logarithm(values: Sequence[Any]) -> Any:
        x = values[place]
        return -context.inf if x == 0 else log(x)

    return logarithm


def _power(context: Any, place: int, exponent: Any) -> Operation:
    real, exp, log = context.mpf, context.exp, context.log
    usual = type(exponent) is real and bool(context.isfinite(exponent))
    if usual and abs(exponent) < _SMALL_POWER and exponent == int(exponent):
        whole = int(exponent)

        def integer(values: Sequence[Any]) -> Any:
            base = values[place]
            if type(base) is real and base._mpf_[1]:
                return base**whole
            return bounded_power(context, base, exponent)

        return integer
    if not usual:
        return lambda values: bounded_power(context, values[place], exponent)

    def power(values: Sequence[Any]) -> Any:
        base = values[place]
        if type(base) is real and base._mpf_[1] and not base._mpf_[0]:
            argument = exponent * log(base)
            _, mantissa, size, bits = argument._mpf_
            if mantissa and size + bits < _MODERATE:
                return exp(argument)
        return bounded_power(context, base, exponent)

    return power
