"""Polynomials in two neighbouring Bessel functions by derivatives of their ratio.

With A = I_{v+1}/I_v and A' = 1 - A^2 - (2v + 1) A/x, a homogeneous polynomial of degree d in both
is I_v^d times a unique combination of 1, A, A', ..., A^(d-1) with coefficients in x. Tensors of the
von Mises kind are such combinations, and at large x the powers of A cancel where these do not.
"""

from __future__ import annotations

import ast
from fractions import Fraction
from typing import Any, NamedTuple, final

__all__ = ["ratio_forms"]

# A sum of products of powers of names.
Monomial = tuple[tuple[str, int], ...]
Polynomial = dict[Monomial, Fraction]
# Coefficients by the power of A.
ByPower = dict[int, Polynomial]

_LONGEST = 40
_HIGHEST = 5


class Ratio(NamedTuple):
    """Names of I_v(x), I_{v+1}(x) and x, with v."""

    lower: str
    upper: str
    argument: str
    order: Fraction


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    """The product of two polynomials."""
    result: Polynomial = {}
    for m, c in a.items():
        for n, d in b.items():
            powers = dict(m)
            for name, e in n:
                powers[name] = powers.get(name, 0) + e
            key = tuple(sorted((name, e) for name, e in powers.items() if e))
            result[key] = result.get(key, Fraction(0)) + c * d
    return {m: c for m, c in result.items() if c}


def plus(a: Polynomial, b: Polynomial, factor: Fraction) -> Polynomial:
    """a + factor b."""
    result = dict(a)
    for m, c in b.items():
        result[m] = result.get(m, Fraction(0)) + factor * c
    return {m: c for m, c in result.items() if c}


def _derivatives(ratio: Ratio, count: int) -> list[ByPower]:
    """A, A', A'', ... as polynomials in A."""
    x = ratio.argument

    def by_x(polynomial: Polynomial) -> Polynomial:
        result: Polynomial = {}
        for monomial, c in polynomial.items():
            e = dict(monomial).get(x, 0)
            result = plus(result, times({monomial: c * e}, {((x, -1),): Fraction(1)}), Fraction(1))
        return result

    one: Polynomial = {(): Fraction(1)}
    made: list[ByPower] = [{1: one}]
    while len(made) < count:
        following: ByPower = {}
        for j, c in made[-1].items():
            steps = [
                (j, by_x(c)),
                (j - 1, times(c, {(): Fraction(j)})),
                (j + 1, times(c, {(): Fraction(-j)})),
                (j, times(c, {((x, -1),): -j * (2 * ratio.order + 1)})),
            ]
            for k, part in steps:
                following[k] = plus(following.get(k, {}), part, Fraction(1))
        made.append({k: c for k, c in following.items() if c})
    return made


def _split(polynomial: Polynomial, ratio: Ratio) -> tuple[int, ByPower] | None:
    """Degree and coefficients by the power of A, if the polynomial is homogeneous."""
    degree: int | None = None
    result: ByPower = {}
    for monomial, c in polynomial.items():
        powers = dict(monomial)
        low, high = powers.pop(ratio.lower, 0), powers.pop(ratio.upper, 0)
        if degree is None:
            degree = low + high
        if degree != low + high:
            return None
        result[high] = plus(result.get(high, {}), {tuple(powers.items()): c}, Fraction(1))
    return None if degree is None else (degree, result)


def _text(c: Fraction, factors: list[tuple[str, int]]) -> str:
    above = [n if e == 1 else f"{n}**{e}" for n, e in factors if e > 0]
    below = [n if e == -1 else f"{n}**{-e}" for n, e in factors if e < 0]
    if abs(c) != 1 or not above:
        above.insert(0, repr(float(abs(c))))
    return ("-" if c < 0 else "") + "*".join(above) + "".join(f"/{text}" for text in below)


def ratio_terms(
    polynomial: Polynomial, ratio: Ratio, names: list[str]
) -> tuple[list[str], list[str], str] | None:
    """Terms of two sums of a polynomial over a power of I_v, and that power.

    The second sum is in powers of A; None if there is one sum only. `names` are those of
    1 - A, A, A', A'', ...
    """
    split = _split(polynomial, ratio)
    if split is None or len(polynomial) < 2:
        return None
    degree, left = split
    if not 1 <= degree <= _HIGHEST:
        return None
    basis = _derivatives(ratio, degree)
    found: list[Polynomial] = [{} for _ in range(degree + 1)]
    for j in range(degree, 0, -1):
        (lead,) = basis[j - 1][j].values()
        scaled = times(left.get(j, {}), {(): 1 / lead})
        found[j] = scaled
        for k, part in basis[j - 1].items():
            left[k] = plus(left.get(k, {}), times(scaled, part), Fraction(-1))
    found[0] = left.get(0, {})
    terms: list[str] = []
    # c + e A with c and e of opposite signs is c + e less e (1 - A).
    for monomial in [m for m in found[0] if found[0][m] * found[1].get(m, Fraction(0)) < 0]:
        e = found[1].pop(monomial)
        found[0] = plus(found[0], {monomial: Fraction(1)}, e)
        terms.append(_text(-e, [*monomial, (names[0], 1)]))
    for k, part in enumerate(found):
        for monomial, c in part.items():
            terms.append(_text(c, [*monomial, (names[k], 1)] if k else list(monomial)))
    old = []
    for monomial, c in polynomial.items():
        factors = [(name, e) for name, e in monomial if name not in ratio[:2]]
        power = dict(monomial).get(ratio.upper, 0)
        old.append(_text(c, [*factors, (names[1], power)] if power else factors))
    if sorted(terms) == sorted(old):
        return None
    return terms, old, _text(Fraction(1), [(ratio.lower, degree)])


@final
class Polynomials:
    """Names of straight-line code as polynomials in earlier ones."""

    def __init__(self) -> None:
        self._known: dict[str, Polynomial] = {}

    def bind(self, name: str, value: ast.expr) -> Polynomial | None:
        """Note what a name stands for; its polynomial, if it is a short one."""
        polynomial = self._read(value)
        if polynomial is not None and len(polynomial) <= _LONGEST:
            self._known[name] = polynomial
            return polynomial
        return None

    def _read(self, node: ast.expr) -> Polynomial | None:
        if isinstance(node, ast.Name):
            return self._known.get(node.id, {((node.id, 1),): Fraction(1)})
        if isinstance(node, ast.Constant):
            value: Any = node.value
            return {(): Fraction(value)} if value else {}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self._read(node.operand)
            return None if inner is None else plus({}, inner, Fraction(-1))
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
            a, b = self._read(node.left), self._read(node.right)
            if a is None or b is None or len(a) * len(b) > 10 * _LONGEST:
                return None
            if isinstance(node.op, ast.Mult):
                return times(a, b)
            return plus(a, b, Fraction(1 if isinstance(node.op, ast.Add) else -1))
        return None


def ratios(calls: dict[str, ast.Call]) -> list[Ratio]:
    """Pairs of neighbouring orders among named calls of one Bessel function of a name."""
    found = []
    orders: dict[str, dict[Fraction, str]] = {}
    for name, call in calls.items():
        order, argument = call.args
        if isinstance(order, ast.Constant) and isinstance(argument, ast.Name):
            value: Any = order.value
            orders.setdefault(argument.id, {})[Fraction(value).limit_denominator(1000)] = name
    for x, group in orders.items():
        if len(group) == 2 and max(group) - min(group) == 1 and min(group) >= 0:
            low = min(group)
            found.append(Ratio(group[low], group[low + 1], x, low))
    return found


def _steadier(
    one: list[str], other: list[str], scale: str, made: list[ast.stmt], known: dict[str, str]
) -> ast.expr:
    """The sum with the smaller terms times a scale; the terms get names first."""
    sums = []
    for texts in (one, other):
        names = []
        for text in texts:
            if text not in known:
                known[text] = f"k{len(known)}"
                made += ast.parse(f"{known[text]} = {text}").body
            names.append(known[text])
        sums.append((" + ".join(names), " + ".join(f"abs({name})" for name in names)))
    (first, size), (second, other_size) = sums
    text = f"(({first}) if {size} <= {other_size} else ({second}))*{scale}"
    return ast.parse(text, mode="eval").body


def ratio_forms(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Straight-line code with its sums of products of neighbouring Bessel functions replaced."""
    calls = {
        ast.unparse(node.targets[0]): node.value
        for node in statements
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "besseli_scaled"
    }
    known = ratios(calls)
    if not known:
        return statements
    polynomials = Polynomials()
    names = {ratio: [f"r{i}_{k}" for k in range(_HIGHEST + 1)] for i, ratio in enumerate(known)}
    result: list[ast.stmt] = []
    terms: dict[str, str] = {}
    start = 0
    for node in statements:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name):
            if target.id in calls:
                start = len(result) + 1
            polynomial = polynomials.bind(target.id, node.value)
            is_sum = isinstance(getattr(node.value, "op", None), (ast.Add, ast.Sub))
            for ratio in known if is_sum and polynomial else ():
                sums = ratio_terms(polynomial or {}, ratio, names[ratio])
                if sums is not None:
                    node.value = _steadier(*sums, result, terms)
                    break
        result.append(node)
    jets: list[ast.stmt] = []
    for ratio, own in names.items():
        call = f"bessel_ratio_jet({float(ratio.order)!r}, {ratio.argument})"
        jets += ast.parse(f"{', '.join(own)} = {call}").body
    return result[:start] + jets + result[start:]
