"""Canonical kernels: substitutions read off log p that turn it into Gamma, Beta or Beta-prime."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.expectation.normalise import Signs, normalise, sample_points
from statmani.expectation.sparse import Converter, Kernel, NotSparse, Sparse, moment, multiply
from statmani.expectation.tidy import is_zero, tidy

__all__ = ["Branch", "match_kernels", "moments_of", "resolve"]

_PROBES = (sp.Rational(2, 7), sp.Rational(17, 5))


@dataclass(frozen=True)
class Branch:
    """One piece of the sample space: x = transform(u), u from a standard density.

    Attributes
    ----------
    mass : Expr
        Probability of the piece.
    transform : Expr
        The sample as an expression of ``variable`` and the parameters.
    variable : Symbol
        u, positive.
    kernel : Kernel
    folded : Expr or None
        The sample as an expression of ``fold``, when it was folded about a point first.
    fold : Symbol or None
    """

    mass: sp.Expr
    transform: sp.Expr
    variable: sp.Symbol
    kernel: Kernel
    folded: sp.Expr | None = None
    fold: sp.Symbol | None = None
    inner: sp.Expr | None = None

    def read(
        self, function: sp.Expr, sample: sp.Symbol, vanishes: Callable[[sp.Expr], bool]
    ) -> Sparse:
        """A function of the sample as a sparse sum in u; NotSparse when it is none."""
        if self.folded is not None and self.fold is not None and self.inner is not None:
            function = resolve(function.xreplace({sample: self.folded}))
            function = function.xreplace({self.fold: self.inner})
        else:
            function = function.xreplace({sample: self.transform})
        ratio = sp.Integer(-1 if self.kernel.name == "beta" else 1)
        converter = Converter(
            self.variable,
            vanishes,
            None if self.kernel.name == "gamma" else ratio,
            single=self.kernel.name == "gamma",
        )
        return converter.convert(function)


def resolve(expr: sp.Expr) -> sp.Expr:
    """Decide kinks after folding: arguments that became multiples of the positive variable."""
    table: dict[sp.Basic, sp.Basic] = {}
    for node in expr.atoms(sp.Abs, sp.sign, sp.Heaviside):
        argument = sp.expand(node.args[0])
        table[node] = node.func(argument, *node.args[1:])
    for node in expr.atoms(sp.core.relational.Relational):
        table[node] = node.func(sp.expand(node.lhs - node.rhs), 0)
    return expr.xreplace(table) if table else expr


def match_kernels(
    ell: sp.Expr, declaration: Declaration, signs: Signs
) -> tuple[Branch, ...] | None:
    """Branches that cover a one-dimensional continuous sample, or None.

    ``ell`` is the normalised log density.
    """
    if len(declaration.variables) != 1 or declaration.variables[0].discrete or declaration.region:
        return None
    variable = declaration.variables[0]
    x = variable.symbol
    points = sample_points(declaration, 3)
    if not ell.has(sp.Abs, sp.sign, sp.Piecewise, sp.Heaviside):
        found = _match(ell, x, variable.lower, variable.upper, declaration, signs, points)
        if found is not None:
            return (Branch(sp.Integer(1), found[0], found[1], found[2]),)
    y = sp.Dummy("y", positive=True)
    wide = signs.with_symbol(y, _PROBES)
    for centre in _centres(ell, x):
        ends = [sp.expand(variable.upper - centre), sp.expand(centre - variable.lower)]
        if ends[0] != ends[1]:
            continue
        pieces: list[Branch] = []
        sides = [resolve(ell.xreplace({x: centre + s * y})) for s in (1, -1)]
        even = is_zero(
            sides[0] - sides[1], [{**point, y: probe} for point in points for probe in _PROBES]
        )
        for sign, side in zip((1, -1), sides, strict=True):
            if sign < 0 and even:
                first = pieces[0]
                mirrored = sp.expand(2 * centre - first.transform)
                pieces.append(replace(first, transform=mirrored, folded=centre - y))
                continue
            form = normalise(side, declaration, wide)
            found = _match(form, y, sp.Integer(0), ends[0], declaration, wide, points)
            if found is None:
                break
            inner, u, kernel, constant = found
            mass = sp.Rational(1, 2) if even else tidy(sp.exp(constant) * kernel.normaliser)
            pieces.append(
                Branch(mass, centre + sign * inner, u, kernel, centre + sign * y, y, inner)
            )
        if len(pieces) == 2:
            return tuple(pieces)
    return None


def _centres(ell: sp.Expr, x: sp.Symbol) -> Iterator[sp.Expr]:
    """Points about which log p may be even, or has its kink."""
    seen: set[sp.Expr] = set()
    inner = [a.args[0] for a in ell.atoms(sp.Abs, sp.sign, sp.Heaviside)]
    inner += [r.lhs - r.rhs for r in ell.atoms(sp.core.relational.Relational)]
    inner += [p.base for p in ell.atoms(sp.Pow)] + [f.args[0] for f in ell.atoms(sp.log)]
    whole = sp.Add(*(t for t in sp.Add.make_args(ell) if t.is_polynomial(x)))
    for argument in [*sorted((a for a in inner if a.has(x)), key=sp.default_sort_key), whole]:
        polynomial = argument.as_poly(x)
        if polynomial is None or polynomial.degree() < 1:
            continue
        if polynomial.degree() > 2 and argument is not whole:
            continue
        coefficients = polynomial.all_coeffs()
        centre = -coefficients[1] / (coefficients[0] * polynomial.degree())
        centre = sp.cancel(centre)
        if not centre.has(x) and centre not in seen:
            seen.add(centre)
            yield centre


def _candidates(
    ell: sp.Expr, x: sp.Symbol, lower: sp.Expr, upper: sp.Expr, w: sp.Symbol
) -> Iterator[tuple[sp.Expr, sp.Expr]]:
    """Pairs (x as an expression of w, w as an expression of x)."""
    seen: set[sp.Expr] = set()

    def offer(inverse: sp.Expr, forward: sp.Expr) -> Iterator[tuple[sp.Expr, sp.Expr]]:
        if inverse not in seen:
            seen.add(inverse)
            yield inverse, forward

    for e in sorted(ell.atoms(sp.exp), key=sp.default_sort_key):
        slope = sp.expand(derivative(e.args[0], x))
        if slope != 0 and not slope.has(x):
            offset = sp.expand(e.args[0] - slope * x)
            yield from offer((sp.log(w) - offset) / slope, e)
            yield from offer((-sp.log(w) - offset) / slope, 1 / e)
    for power in sorted(ell.atoms(sp.Pow), key=sp.default_sort_key):
        base, exponent = power.args
        slope = derivative(base, x)
        if base.has(x) and slope != 0 and not slope.has(x) and not exponent.has(x):
            offset = sp.expand(base - slope * x)
            for e in (exponent, -exponent):
                yield from offer((w ** (1 / e) - offset) / slope, base**e)
    if lower.is_finite is not False and lower is not sp.S.NegativeInfinity:
        yield from offer(lower + w, x - lower)
        if lower == 0:
            yield from offer(sp.sqrt(w), x**2)
            yield from offer(1 / w, 1 / x)
    if upper is not sp.S.Infinity:
        yield from offer(upper - w, upper - x)


def _match(
    ell: sp.Expr,
    x: sp.Symbol,
    lower: sp.Expr,
    upper: sp.Expr,
    declaration: Declaration,
    signs: Signs,
    points: list[dict[sp.Symbol, sp.Expr]],
) -> tuple[sp.Expr, sp.Symbol, Kernel, sp.Expr] | None:
    w = sp.Dummy("u", positive=True)
    table = list(_candidates(ell, x, lower, upper, w))
    while table:
        inverse, forward = table.pop(0)
        found, gap = _try(ell, x, inverse, w, signs, points)
        if gap is not None and gap not in (1, -1):
            again = inverse.xreplace({w: w ** (1 / gap)})
            found, _ = _try(ell, x, again, w, signs, points)
            inverse, forward = again, forward**gap
        if found is None:
            continue
        scale, kernel, constant = found
        if not _range_fits(forward * scale, x, lower, upper, kernel, points[:2]):
            continue
        return inverse.xreplace({w: w / scale}), w, kernel, constant
    return None


def _try(
    ell: sp.Expr,
    x: sp.Symbol,
    inverse: sp.Expr,
    w: sp.Symbol,
    signs: Signs,
    points: list[dict[sp.Symbol, sp.Expr]],
) -> tuple[tuple[sp.Expr, Kernel, sp.Expr] | None, sp.Expr | None]:
    """(scale, kernel, constant) when the density of w is a kernel of scale * w."""

    def vanishes(expr: sp.Expr) -> bool:
        return is_zero(expr, points)

    converter = Converter(w, vanishes)
    slope = derivative(inverse, w)
    try:
        form = converter.convert(ell.xreplace({x: inverse}))
        weight, power, _ = Converter(w, vanishes)._monomial(slope)
    except NotSparse:
        return None, converter.gap
    a = power + 1
    b = rate = constant = sp.Integer(0)
    for key, c in form.items():
        if key == (1, 0, 0, 0):
            rate += c
        elif key == (0, 1, 0, 0):
            a += c
        elif key == (0, 0, 0, 1):
            b += c
        elif key == (0, 0, 0, 0):
            constant += c
        elif not vanishes(tidy(c)):
            return None, None
    sign = signs.of(weight)
    if sign == 0:
        return None, None
    a, b, rate = tidy(a), tidy(b), tidy(rate)
    constant += sp.log(sign * weight)
    if rate != 0 and (b == 0 or vanishes(b)):
        if signs.of(rate) >= 0:
            return None, None
        return (-rate, Kernel("gamma", (a,)), constant - a * sp.log(-rate)), None
    if rate != 0 and not vanishes(rate):
        return None, None
    if converter.ratio is None:
        return None, None
    direction = signs.of(converter.ratio)
    if direction == 0:
        return None, None
    scale = direction * converter.ratio
    kernel = (
        Kernel("beta_prime", (a, tidy(-b - a)))
        if direction > 0
        else Kernel("beta", (a, tidy(b + 1)))
    )
    return (scale, kernel, constant - a * sp.log(scale)), None


def _range_fits(
    forward: sp.Expr,
    x: sp.Symbol,
    lower: sp.Expr,
    upper: sp.Expr,
    kernel: Kernel,
    points: list[dict[sp.Symbol, sp.Expr]],
) -> bool:
    """Whether u runs over the whole range of its kernel as x runs over its support."""
    goal = {0.0, 1.0} if kernel.name == "beta" else {0.0, float("inf")}
    for point in points:
        values = {s: v for s, v in point.items() if s != x}
        u = forward.xreplace(values)
        ends = set()
        for end in (lower, upper):
            value = u.subs(x, end.xreplace(values))
            if value in (sp.oo, sp.zoo, -sp.oo):
                ends.add(float("inf"))
            elif value.is_number and value.is_real:
                ends.add(round(float(value), 9) + 0.0)
        if ends != goal:
            return False
    return True


def moments_of(
    branches: tuple[Branch, ...],
    functions: list[list[Sparse]],
    index: tuple[int, ...],
    cache: dict[Any, Any],
) -> sp.Expr:
    """E of the product of functions[b][i] over i in index, summed over the branches."""
    total: sp.Expr = sp.Integer(0)
    for number, branch in enumerate(branches):
        product = _product(number, functions[number], index, cache)
        for key, c in product.items():
            name = (branch.kernel, key)
            if name not in cache:
                cache[name] = moment(branch.kernel, key)
            total += branch.mass * c * cache[name]
    return total


def _product(
    number: int, functions: list[Sparse], index: tuple[int, ...], cache: dict[Any, Any]
) -> Sparse:
    if len(index) == 1:
        return functions[index[0]]
    name = (number, index)
    found: Sparse | None = cache.get(name)
    if found is None:
        found = multiply(_product(number, functions, index[:-1], cache), functions[index[-1]])
        cache[name] = found
    return found
