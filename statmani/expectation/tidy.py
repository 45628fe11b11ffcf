"""Cheap canonical forms of derived expressions: no search, only reductions that always help."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.polys.rings import PolyRing

__all__ = ["is_zero", "shift_special", "tidy"]

_LIMIT = 400


def tidy(expr: sp.Expr) -> sp.Expr:
    """Reduce special functions modulo integer shifts, then cancel as a rational function.

    Atoms (polygamma, log, exp, radicals, sines) are treated as independent generators after
    radicals of one symbol, exponentials and squares of sines have been reduced.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.expectation.tidy import tidy
    >>> k = sp.Symbol("k", positive=True)
    >>> tidy(sp.polygamma(1, k + 1) + 1 / k**2)
    polygamma(1, k)
    """
    if not expr.args:
        return expr
    expr = shift_special(expr)
    fast = _over_parameters(expr)
    if fast is not None:
        return fast
    expr, back = _atomise(expr)
    expr = sp.cancel(sp.together(expr))
    expr = _reduce_trigonometric(expr)
    if sp.count_ops(expr) < _LIMIT:
        expr = sp.factor(expr)
    # Exponents may contain radicals, which were replaced first.
    return expr.xreplace(back).xreplace(back) if back else expr


def _over_parameters(expr: sp.Expr) -> sp.Expr | None:
    """Polynomial in the atoms over the rational functions of the symbols, when it is one.

    Only greatest common divisors in the symbols are needed then, which are far cheaper.
    """
    atoms = set(expr.atoms(sp.Function)) | {
        p for p in expr.atoms(sp.Pow) if not p.exp.is_Integer or p.base.is_number
    }
    atoms |= {c for c in expr.atoms(sp.NumberSymbol) if expr.has(c)}
    if any(isinstance(a, (sp.sin, sp.cos, sp.exp, sp.Pow)) for a in atoms):
        return None
    ordered = sorted(atoms, key=sp.default_sort_key)
    generators = {atom: sp.Dummy(f"a{i}") for i, atom in enumerate(ordered)}
    symbols = sorted(expr.free_symbols, key=lambda s: s.name)
    if not symbols:
        return None
    field = sp.ZZ.frac_field(*symbols)
    target = PolyRing([g.name for g in generators.values()] or ["unused"], field, "lex")
    leaves: dict[sp.Expr, Any] = dict(zip(generators, target.gens, strict=False))
    leaves.update({s: target.ground_new(field.from_sympy(s)) for s in symbols})
    polynomial = _in_ring(expr, leaves, target)
    if polynomial is None:
        return None
    if not polynomial:
        return sp.Integer(0)
    terms = list(polynomial.terms())
    denominator = field.field.ring.one
    for _, c in terms:
        denominator = denominator.lcm(c.denom)
    numerators = [(powers, (c * denominator).numer) for powers, c in terms]
    content = numerators[0][1]
    for _, c in numerators[1:]:
        content = content.gcd(c)
    if numerators[0][1].LC < 0:
        content = -content
    names = list(generators)
    inside = sp.Add(
        *(
            c.exquo(content).as_expr()
            * sp.Mul(*(a**e for a, e in zip(names, powers, strict=False)))
            for powers, c in numerators
        )
    )
    if isinstance(inside, sp.Add) and len(inside.args) < 12:
        inside = sp.factor_terms(inside)
    return sp.factor(content.as_expr() / denominator.as_expr()) * inside


def _in_ring(expr: sp.Expr, known: dict[sp.Expr, Any], target: Any) -> Any:
    """The expression as an element of a polynomial ring, or None; fills ``known``."""
    found = known.get(expr)
    if found is not None:
        return found
    if expr.is_Rational:
        result = target.ground_new(target.domain.from_sympy(expr))
    elif isinstance(expr, (sp.Add, sp.Mul)):
        parts = [_in_ring(a, known, target) for a in expr.args]
        if any(p is None for p in parts):
            return None
        result = parts[0]
        for part in parts[1:]:
            result = result + part if isinstance(expr, sp.Add) else result * part
    elif isinstance(expr, sp.Pow) and expr.exp.is_Integer:
        base = _in_ring(expr.base, known, target)
        if base is None:
            return None
        power = int(expr.exp)
        if power < 0:
            if not base or not base.is_ground:
                return None
            result = target.ground_new(1 / base.LC ** (-power))
        else:
            result = base**power
    else:
        return None
    known[expr] = result
    return result


def shift_special(expr: sp.Expr) -> sp.Expr:
    """Bring polygamma, gamma and besseli to one representative modulo integer shifts."""
    table: dict[sp.Expr, sp.Expr] = {}
    for atom in expr.atoms(sp.polygamma):
        order, argument = atom.args
        base, count = _split(argument, positive_constant=bool(argument.is_number))
        if count and order.is_Integer and abs(count) < 60:
            table[atom] = sp.polygamma(order, base) + (-1) ** order * sp.factorial(order) * _steps(
                base, count, -order - 1
            )
    for atom in expr.atoms(sp.gamma):
        base, count = _split(atom.args[0], positive_constant=True)
        if count and abs(count) < 60:
            factors = (
                [base + j for j in range(count)]
                if count > 0
                else [1 / (base - 1 - j) for j in range(-count)]
            )
            table[atom] = sp.gamma(base) * sp.Mul(*factors)
    for atom in expr.atoms(sp.besseli):
        order, argument = atom.args
        if order.is_Integer and (order < 0 or order >= 2):
            table[atom] = _bessel(int(abs(order)), argument)
    return expr.xreplace(table) if table else expr


def _split(argument: sp.Expr, positive_constant: bool) -> tuple[sp.Expr, int]:
    """argument = base + count with the constant term of base in [0, 1) or (0, 1]."""
    argument = sp.expand(argument)
    constant, rest = argument.as_coeff_Add()
    if not constant.is_Rational:
        return argument, 0
    count = int(sp.ceiling(constant)) - 1 if positive_constant else int(sp.floor(constant))
    return rest + constant - count, count


def _steps(base: sp.Expr, count: int, power: sp.Integer) -> sp.Expr:
    if count > 0:
        return sp.Add(*((base + j) ** power for j in range(count)))
    return -sp.Add(*((base - 1 - j) ** power for j in range(-count)))


def _bessel(order: int, argument: sp.Expr) -> sp.Expr:
    low, high = sp.besseli(0, argument), sp.besseli(1, argument)
    for n in range(1, order):
        low, high = high, low - 2 * n / argument * high
    return high


def _atomise(expr: sp.Expr) -> tuple[sp.Expr, dict[sp.Expr, sp.Expr]]:
    """Replace radicals of symbols and exponentials by free generators."""
    back: dict[sp.Expr, sp.Expr] = {}
    roots: dict[sp.Symbol, int] = {}
    for power in expr.atoms(sp.Pow):
        base, exponent = power.args
        if isinstance(base, sp.Symbol) and exponent.is_Rational and exponent.q > 1:
            roots[base] = int(sp.ilcm(roots.get(base, 1), exponent.q))
    forward: dict[sp.Expr, sp.Expr] = {}
    for symbol, degree in roots.items():
        if symbol.is_positive:
            fresh = sp.Dummy(f"root_{symbol.name}", positive=True)
            forward[symbol] = fresh**degree
            back[fresh] = symbol ** sp.Rational(1, degree)
    keep = {
        f: sp.Dummy(f"keep{i}")
        for i, f in enumerate(sorted(expr.atoms(sp.Function), key=sp.default_sort_key))
        if not isinstance(f, sp.exp) and f.free_symbols & set(forward)
    }
    if forward:
        expr = expr.xreplace(keep).xreplace(forward)
        back.update({dummy: f for f, dummy in keep.items()})
    exponentials = expr.atoms(sp.exp)
    if exponentials:
        expr = _exponentials(expr, exponentials, back)
    return expr, back


def _exponentials(
    expr: sp.Expr, exponentials: set[sp.Expr], back: dict[sp.Expr, sp.Expr]
) -> sp.Expr:
    lattice: dict[sp.Expr, int] = {}
    parts: dict[sp.Expr, list[tuple[sp.Expr, sp.Rational]]] = {}
    for e in exponentials:
        parts[e] = []
        for term in sp.Add.make_args(sp.expand_mul(e.args[0])):
            coefficient, rest = term.as_coeff_Mul()
            if not coefficient.is_Rational:
                coefficient, rest = sp.Integer(1), term
            lattice[rest] = int(sp.ilcm(lattice.get(rest, 1), coefficient.q))
            parts[e].append((rest, coefficient))
    generators: dict[sp.Expr, sp.Symbol] = {}
    for i, rest in enumerate(sorted(lattice, key=sp.default_sort_key)):
        generators[rest] = sp.Dummy(f"exp{i}", positive=True)
        back[generators[rest]] = sp.exp(rest / lattice[rest])
    return expr.xreplace(
        {
            e: sp.Mul(*(generators[rest] ** (c * lattice[rest]) for rest, c in terms))
            for e, terms in parts.items()
        }
    )


def _reduce_trigonometric(expr: sp.Expr) -> sp.Expr:
    angles = sorted({a.args[0] for a in expr.atoms(sp.sin)}, key=sp.default_sort_key)
    for angle in angles:
        s, c = sp.sin(angle), sp.cos(angle)
        numerator, denominator = sp.fraction(expr)
        relation = s**2 + c**2 - 1
        numerator = sp.rem(numerator, relation, s)
        denominator = sp.rem(denominator, relation, s)
        expr = sp.cancel(numerator / denominator)
    return expr


def is_zero(expr: sp.Expr, points: list[dict[sp.Symbol, sp.Expr]]) -> bool:
    """Whether an expression vanishes at all given exact points, to 40 digits."""
    from statmani.expectation.context import thread_context
    from statmani.expectation.evaluate import Program

    if expr.is_zero:
        return True
    if expr.is_number and expr.is_zero is False:
        return False
    context = thread_context(50)
    program = Program([expr, sp.Add(*(sp.Abs(t) for t in sp.Add.make_args(expr)))], [])
    for point in points:
        value, size = program.bind(context, point)([])
        if not abs(value) <= context.mpf(10) ** -38 * (1 + abs(size)):
            return False
    return True
