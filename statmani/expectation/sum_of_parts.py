"""g and T of a sample of independent parts: covariances and third central moments add."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp

from statmani.algebra.element import Element
from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidManifold
from statmani.expectation.exact import Exact
from statmani.expectation.kernels import match_kernels, moments_of
from statmani.expectation.means import (
    finite_points,
    product_indices,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs
from statmani.expectation.parts import independent_blocks

__all__ = ["from_parts", "tensors_of_parts"]

Index = tuple[int, ...]
Tensors = tuple[sp.ImmutableMatrix, dict[tuple[int, int, int], sp.Expr]]
Raw = Callable[[Index], sp.Expr]


def tensors_of_parts(ell: sp.Expr, declaration: Declaration) -> Tensors | None:
    """g and T when every independent part has a canonical kernel or a finite support.

    ``ell`` is the normalised log density.
    """
    blocks, _ = independent_blocks(ell, declaration)
    if len(blocks) == 1:
        return None
    n = len(declaration.parameters)
    orders = [product_indices(n, order) for order in (1, 2, 3)]
    exact = Exact(declaration)
    ring = exact.ring.polynomials
    totals: dict[Index, list[Element]] = {index: [] for index in (*orders[1], *orders[2])}
    known: dict[sp.Expr, dict[Index, Element]] = {}
    for block in blocks:
        key = _canonical(block)
        if key not in known:
            raw = _raw_moments(block)
            if raw is None:
                return None
            mass = exact.element(raw(()))
            table = {index: exact.element(raw(index)) / mass for order in orders for index in order}
            known[key] = _central(table, orders, ring)
        for index, value in known[key].items():
            totals[index].append(value)
    sums = {index: exact.sympy(ring.total(values)) for index, values in totals.items()}
    metric = sp.ImmutableMatrix(n, n, lambda i, j: sums[min(i, j), max(i, j)])
    return metric, {(i, j, k): sums[i, j, k] for i, j, k in orders[2]}


def _canonical(block: Declaration) -> sp.Expr:
    """The part with standard names, so that repeated parts are integrated once."""
    names = {v.symbol: sp.Symbol(f"sample{i}") for i, v in enumerate(block.variables)}
    bounds = [sp.Tuple(v.lower, v.upper, v.discrete, *(v.values or ())) for v in block.variables]
    return sp.Tuple(block.log_density, *bounds, *block.region).xreplace(names)


def _raw_moments(block: Declaration) -> Raw | None:
    """Moments of products of d_i l of a part, up to one common factor."""
    scores = [block.log_density.diff(t) for t in block.parameters]
    points = finite_points(block)
    if points is not None:
        return lambda index: sum_finite(
            block.log_density, sp.Mul(*(scores[i] for i in index)), points
        )
    branches = match_kernels(block.log_density, block, Signs(block))
    if branches is None:
        return None
    sparse = read_on_branches(scores, branches, block)
    if sparse is None:
        return None
    cache: dict[Any, Any] = {}
    total = sp.Add(*(b.mass for b in branches))
    return lambda index: moments_of(branches, sparse, index, cache) if index else total


def _central(
    table: dict[Index, Element], orders: Sequence[Sequence[Index]], ring: Any
) -> dict[Index, Element]:
    result: dict[Index, Element] = {}
    for i, j in orders[1]:
        result[i, j] = ring.total([table[i, j], -(table[i,] * table[j,])])
    for i, j, k in orders[2]:
        terms = [table[i, j, k], (table[i,] * table[j,] * table[k,]).scale(2)]
        for (a, b), c in (((i, j), k), ((i, k), j), ((j, k), i)):
            terms.append(-(table[a, b] * table[c,]))
        result[i, j, k] = ring.total(terms)
    return result


def from_parts(
    ell: sp.Expr, declaration: Declaration, tried: list[str], report: Callable[[str], None]
) -> tuple[Tensors, str] | None:
    """g, T and the strategy's name; None, noted in ``tried``, when it does not apply."""
    try:
        tensors = tensors_of_parts(ell, declaration)
    except (InvalidManifold, CertificateError):
        tensors = None
    if tensors is None:
        tried.append("independent parts, each by a kernel or a finite sum")
        return None
    report("skewness")
    return tensors, "independent parts"
