"""Sines and cosines of the sample: the moment generating function on the imaginary axis.

E[exp(tau A) f] is analytic in the strip of its convergence, which contains the imaginary axis
when E|f| is finite; its real and imaginary part at tau = i are E[cos(A) f] and E[sin(A) f].
Lukacs (1970), *Characteristic Functions*, theorem 7.1.1.
"""

from __future__ import annotations

import sympy as sp
from sympy.simplify.fu import TR8

from statmani.expectation.normalise import Signs

__all__ = ["at_imaginary", "split_waves"]


def split_waves(
    term: sp.Expr, samples: set[sp.Symbol]
) -> list[tuple[sp.Expr, type[sp.Expr] | None, sp.Expr]] | None:
    """Products (rest, sin or cos or None, angle) whose sum is the term.

    None when sines or cosines of the sample stand inside other functions.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.oscillating import split_waves
    >>> x, t = sp.symbols("x t", real=True)
    >>> split_waves(x * sp.cos(t * x), {x})
    [(x, cos, t*x)]
    """
    parts: list[tuple[sp.Expr, type[sp.Expr] | None, sp.Expr]] = []
    for product in sp.Add.make_args(sp.expand(TR8(term))):
        waves = [
            f
            for f in sp.Mul.make_args(product)
            if isinstance(f, (sp.sin, sp.cos)) and f.free_symbols & samples
        ]
        if len(waves) > 1:
            return None
        rest = product / waves[0] if waves else product
        inner = rest.atoms(sp.sin, sp.cos) | (waves[0].args[0].atoms(sp.sin, sp.cos) if waves
                                              else set())  # fmt: skip
        if any(f.free_symbols & samples for f in inner):
            return None
        angle = waves[0].args[0] if waves else sp.Integer(0)
        parts.append((rest, type(waves[0]) if waves else None, angle))
    return parts


def at_imaginary(value: sp.Expr, tau: sp.Symbol, wave: type[sp.Expr], signs: Signs) -> sp.Expr:
    """The real part (for cos) or the imaginary part (for sin) of a value at tau = i."""
    total: sp.Expr = sp.Integer(0)
    for part in sp.Add.make_args(value):
        term = part.xreplace({tau: sp.I})
        flat = _rectangular(term, signs)
        if flat is not None:
            (a, b), (size, angle) = flat
            other = sp.sin(angle) if wave is sp.cos else sp.cos(angle)
            sign = -1 if wave is sp.cos else 1
            total += size * (a * wave(angle) + sign * b * other)
            continue
        polar = _polar(term, signs)
        if polar is None:
            mirrored = part.xreplace({tau: -sp.I})
            total += (term + mirrored) / 2 if wave is sp.cos else (term - mirrored) / (2 * sp.I)
        else:
            total += polar[0] * wave(sp.factor_terms(sp.expand(polar[1])))
    return total


def _rectangular(
    term: sp.Expr, signs: Signs
) -> tuple[tuple[sp.Expr, sp.Expr], tuple[sp.Expr, sp.Expr]] | None:
    """(a + i b) times a polar factor, for one sum whose real part has no sign."""
    sums = [
        f
        for f in sp.Mul.make_args(term)
        if isinstance(f, sp.Add)
        and f.has(sp.I)
        and not any(signs.proves(sign * f.as_real_imag()[0]) for sign in (1, -1))
    ]
    if len(sums) != 1:
        return None
    parts = tuple(sp.expand(e) for e in sums[0].as_real_imag())
    rest = _polar(term / sums[0], signs)
    if rest is None or any(e.has(sp.re, sp.im, sp.I) for e in parts):
        return None
    return (parts[0], parts[1]), (rest[0], sp.factor_terms(sp.expand(rest[1])))


def _polar(expr: sp.Expr, signs: Signs) -> tuple[sp.Expr, sp.Expr] | None:
    """(factor, angle) with expr = factor exp(i angle), both real; None when not known."""
    if not expr.has(sp.I):
        return expr, sp.Integer(0)
    if isinstance(expr, sp.Mul):
        return _polar_product(expr, signs)
    if isinstance(expr, sp.exp):
        real, imaginary = expr.args[0].as_real_imag()
        return sp.exp(real), imaginary
    if isinstance(expr, sp.Pow):
        base, power = expr.as_base_exp()
        if not power.has(sp.I):
            if isinstance(base, sp.Mul) and not power.is_integer:
                return None
            inner = _polar(base, signs)
            if inner is None or (not power.is_integer and signs.of(inner[0]) <= 0):
                return None
            return inner[0] ** power, power * inner[1]
        if not base.has(sp.I) and signs.of(base) > 0:
            real, imaginary = power.as_real_imag()
            return base**real, imaginary * sp.log(base)
        return None
    if expr == sp.I:
        return sp.Integer(1), sp.pi / 2
    if isinstance(expr, sp.Add):
        real, imaginary = (sp.expand(e) for e in expr.as_real_imag())
        if real.has(sp.re, sp.im) or imaginary.has(sp.re, sp.im) or real == 0:
            return None
        square = sp.expand(real**2 + imaginary**2)
        square = sp.expand(square.replace(sp.sin, lambda a: sp.sqrt(1 - sp.cos(a) ** 2))
                           if square.has(sp.sin) else square)  # fmt: skip
        if square.has(sp.Pow) and any(p.base.has(sp.cos) and not p.exp.is_Integer
                                      for p in square.atoms(sp.Pow)):  # fmt: skip
            square = sp.expand(real**2 + imaginary**2)
        size = sp.sqrt(sp.factor(square))
        for sign in (1, -1):
            if signs.proves(sign * real):
                return sign * size, sp.atan(sp.factor(imaginary / real))
        return size, sp.atan2(imaginary, real)
    return None


def _polar_product(product: sp.Mul, signs: Signs) -> tuple[sp.Expr, sp.Expr] | None:
    size: sp.Expr = sp.Integer(1)
    angle: sp.Expr = sp.Integer(0)
    left = list(product.args)
    while left:
        factor = left.pop()
        if isinstance(factor, sp.gamma) and factor.has(sp.I):
            mirrored = sp.gamma(sp.expand(factor.args[0].xreplace({sp.I: -sp.I})))
            if mirrored not in left:
                return None
            left.remove(mirrored)
            size *= _squared(factor.args[0])
            continue
        part = _polar(factor, signs)
        if part is None:
            return None
        size, angle = size * part[0], angle + part[1]
    return size, angle


def _squared(z: sp.Expr) -> sp.Expr:
    """|gamma(z)|^2: DLMF 5.4.3 and 5.4.4 where elementary."""
    real, imaginary = z.as_real_imag()
    if real == 1:
        return sp.pi * imaginary / sp.sinh(sp.pi * imaginary)
    if real == sp.Rational(1, 2):
        return sp.pi / sp.cosh(sp.pi * imaginary)
    return sp.gamma(z) * sp.gamma(real - sp.I * imaginary)
