"""Closed forms of all tensors at once: exponential families, canonical kernels, finite sums."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.errors import CertificateError, IntractableExpectation, InvalidManifold
from statmani.expectation import exact
from statmani.expectation.deadline import OutOfTime, Progress
from statmani.expectation.exact import Exact
from statmani.expectation.exponential import (
    Separation,
    Tensors,
    jacobian_rank,
    minimal,
    open_piecewise,
    separate,
    solve_means,
    tensors_from_means,
)
from statmani.expectation.kernels import Branch, moments_of
from statmani.expectation.means import (
    finite_points,
    gaussian_means,
    kernel_mean,
    product_indices,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs
from statmani.expectation.order_derivatives import is_elementary
from statmani.expectation.tidy import tidy

__all__ = ["OutOfTime", "Progress", "by_strategies"]

Strategy = Callable[[], tuple[Tensors, str] | None]


def by_strategies(
    ell: sp.Expr,
    declaration: Declaration,
    signs: Signs,
    branches: tuple[Branch, ...] | None,
    tried: list[str],
    report: Progress,
) -> tuple[Tensors, str] | None:
    """g, T and the name of the first strategy that finds all entries, or None.

    Parameters
    ----------
    ell : Expr
        The normalised log density.
    declaration : Declaration
    signs : Signs
    branches : tuple of Branch or None
        The matched kernel.
    tried : list of str
        Why each strategy did not apply is appended.
    report : callable
    """
    strategies: list[tuple[str, Strategy]] = [
        ("exponential family", lambda: _from_exponential(ell, declaration, branches, tried, report))
    ]
    if branches is not None:
        kernel = branches
        strategies.append(
            ("kernel", lambda: _from_kernels(ell, declaration, kernel, tried, report))
        )
    strategies += [
        ("independent parts", lambda: _from_parts(ell, declaration, tried, report)),
        ("rational function of an angle", lambda: _from_turn(declaration, signs, tried, report)),
        ("finite sum", lambda: _from_finite_sum(ell, declaration, tried, report)),
    ]
    for name, strategy in strategies:
        try:
            found = strategy()
        except OutOfTime:
            raise
        except IntractableExpectation as failure:
            # An expression that cannot be evaluated numerically is no reason to give up.
            tried.append(f"{name} ({failure})")
            continue
        if found is not None and is_elementary([*found[0][0], *found[0][1].values()]):
            return found
    return None


def _from_exponential(
    ell: sp.Expr,
    declaration: Declaration,
    branches: tuple[Branch, ...] | None,
    tried: list[str],
    report: Progress,
) -> tuple[Tensors, str] | None:
    opened = open_piecewise(ell, declaration)
    separation = separate(opened, declaration)
    if separation is None:
        tried.append("exponential family (a term mixes sample and parameters)")
        return None
    separation = minimal(separation, declaration)
    rank = jacobian_rank(separation.natural, declaration)
    n = len(declaration.parameters)
    means = gaussian_means(opened, separation.statistics, declaration)
    strategy = "exponential family, Gaussian moments"
    if means is None and len(separation.natural) == n == rank:
        means = _from_potential(separation, declaration)
        strategy = "full exponential family, means from the potential"
    if means is None and branches is not None:
        sparse = read_on_branches(separation.statistics, branches, declaration)
        if sparse is not None:
            means = [
                kernel_mean([s[m] for s in sparse], branches)
                for m in range(len(separation.statistics))
            ]
            strategy = "curved exponential family, kernel moments"
    if means is None:
        points = finite_points(declaration)
        if points is not None:
            means = [tidy(sum_finite(ell, t, points)) for t in separation.statistics]
            strategy = "curved exponential family, finite sums"
    if means is None:
        tried.append("curved exponential family (means of the statistics not found)")
        return None
    report("means")
    try:
        tensors = exact.tensors_from_means(separation.natural, means, declaration, report)
    except (InvalidManifold, CertificateError):
        # The ring cannot hold these entries; the certificate still judges what sympy makes.
        tensors = tensors_from_means(separation.natural, means, declaration.parameters, report)
    return tensors, strategy


def _from_potential(separation: Separation, declaration: Declaration) -> list[sp.Expr] | None:
    """E[T] from the potential, unless that has derivatives without closed form."""
    slopes = [derivative(separation.potential, t) for t in declaration.parameters]
    return solve_means(separation, declaration) if is_elementary(slopes) else None


def _from_kernels(
    ell: sp.Expr,
    declaration: Declaration,
    branches: tuple[Branch, ...],
    tried: list[str],
    report: Progress,
) -> tuple[Tensors, str] | None:
    scores = [derivative(ell, t) for t in declaration.parameters]
    sparse = read_on_branches(scores, branches, declaration)
    if sparse is None:
        tried.append(f"canonical kernel {branches[0].kernel.name} (a score is no sparse sum)")
        return None
    cache: dict[Any, Any] = {}
    n = len(scores)
    tidy = Exact(declaration).tidy
    metric = sp.zeros(n, n)
    for i, j in product_indices(n, 2):
        metric[i, j] = metric[j, i] = tidy(moments_of(branches, sparse, (i, j), cache))
        report(f"g[{i},{j}]")
    # Products of three scores, not identity 2: right at kinks too, where second derivatives fail.
    skewness: dict[tuple[int, int, int], sp.Expr] = {}
    for i, j, k in itertools.combinations_with_replacement(range(n), 3):
        skewness[i, j, k] = tidy(moments_of(branches, sparse, (i, j, k), cache))
        report(f"T[{i},{j},{k}]")
    name = {"gamma": "Gamma", "beta": "Beta", "beta_prime": "Beta-prime"}[branches[0].kernel.name]
    return (sp.ImmutableMatrix(metric), skewness), f"canonical kernel {name}"


def _from_parts(
    ell: sp.Expr, declaration: Declaration, tried: list[str], report: Progress
) -> tuple[Tensors, str] | None:
    # Loaded when first needed, as few families come so far.
    from statmani.expectation.sum_of_parts import from_parts

    return from_parts(ell, declaration, tried, report)


def _from_turn(
    declaration: Declaration, signs: Signs, tried: list[str], report: Progress
) -> tuple[Tensors, str] | None:
    from statmani.expectation.periodic import from_turn

    return from_turn(declaration, signs, tried, report)


def _from_finite_sum(
    ell: sp.Expr, declaration: Declaration, tried: list[str], report: Progress
) -> tuple[Tensors, str] | None:
    points = finite_points(declaration)
    if points is None:
        tried.append("finite sum (the support is not finite)")
        return None
    scores = [derivative(ell, t) for t in declaration.parameters]
    n = len(scores)
    tidy = Exact(declaration).tidy
    metric = sp.zeros(n, n)
    for i, j in product_indices(n, 2):
        metric[i, j] = metric[j, i] = tidy(sum_finite(ell, scores[i] * scores[j], points))
        report(f"g[{i},{j}]")
    skewness: dict[tuple[int, int, int], sp.Expr] = {}
    for i, j, k in itertools.combinations_with_replacement(range(n), 3):
        product = scores[i] * scores[j] * scores[k]
        skewness[i, j, k] = tidy(sum_finite(ell, product, points))
        report(f"T[{i},{j},{k}]")
    return (sp.ImmutableMatrix(metric), skewness), "finite sum"
