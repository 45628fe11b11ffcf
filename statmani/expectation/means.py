"""Exact expectations without integrals: Gaussian moments, finite sums, kernel moments."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sympy as sp

from statmani.algebra.element import Element
from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidManifold
from statmani.expectation.exact import Exact
from statmani.expectation.kernels import Branch
from statmani.expectation.normalise import sample_points
from statmani.expectation.sparse import NotSparse, Sparse, moment
from statmani.expectation.tidy import is_zero, shift_special, tidy

__all__ = [
    "density_of",
    "finite_points",
    "gaussian_means",
    "kernel_mean",
    "read_on_branches",
    "sum_finite",
]

_LARGEST = 256


def gaussian_means(
    ell: sp.Expr, functions: Sequence[sp.Expr], declaration: Declaration
) -> list[sp.Expr] | None:
    """Means of polynomials under a log density that is quadratic on the whole space."""
    variables = declaration.variables
    if declaration.region or any(
        v.discrete or v.lower is not sp.S.NegativeInfinity or v.upper is not sp.S.Infinity
        for v in variables
    ):
        return None
    xs = [v.symbol for v in variables]
    terms = [t for t in sp.Add.make_args(ell) if t.has(*xs)]
    quadratic = sp.Add(*terms).as_poly(*xs)
    polynomials = [sp.sympify(f).as_poly(*xs) for f in functions]
    if quadratic is None or quadratic.total_degree() != 2 or any(p is None for p in polynomials):
        return None
    precision = sp.Matrix(len(xs), len(xs), lambda i, j: -quadratic.diff(xs[i], xs[j]).as_expr())
    if precision.has(*xs):
        return None
    zero = {x: sp.Integer(0) for x in xs}
    linear = [quadratic.diff(x).as_expr().xreplace(zero) for x in xs]
    exact = Exact(declaration, [*precision, *linear])
    try:
        return _gaussian(exact, precision, linear, [p for p in polynomials if p is not None])
    except (InvalidManifold, CertificateError):
        return None


def _gaussian(
    exact: Exact, precision: sp.Matrix, linear: Sequence[sp.Expr], polynomials: Sequence[sp.Poly]
) -> list[sp.Expr] | None:
    size, ring = len(linear), exact.ring.polynomials
    identity = [[ring.number(int(i == j)) for j in range(size)] for i in range(size)]
    entries = [[exact.element(precision[i, j]) for j in range(size)] for i in range(size)]
    covariance = exact.solve(entries, identity)
    if covariance is None:
        return None
    shift = [exact.element(e) for e in linear]
    mean = [ring.dot(zip(row, shift, strict=True)) for row in covariance]
    memo: dict[tuple[int, ...], Element] = {(0,) * size: ring.one}

    def raw(powers: tuple[int, ...]) -> Element:
        """Stein's recursion E[x_i f] = mean_i E[f] + sum_j cov_ij E[d_j f]."""
        if powers not in memo:
            i = next(k for k, e in enumerate(powers) if e)
            rest = list(powers)
            rest[i] -= 1
            pairs = [(mean[i], raw(tuple(rest)))]
            for j, e in enumerate(rest):
                if e:
                    lower = list(rest)
                    lower[j] -= 1
                    pairs.append((covariance[i][j].scale(e), raw(tuple(lower))))
            memo[powers] = ring.dot(pairs)
        return memo[powers]

    return [
        exact.sympy(ring.dot((exact.element(c), raw(powers)) for powers, c in p.terms()))
        for p in polynomials
    ]


def finite_points(declaration: Declaration) -> list[dict[sp.Expr, sp.Expr]] | None:
    """All points of a finite discrete support, or None."""
    points: list[dict[sp.Expr, sp.Expr]] = [{}]
    for variable in declaration.variables:
        grown: list[dict[sp.Expr, sp.Expr]] = []
        for point in points:
            if variable.values is not None:
                choice: Sequence[sp.Expr] = variable.values
            else:
                low = variable.lower.xreplace(point)
                high = variable.upper.xreplace(point)
                if not (variable.discrete and low.is_Integer and high.is_Integer):
                    return None
                if high - low > _LARGEST:
                    return None
                choice = [sp.Integer(v) for v in range(int(low), int(high) + 1)]
            grown += [{**point, variable.symbol: value} for value in choice]
            if len(grown) > _LARGEST:
                return None
        points = grown
    kept = []
    for point in points:
        if all(relation.xreplace(point) == True for relation in declaration.region):  # noqa: E712
            kept.append(point)
    return kept


def sum_finite(
    ell: sp.Expr, function: sp.Expr, points: Sequence[dict[sp.Expr, sp.Expr]]
) -> sp.Expr:
    """E[f] as a finite sum, before tidying."""
    return sp.Add(*(density_of(ell.xreplace(p)) * sp.sympify(function).xreplace(p) for p in points))


def density_of(value: sp.Expr) -> sp.Expr:
    """exp of a log density at a sample point, with exp(c log b) as b^c."""
    product: sp.Expr = sp.Integer(1)
    for term in sp.Add.make_args(value):
        logs = [f for f in sp.Mul.make_args(term) if isinstance(f, sp.log)]
        if len(logs) == 1:
            product *= logs[0].args[0] ** (term / logs[0])
        elif isinstance(term.as_coeff_Mul()[1], sp.loggamma) and term.as_coeff_Mul()[0].is_Integer:
            power, special = term.as_coeff_Mul()
            product *= sp.gamma(special.args[0]) ** power
        else:
            product *= sp.exp(term)
    return shift_special(product)


def read_on_branches(
    functions: Sequence[sp.Expr], branches: Sequence[Branch], declaration: Declaration
) -> list[list[Sparse]] | None:
    """Each function as a sparse sum on each branch, or None when one is no such sum."""
    points = sample_points(declaration, 3)
    sample = declaration.variables[0].symbol

    def vanishes(expr: sp.Expr) -> bool:
        return is_zero(expr, points)

    def tidied(total: Sparse) -> Sparse:
        return {key: c for key, raw in total.items() if (c := tidy(raw)) != 0}

    try:
        return [
            [tidied(branch.read(f, sample, vanishes)) for f in functions] for branch in branches
        ]
    except NotSparse:
        return None


def kernel_mean(sparse: Sequence[Sparse], branches: Sequence[Branch]) -> sp.Expr:
    """E[f] from the sparse sums of f on the branches."""
    return tidy(
        sp.Add(
            *(
                branch.mass * c * moment(branch.kernel, key)
                for branch, total in zip(branches, sparse, strict=True)
                for key, c in total.items()
            )
        )
    )


def product_indices(n: int, order: int) -> list[tuple[int, ...]]:
    """Sorted multi-indices."""
    return list(itertools.combinations_with_replacement(range(n), order))
