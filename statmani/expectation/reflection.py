"""Expectations that vanish because a reflection of the sample preserves the density.

If R is an involution of the sample space with p(R x) |R'(x)| = p(x), then E[f] = E[f o R], so
that E[f] = 0 for every f with f o R = -f. Centres are guessed from the density; that it is
preserved, and that a score is even or odd, is proved by exact cancellation or not used.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.expectation.normalise import sample_points
from statmani.expectation.tidy import is_zero, tidy

__all__ = ["SYMMETRY", "Parities", "mean_is_zero", "reflections"]

#: Strategy of an entry that vanishes so.
SYMMETRY = "symmetry of the density"

_CENTRES = 16
_LARGEST = 3000
_HYPERBOLIC = (sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch)
_KINKS = (sp.Piecewise, sp.Heaviside, sp.floor, sp.ceiling)


Map = tuple[Mapping[sp.Symbol, sp.Expr], sp.Expr, tuple[sp.Symbol, ...]]


@final
@dataclass(frozen=True)
class Parities:
    """One reflection, with the sign of each score under it.

    Attributes
    ----------
    signs : tuple of {1, -1, 0}
        Score i is even, odd, or neither.
    """

    signs: tuple[int, ...]

    def odd(self, index: Sequence[int]) -> bool:
        """Whether the product of scores over ``index`` changes sign, so that its mean is 0."""
        return bool(sp.prod([self.signs[i] for i in index]) == -1)


def reflections(declaration: Declaration, ell: sp.Expr) -> list[Parities]:
    """Reflections that preserve the density and under which some score is odd.

    Parameters
    ----------
    declaration : Declaration
    ell : Expr
        log p, almost everywhere differentiable.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.reflection import reflections
    >>> declaration = sm.families.normal().declaration
    >>> [found.signs for found in reflections(declaration, declaration.log_density)]
    [(-1, 1)]
    """
    if not _usable(declaration, ell):
        return []
    found: dict[tuple[int, ...], None] = {}
    scores = [derivative(ell, t) for t in declaration.parameters]
    for there, extra, zs in _maps(declaration, ell):
        signs = _parities(declaration, ell, there, extra, zs, scores)
        if signs is not None and -1 in signs:
            found[signs] = None
            if 0 not in signs and len(zs) == 1:
                break
    return [Parities(signs) for signs in found]


def mean_is_zero(declaration: Declaration, ell: sp.Expr, function: sp.Expr) -> bool:
    """Whether a reflection that preserves the density maps a function to its negative.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.reflection import mean_is_zero
    >>> declaration = sm.families.normal().declaration
    >>> (mean, _), (x,) = declaration.parameters, [v.symbol for v in declaration.variables]
    >>> mean_is_zero(declaration, declaration.log_density, sp.atan(x - mean))
    True
    """
    if not _usable(declaration, ell) or function.has(*_KINKS):
        return False
    return any(
        parity == (-1,)
        for parity in (
            _parities(declaration, ell, there, extra, zs, [function])
            for there, extra, zs in _maps(declaration, ell)
        )
    )


def _usable(declaration: Declaration, ell: sp.Expr) -> bool:
    return not (declaration.region or ell.has(*_KINKS) or ell.count_ops() > _LARGEST)


def _maps(declaration: Declaration, ell: sp.Expr) -> Iterator[Map]:
    one = len(declaration.variables) == 1
    return _one(declaration, ell) if one else _many(declaration, ell)


def _one(declaration: Declaration, ell: sp.Expr) -> Iterator[Map]:
    """x = c + z and x = c e^z, where z -> -z maps the support to itself."""
    (variable,) = declaration.variables
    if variable.values is not None:
        return
    x, low, high = variable.symbol, variable.lower, variable.upper
    z = sp.Dummy("z", real=True)
    turn = sp.expand(high - low) == 2 * sp.pi and _periodic(ell, x)
    for centre in _centres(declaration, ell, x, z, shift=True, line=turn):
        symmetric = (low.is_infinite and high.is_infinite) or sp.expand(
            high + low - 2 * centre
        ) == 0
        whole = not variable.discrete or (2 * centre).is_integer
        if (symmetric or turn) and whole:
            yield {x: centre + z}, sp.Integer(0), (z,)
    if variable.discrete or not low.is_nonnegative:
        return
    for centre in _centres(declaration, ell, x, z, shift=False, line=True):
        symmetric = (low == 0 and high is sp.oo) or sp.expand(low * high - centre**2) == 0
        if symmetric and centre.is_positive:
            yield {x: centre * sp.exp(z)}, z, (z,)


def _periodic(ell: sp.Expr, x: sp.Symbol) -> bool:
    """Whether x occurs only in sines and cosines of itself plus something."""
    mark = sp.Dummy("w")
    angles = {a for a in ell.atoms(sp.sin, sp.cos) if abs(sp.expand(a.args[0]).coeff(x)) == 1}
    angles = {a for a in angles if not sp.expand(a.args[0].diff(x)).has(x)}
    return not ell.xreplace(dict.fromkeys(angles, mark)).has(x)


def _centres(
    declaration: Declaration,
    ell: sp.Expr,
    x: sp.Symbol,
    z: sp.Symbol,
    *,
    shift: bool,
    line: bool,
) -> list[sp.Expr]:
    """Guesses for c: parameters, zeros of arguments, and half-way between two of them."""
    (variable,) = declaration.variables
    form = ell if shift else _spread(ell.xreplace({x: sp.exp(z)}))
    place = x if shift else z
    guesses: list[sp.Expr] = []
    if not line and variable.lower.is_finite and variable.upper.is_finite:
        guesses.append((variable.lower + variable.upper) / 2)
    else:
        guesses.append(sp.Integer(0))
        guesses += _zeros(form, place)
        guesses += [t if shift else sp.log(t) for t in declaration.parameters if
                    shift or t.is_positive]  # fmt: skip
        pairs = itertools.combinations(list(dict.fromkeys(guesses))[:6], 2)
        guesses += [(a + b) / 2 for a, b in pairs]
    guesses = list(dict.fromkeys(guesses))[:_CENTRES]
    if shift:
        return guesses
    return [sp.exp(sp.logcombine(c, force=True)) for c in guesses]


def _zeros(expr: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """Where arguments that are linear in x vanish, and vertices of quadratic ones."""
    inner = [a.args[0] for a in expr.atoms(sp.Function)]
    inner += [p.base for p in expr.atoms(sp.Pow)] + [t for t in [expr] if t.is_polynomial(x)]
    for argument in sorted({a for a in inner if a.has(x)}, key=sp.default_sort_key):
        polynomial = argument.as_poly(x)
        if polynomial is None or polynomial.degree() not in (1, 2):
            continue
        first, second = polynomial.all_coeffs()[:2]
        centre = sp.cancel(-second / (first * polynomial.degree()))
        if not centre.has(x):
            yield sp.expand(centre)


def _many(declaration: Declaration, ell: sp.Expr) -> Iterator[Map]:
    """Reflections of one or all variables about their locations, and exchanges of two."""
    variables = declaration.variables
    xs = [v.symbol for v in variables]
    zs = tuple(sp.Dummy(f"z{i}", real=True) for i in range(len(xs)))
    if any(v.lower.free_symbols & set(xs) or v.upper.free_symbols & set(xs) for v in variables):
        return
    lines = [v.lower.is_infinite and v.upper.is_infinite for v in variables]
    points = sample_points(declaration, 3)
    centres: dict[sp.Symbol, sp.Expr] = {}
    for x in xs:
        slope = derivative(ell, x)
        moving = [t for t in declaration.parameters if is_zero(slope + derivative(ell, t), points)]
        centres[x] = moving[0] if moving else sp.Integer(0)
    about = {x: centres[x] + z for x, z in zip(xs, zs, strict=True)}
    if all(lines):
        yield about, sp.Integer(0), zs
    if len(xs) > 1:
        for x, z, line in zip(xs, zs, lines, strict=True):
            if line:
                yield {x: about[x]}, sp.Integer(0), (z,)


def _parities(
    declaration: Declaration,
    ell: sp.Expr,
    there: Mapping[sp.Symbol, sp.Expr],
    extra: sp.Expr,
    zs: tuple[sp.Symbol, ...],
    functions: Sequence[sp.Expr],
) -> tuple[int, ...] | None:
    """Signs of the functions under z -> -z, when the density is even in z."""
    mirror = {z: -z for z in zs}
    samples = {v.symbol for v in declaration.variables}
    points = []
    for point in sample_points(declaration, 3):
        values = {s: v for s, v in point.items() if s not in there}
        fractions = (sp.Rational(2, 7), sp.Rational(-3, 5), sp.Rational(5, 4))
        points.append({**values, **{z: fractions[i % 3] for i, z in enumerate(zs)}})

    def raw(expr: sp.Expr) -> sp.Expr:
        return expr.xreplace(dict(there))

    def agrees(expr: sp.Expr, sign: int, added: sp.Expr = sp.S.Zero) -> bool:
        """Whether expr + added is even or odd at the points; no more than a filter."""
        form = raw(expr) + added
        return is_zero(form - sign * form.xreplace(mirror), points)

    def proved(form: sp.Expr, sign: int) -> bool:
        opened = _spread(form)
        return _cancels(opened - sign * _spread(opened.xreplace(mirror)))

    if not agrees(ell, 1, extra):
        return None
    whole = _spread(raw(ell)) + extra
    # Even at the fixed point already, so that the gradient decides.
    gradient = [(whole.diff(z), -1) for z in zs]
    if len(samples) > 1:
        gradient += [(whole.diff(x), 1) for x in samples - set(there)]
    if not all(proved(slope, sign) for slope, sign in gradient):
        return None
    signs = []
    for function in functions:
        fits = [sign for sign in (1, -1) if agrees(function, sign)]
        signs.append(next((sign for sign in fits if proved(_spread(raw(function)), sign)), 0))
    return tuple(signs)


def _spread(expr: sp.Expr) -> sp.Expr:
    """Arguments of functions and powers as expanded sums, so that equal ones look equal."""

    def expanded(node: sp.Expr) -> sp.Expr:
        if isinstance(node, _HYPERBOLIC):
            node = node.rewrite(sp.exp)
        if isinstance(node, sp.exp):
            return sp.exp(sp.expand(node.args[0]))
        if isinstance(node, sp.Pow):
            base = sp.expand(node.base)
            return base**node.exp if node.exp.is_Integer else sp.factor_terms(base) ** node.exp
        arguments = [sp.expand(a) if isinstance(a, sp.Expr) else a for a in node.args]
        return node.func(*arguments)

    result: sp.Expr = expr.replace(lambda node: isinstance(node, (sp.Function, sp.Pow)), expanded)
    return result


def _cancels(expr: sp.Expr) -> bool:
    """Whether an expression is zero by exact cancellation of its atoms."""
    if expr == 0:
        return True
    if expr.count_ops() > _LARGEST:
        return False
    return bool(tidy(expr) == 0)
