"""From a declaration to certified closed forms of the Fisher metric and the skewness tensor."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import (
    CertificateError,
    IntractableExpectation,
    InvalidFamily,
    InvalidManifold,
)
from statmani.expectation import exact
from statmani.expectation.affine import pull_back, reduce_affine
from statmani.expectation.certificate import Certificate, certify
from statmani.expectation.deadline import CHECKING, Progress, run_bounded
from statmani.expectation.equivariant import IDENTIFIED, entry_labels, from_orbit
from statmani.expectation.evaluate import Program, new_context
from statmani.expectation.exact import Exact
from statmani.expectation.exponential import (
    Tensors,
    jacobian_rank,
    minimal,
    open_piecewise,
    separate,
    solve_means,
    tensors_from_means,
)
from statmani.expectation.kernels import Branch, match_kernels, moments_of
from statmani.expectation.means import (
    finite_points,
    gaussian_means,
    kernel_mean,
    product_indices,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.open_certificate import certify_open
from statmani.expectation.open_forms import (
    OPEN,
    entry_strategies,
    is_open,
    open_tensors,
    working_digits,
)
from statmani.expectation.periodic import from_turn
from statmani.expectation.regularity import check_moving_support
from statmani.expectation.removable import fill_tensors
from statmani.expectation.sum_of_parts import from_parts
from statmani.expectation.tidy import tidy

__all__ = ["Derivation", "SamplerBranch", "derive"]


@dataclass(frozen=True)
class SamplerBranch:
    """One piece of an exact sampler.

    With probability ``mass`` draw u from the standard density ``kernel`` with ``shapes``, then
    the sample is ``transform`` at ``variable`` = u. All entries are sympy expressions of the
    declaration's internal parameters and constants.

    Attributes
    ----------
    mass : Expr
    kernel : {"gamma", "beta", "beta_prime"}
        Densities proportional to u^(a-1) e^-u, u^(a-1) (1-u)^(b-1), u^(a-1) (1+u)^(-a-b).
    shapes : tuple of Expr
        (a,) or (a, b).
    variable : Symbol
    transform : Expr
    """

    mass: sp.Expr
    kernel: str
    shapes: tuple[sp.Expr, ...]
    variable: sp.Symbol
    transform: sp.Expr


@dataclass(frozen=True)
class Derivation:
    """The certified tensors of a declared family, in the declaration's internal symbols.

    Attributes
    ----------
    metric : ImmutableMatrix
        g_ij = E[s_i s_j].
    skewness : dict of (i, j, k) with i <= j <= k to Expr
        T_ijk = E[s_i s_j s_k]; missing entries are zero.
    certificate : Certificate
    sampler : tuple of SamplerBranch or None
        An exact sampler x = transform(u), when the density of a one-dimensional sample matched a
        canonical kernel: choose a branch by its ``mass``, then see :class:`SamplerBranch`.
    """

    metric: sp.ImmutableMatrix
    skewness: dict[tuple[int, int, int], sp.Expr]
    certificate: Certificate
    sampler: tuple[SamplerBranch, ...] | None = None


def derive(
    declaration: Declaration, *, effort: float = 1.0, progress: Progress | None = None
) -> Derivation:
    """Derive g and T of a declared family in closed form and certify them.

    Parameters
    ----------
    declaration : Declaration
    effort : float
        Scales the time that the derivation may take (60 s at 1, and as long again for its
        certificate) and, within it, integration as a last resort (4 s at 1). 0 switches
        integration off and leaves 60 s.
    progress : callable, optional
        Called with a short text at each stage and every few seconds.

    Returns
    -------
    Derivation

    Raises
    ------
    InvalidFamily
        The parameters are not identifiable, or the density is not normalised.
    RegularityError
        The support moves with a parameter and the density does not vanish fast enough there.
    IntractableExpectation
        A kink forbids unevaluated expectations, or time ran out; the message names the stage.
    CertificateError
        A derived tensor disagrees with quadrature of its definition.
    """
    if declaration.observation is not None:
        one = derive(declaration.observation, effort=effort, progress=progress)
        return _times(one, declaration.repetitions)
    seconds = 60.0 * effort if effort > 0 else 60.0
    return run_bounded(lambda report: _derived(declaration, effort, report), seconds, progress)


def _derived(declaration: Declaration, effort: float, report: Progress) -> Derivation:
    check_moving_support(declaration)
    reduction = reduce_affine(declaration)
    working = declaration if reduction is None else reduction.declaration
    metric, skewness, strategy, branches = _closed_forms(working, effort, report)
    metric, skewness = fill_tensors(working, metric, skewness)
    if reduction is not None:
        metric, skewness = pull_back(metric, skewness, reduction)
        strategy = f"{strategy}, in linear combinations of the parameters"
    _check_identifiable(declaration, metric)
    labels = entry_strategies(_label(declaration, strategy), metric, skewness)
    labels = entry_labels(labels, metric, skewness)
    report(CHECKING)
    proof = certify_open if is_open([*metric, *skewness.values()]) else certify
    certificate = proof(declaration, metric, skewness, labels)
    report("certificate")
    nonzero = {index: value for index, value in skewness.items() if value != 0}
    values = {} if reduction is None else dict(reduction.values)
    return Derivation(metric, nonzero, certificate, _sampler(branches, values))


def _times(one: Derivation, count: sp.Expr) -> Derivation:
    """Tensors of independent repetitions."""
    note = f"the tensors are {count} times those of one observation, which were checked"
    certificate = replace(one.certificate, notes=(*one.certificate.notes, note))
    return Derivation(
        sp.ImmutableMatrix((count * one.metric).applyfunc(tidy)),
        {index: tidy(count * value) for index, value in one.skewness.items()},
        certificate,
    )


def _closed_forms(
    declaration: Declaration, effort: float, report: Progress
) -> tuple[
    sp.ImmutableMatrix,
    dict[tuple[int, int, int], sp.Expr],
    str,
    tuple[Branch, ...] | None,
]:
    """g, T, the strategy that found them, and the matched kernel."""
    signs = Signs(declaration)
    ell = normalise(declaration.log_density, declaration, signs)
    report("normal form")
    tried: list[str] = []
    branches = match_kernels(ell, declaration, signs)
    found = _from_exponential(ell, declaration, branches, tried, report)
    if found is None and branches is not None:
        found = _from_kernels(ell, declaration, branches, tried, report)
    if found is None:
        found = from_parts(ell, declaration, tried, report)
    if found is None:
        found = from_turn(declaration, signs, tried, report)
    if found is None:
        found = _from_finite_sum(ell, declaration, tried, report)
    if found is None:
        try:
            found = _from_integration(declaration, effort, tried, report)
        except IntractableExpectation as failure:
            constants = from_orbit(declaration, report)
            if constants is not None:
                return *constants, IDENTIFIED, branches
            found = open_tensors(declaration, failure), OPEN
            report("expectations")
    (metric, skewness), strategy = found
    return metric, skewness, strategy, branches


def _label(declaration: Declaration, strategy: str) -> tuple[tuple[str, str], ...]:
    n = len(declaration.parameters)
    entries = [f"g[{i},{j}]" for i, j in product_indices(n, 2)]
    entries += [f"T[{i},{j},{k}]" for i, j, k in product_indices(n, 3)]
    return tuple((entry, strategy) for entry in entries)


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
        means = solve_means(separation, declaration)
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


def _from_kernels(
    ell: sp.Expr,
    declaration: Declaration,
    branches: tuple[Branch, ...],
    tried: list[str],
    report: Progress,
) -> tuple[Tensors, str] | None:
    scores = [ell.diff(t) for t in declaration.parameters]
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


def _from_finite_sum(
    ell: sp.Expr, declaration: Declaration, tried: list[str], report: Progress
) -> tuple[Tensors, str] | None:
    points = finite_points(declaration)
    if points is None:
        tried.append("finite sum (the support is not finite)")
        return None
    scores = [ell.diff(t) for t in declaration.parameters]
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


def _from_integration(
    declaration: Declaration, effort: float, tried: list[str], report: Progress
) -> tuple[Tensors, str]:
    from statmani.expectation.integration import Budget, integrate

    ell = declaration.log_density
    scores = [ell.diff(t) for t in declaration.parameters]
    n = len(scores)
    budget = Budget(4.0 * effort)
    metric = sp.zeros(n, n)
    skewness: dict[tuple[int, int, int], sp.Expr] = {}
    entries: list[tuple[int, ...]] = [*product_indices(n, 2), *product_indices(n, 3)]
    smooth = not ell.has(sp.Abs, sp.sign, sp.Heaviside, sp.Piecewise)
    for entry in entries:
        product = sp.Mul(*(scores[i] for i in entry))
        value = integrate(declaration, product, budget) if smooth else None
        if value is None:
            label = "g" if len(entry) == 2 else "T"
            raise IntractableExpectation(
                f"{label}[{','.join(map(str, entry))}]: no closed form found. Tried: "
                f"{'; '.join(tried)}; sympy.integrate for {4.0 * effort:g} s. "
                "Raise effort, as in manifold(effort=4), declare the density in simpler "
                "coordinates, or fix a parameter as a constant."
            )
        value = tidy(value)
        if len(entry) == 2:
            metric[entry[0], entry[1]] = metric[entry[1], entry[0]] = value
        else:
            skewness[entry[0], entry[1], entry[2]] = value
        report(f"integral {entry}")
    return (sp.ImmutableMatrix(metric), skewness), "sympy.integrate"


def _check_identifiable(declaration: Declaration, metric: sp.ImmutableMatrix) -> None:
    n = len(declaration.parameters)
    digits = working_digits(metric, 40)
    context = new_context(digits)
    tolerance = context.mpf(10) ** -(20 if digits > 20 else 6)
    program = Program(list(metric), [])
    for point in declaration.domain.interior_points(2, seed=7):
        values = {**declaration.sample_values()}
        values.update(zip(declaration.parameters, point, strict=True))
        flat = program.bind(context, values)([])
        if not all(context.isfinite(v) for v in flat):
            return
        root = [abs(flat[i * n + i]) ** 0.5 or context.mpf(1) for i in range(n)]
        scaled = context.matrix(n, n)
        for i, j in itertools.product(range(n), range(n)):
            scaled[i, j] = flat[i * n + j].real / (root[i] * root[j])
        eigenvalues, vectors = context.eigsy(scaled)
        if min(abs(e) for e in eigenvalues) > tolerance:
            return
    smallest = min(range(n), key=lambda i: abs(eigenvalues[i]))
    direction = [vectors[i, smallest] / root[i] for i in range(n)]
    largest = max(direction, key=abs)
    text = ", ".join(context.nstr(d / largest, 6) for d in direction)
    names = ", ".join(str(declaration.external(t)) for t in declaration.parameters)
    raise InvalidFamily(
        f"parameters: the family is not identifiable; at ({names}) = {point} the density does not "
        f"change along the direction ({text}). Remove a parameter or fix it as a constant."
    )


def _sampler(
    branches: tuple[Branch, ...] | None, values: dict[sp.Symbol, sp.Expr]
) -> tuple[SamplerBranch, ...] | None:
    if branches is None:
        return None
    return tuple(
        SamplerBranch(
            b.mass.xreplace(values),
            b.kernel.name,
            tuple(shape.xreplace(values) for shape in b.kernel.shapes),
            b.variable,
            b.transform.xreplace(values),
        )
        for b in branches
    )
