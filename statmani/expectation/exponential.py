"""Exponential families: separation, minimal representation, and g, T from first moments.

For log p = eta(theta) . T(x) + h(x) - psi(theta) and mu = E[T] the identities

    g_ij = d_i eta . d_j mu,   Gamma^(1)_{ij,k} = d_ij eta . d_k mu,
    Gamma^(-1)_{ij,k} = d_ij mu . d_k eta,   T = Gamma^(-1) - Gamma^(1)

need no moment beyond the first; a full family gets mu from J^T mu = d psi, J = d eta.
Amari and Nagaoka (2000), sections 2.3 and 3.3-3.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.errors import CertificateError, InvalidFamily, InvalidManifold
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.exact import Exact
from statmani.expectation.normalise import expand_shallow
from statmani.expectation.tidy import tidy

__all__ = [
    "Separation",
    "full_form",
    "jacobian_rank",
    "minimal",
    "open_piecewise",
    "separate",
    "solve_means",
    "tensors_from_means",
]

Tensors = tuple[sp.ImmutableMatrix, dict[tuple[int, int, int], sp.Expr]]


@dataclass(frozen=True)
class Separation:
    """log p = sum of natural[m] * statistics[m] + base - potential."""

    natural: tuple[sp.Expr, ...]
    statistics: tuple[sp.Expr, ...]
    base: sp.Expr
    potential: sp.Expr


def open_piecewise(expr: sp.Expr, declaration: Declaration) -> sp.Expr:
    """Write each Piecewise of the sample as a sum over indicator atoms."""
    variables = {v.symbol for v in declaration.variables}
    table: dict[sp.Expr, sp.Expr] = {}
    for piece in expr.atoms(sp.Piecewise):
        conditions = [c for _, c in piece.args if c is not sp.true]
        if piece.args[-1][1] is not sp.true and conditions:
            conditions = conditions[:-1]
        if all(c.free_symbols <= variables for c in conditions):
            table[piece] = _indicators(piece, declaration)
    return expand_shallow(expr.xreplace(table)) if table else expr


def _indicator(condition: sp.Basic) -> sp.Expr:
    return sp.Piecewise((1, condition), (0, True))


def _indicators(piece: sp.Piecewise, declaration: Declaration) -> sp.Expr:
    discrete = {v.symbol for v in declaration.variables if v.discrete}
    value = piece.args[-1][0]
    for branch, condition in reversed(piece.args[:-1]):
        point = _point_of(condition, discrete)
        difference = branch - value
        if point:
            difference = difference.xreplace(point)
        value = value + _indicator(condition) * difference
    return value


def _point_of(condition: sp.Basic, discrete: set[sp.Symbol]) -> dict[sp.Expr, sp.Expr]:
    if isinstance(condition, sp.Equality) and condition.lhs in discrete:
        return {condition.lhs: condition.rhs}
    return {}


def separate(expr: sp.Expr, declaration: Declaration) -> Separation | None:
    """Split a normalised log p into natural parameters and statistics, or return None."""
    variables = {v.symbol for v in declaration.variables}
    parameters = set(declaration.parameters)
    by_statistic: dict[sp.Expr, sp.Expr] = {}
    by_natural: dict[sp.Expr, sp.Expr] = {}
    base: sp.Expr = sp.Integer(0)
    potential: sp.Expr = sp.Integer(0)
    for term in sp.Add.make_args(expr):
        if not term.free_symbols & variables:
            potential -= term
            continue
        if not term.free_symbols & parameters:
            base += term
            continue
        natural: list[sp.Expr] = []
        statistic: list[sp.Expr] = []
        neutral: list[sp.Expr] = []
        for factor in sp.Mul.make_args(term):
            free = factor.free_symbols
            if free & variables and free & parameters:
                return None
            side = statistic if free & variables else natural if free & parameters else neutral
            side.append(factor)
        eta, t, c = sp.Mul(*natural), sp.Mul(*statistic), sp.Mul(*neutral)
        by_statistic[t] = by_statistic.get(t, sp.Integer(0)) + c * eta
        by_natural[eta] = by_natural.get(eta, sp.Integer(0)) + c * t
    if len(by_natural) < len(by_statistic):
        return Separation(tuple(by_natural), tuple(by_natural.values()), base, potential)
    return Separation(tuple(by_statistic.values()), tuple(by_statistic), base, potential)


def minimal(separation: Separation, declaration: Declaration) -> Separation:
    """Drop natural parameters that are rational affine combinations of others."""
    count = len(separation.natural)
    if count < 2:
        return separation
    context = thread_context(60)
    program = Program(separation.natural, [])
    points = declaration.domain.interior_points(count + 3, seed=11)
    rows = []
    for index, point in enumerate(points):
        values = dict(zip(declaration.parameters, point, strict=True))
        for offset, (symbol, value) in enumerate(declaration.sample_values().items()):
            varied = (
                value + index
                if symbol.is_integer
                else value * sp.Rational(3 + index * (2 + offset), 3 + index)
            )
            values[symbol] = varied
        rows.append(program.bind(context, values)([]))
    columns = [[row[m] - rows[0][m] for row in rows[1:]] for m in range(count)]
    kept: list[int] = []
    reduced: list[tuple[list[Any], int, dict[int, Any]]] = []
    relations: dict[int, dict[int, Any]] = {}
    for m in range(count):
        vector = list(columns[m])
        size = max(abs(v) for v in vector)
        combination: dict[int, Any] = {m: context.mpf(1)}
        for pivot_vector, pivot, parts in reduced:
            factor = vector[pivot] / pivot_vector[pivot]
            vector = [v - factor * w for v, w in zip(vector, pivot_vector, strict=True)]
            for index, value in parts.items():
                combination[index] = combination.get(index, context.mpf(0)) - factor * value
        pivot = max(range(len(vector)), key=lambda i: abs(vector[i]))
        if size == 0 or abs(vector[pivot]) < context.mpf(10) ** -40 * size:
            relations[m] = {i: -c for i, c in combination.items() if i != m}
            continue
        kept.append(m)
        reduced.append((vector, pivot, combination))
    return _apply_relations(separation, declaration, kept, relations, rows[0], context)


def _apply_relations(
    separation: Separation,
    declaration: Declaration,
    kept: list[int],
    relations: dict[int, dict[int, Any]],
    first: list[Any],
    context: Any,
) -> Separation:
    statistics = {m: separation.statistics[m] for m in kept}
    natural = {m: separation.natural[m] for m in kept}
    base = separation.base
    for m, parts in relations.items():
        exact = {i: _rational(c, context) for i, c in parts.items() if i in natural}
        shift = first[m] - sum((parts[i] * first[i] for i in parts), start=0)
        constant = _rational(shift, context)
        if any(value is None for value in exact.values()) or constant is None:
            natural[m], statistics[m] = separation.natural[m], separation.statistics[m]
            continue
        for i, value in exact.items():
            statistics[i] = statistics[i] + value * separation.statistics[m]
        base = base + constant * separation.statistics[m]
    order = sorted(natural)
    return Separation(
        tuple(natural[m] for m in order),
        tuple(statistics[m] for m in order),
        base,
        separation.potential,
    )


def _rational(value: Any, context: Any) -> sp.Rational | None:
    """The rational of small height that a 60-digit number is, if it is one."""
    from fractions import Fraction

    digits = context.nstr(value, 55, strip_zeros=False)
    guess = Fraction(digits).limit_denominator(10**6)
    if abs(value - context.mpf(guess.numerator) / guess.denominator) > context.mpf(10) ** -38 * (
        1 + abs(value)
    ):
        return None
    return sp.Rational(guess.numerator, guess.denominator)


def full_form(ell: sp.Expr, declaration: Declaration) -> Separation | None:
    """The minimal form of a full exponential family, from log p in normal form, or None.

    Raises
    ------
    InvalidFamily
        The family is not identifiable.
    """
    found = separate(open_piecewise(ell, declaration), declaration)
    if found is None:
        return None
    found = minimal(found, declaration)
    n = len(declaration.parameters)
    if len(found.natural) != n or jacobian_rank(found.natural, declaration) != n:
        return None
    return found


def jacobian_rank(natural: Sequence[sp.Expr], declaration: Declaration) -> int:
    """Rank of d eta at a random interior point; a null direction means unidentifiable.

    Raises
    ------
    InvalidFamily
        The rank is smaller than the number of parameters at every sampled point; the message
        names the direction along which the density does not change.
    """
    parameters = declaration.parameters
    program = Program(list(natural), [])
    # Central differences with a tiny step: exact to 50 digits, and no derivative is expanded.
    context = thread_context(90)
    step = context.mpf(10) ** -28
    best, null = -1, None
    for point in declaration.domain.interior_points(2, seed=5):
        values = {**declaration.sample_values(), **dict(zip(parameters, point, strict=True))}
        matrix = context.matrix(len(natural), len(parameters))
        for column, (t, v) in enumerate(zip(parameters, point, strict=True)):
            at = context.mpf(int(v.p)) / int(v.q)
            above, below = (
                program.bind(context, {**values, t: at + sign * step})([]) for sign in (1, -1)
            )
            for row, (high, low) in enumerate(zip(above, below, strict=True)):
                matrix[row, column] = (high - low) / (2 * step)
        gram = matrix.T * matrix
        eigenvalues, vectors = context.eigsy(gram)
        top = max(abs(e) for e in eigenvalues)
        rank = sum(1 for e in eigenvalues if e > top * context.mpf(10) ** -25)
        if rank > best:
            best = rank
            smallest = min(range(len(parameters)), key=lambda i: eigenvalues[i])
            null = (point, [vectors[i, smallest] for i in range(len(parameters))])
    if best < len(parameters) and null is not None:
        point, direction = null
        largest = max(direction, key=abs)
        text = ", ".join(context.nstr(d / largest, 6) for d in direction)
        names = ", ".join(str(declaration.external(t)) for t in parameters)
        raise InvalidFamily(
            f"parameters: the family is not identifiable; at ({names}) = {point} the density does "
            f"not change along the direction ({text}). Remove a parameter or fix it as a constant."
        )
    return best


def solve_means(separation: Separation, declaration: Declaration) -> list[sp.Expr] | None:
    """E[T] of a full family from J^T mu = d psi, exactly."""
    exact = Exact(declaration, [*separation.natural, separation.potential])
    try:
        eta = [exact.element(e) for e in separation.natural]
        psi = exact.element(separation.potential)
        derivative, n = exact.ring.derivative, len(declaration.parameters)
        solution = exact.solve(
            [[derivative(e, i) for e in eta] for i in range(n)],
            [[derivative(psi, i)] for i in range(n)],
        )
        return None if solution is None else [exact.sympy(row[0]) for row in solution]
    except (InvalidManifold, CertificateError):
        return _solve_by_sympy(separation, declaration.parameters)


def _solve_by_sympy(
    separation: Separation, parameters: Sequence[sp.Symbol]
) -> list[sp.Expr] | None:
    jacobian = sp.Matrix(
        len(parameters),
        len(separation.natural),
        lambda i, m: derivative(separation.natural[m], parameters[i]),
    )
    right = sp.Matrix([derivative(separation.potential, t) for t in parameters])
    both = sp.Matrix.hstack(jacobian, right)
    matrix = DomainMatrix.from_Matrix(both.applyfunc(tidy)).to_field()
    size = len(parameters)
    try:
        solution = matrix[:, :size].lu_solve(matrix[:, size:])
    except DMNonInvertibleMatrixError:
        return None
    return [tidy(e) for e in solution.to_Matrix()]


def tensors_from_means(
    natural: Sequence[sp.Expr],
    means: Sequence[sp.Expr],
    parameters: Sequence[sp.Symbol],
    progress: Callable[[str], None],
) -> Tensors:
    """g and T of an exponential family, full or curved, from its mean parameters."""
    n = len(parameters)
    d_eta = [[tidy(derivative(e, t)) for t in parameters] for e in natural]
    d_mu = [[tidy(derivative(m, t)) for t in parameters] for m in means]
    terms = range(len(natural))
    metric = sp.zeros(n, n)
    for i in range(n):
        for j in range(i, n):
            metric[i, j] = metric[j, i] = tidy(sp.Add(*(d_eta[m][i] * d_mu[m][j] for m in terms)))
    progress("metric")
    second_eta: dict[tuple[int, int, int], sp.Expr] = {}
    second_mu: dict[tuple[int, int, int], sp.Expr] = {}
    for m in terms:
        for i in range(n):
            for j in range(i, n):
                second_eta[m, i, j] = derivative(d_eta[m][i], parameters[j])
                second_mu[m, i, j] = derivative(d_mu[m][i], parameters[j])
    skewness: dict[tuple[int, int, int], sp.Expr] = {}
    for i in range(n):
        for j in range(i, n):
            for k in range(j, n):
                mixture = sp.Add(*(second_mu[m, i, j] * d_eta[m][k] for m in terms))
                exponential = sp.Add(*(second_eta[m, i, j] * d_mu[m][k] for m in terms))
                skewness[i, j, k] = tidy(mixture - exponential)
    progress("skewness")
    return sp.ImmutableMatrix(metric), skewness
