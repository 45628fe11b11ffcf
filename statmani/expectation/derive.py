"""From a declaration to certified closed forms of the Fisher metric and the skewness tensor."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import InvalidFamily
from statmani.expectation.affine import pull_back, reduce_affine
from statmani.expectation.certificate import Certificate, certify
from statmani.expectation.context import thread_context
from statmani.expectation.deadline import CHECKING, Progress, run_bounded
from statmani.expectation.evaluate import Program
from statmani.expectation.exponential import Tensors
from statmani.expectation.kernels import Branch, match_kernels
from statmani.expectation.logarithmic import in_logarithms
from statmani.expectation.means import product_indices
from statmani.expectation.nodes import without_max
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.open_forms import entry_strategies, is_open
from statmani.expectation.regularity import check_moving_support
from statmani.expectation.removable import Skewness, fill_tensors
from statmani.expectation.strategies import by_strategies
from statmani.expectation.tidy import tidy

# Families with closed forms for all entries need none of the modules that are loaded below.
if TYPE_CHECKING:
    from statmani.expectation.closing import Labels

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
    given, declaration = declaration, in_logarithms(declaration)
    reduction = reduce_affine(declaration)
    working = declaration if reduction is None else reduction.declaration
    (metric, skewness), strategies, branches = _tensors(working, effort, report)
    metric, skewness = fill_tensors(working, metric, skewness)
    jacobian = None
    if reduction is not None:
        metric, skewness = pull_back(metric, skewness, reduction)
        jacobian = reduction.jacobian
        metric, skewness = _without_odd(declaration, metric, skewness)
    _check_identifiable(declaration, metric)
    labels = entry_strategies(strategies, metric, skewness, jacobian)
    report(CHECKING)
    certificate = _proof([*metric, *skewness.values()])(declaration, metric, skewness, labels)
    report("certificate")
    nonzero = {index: value for index, value in skewness.items() if value != 0}
    values = {} if reduction is None else dict(reduction.values)
    sampler = _sampler(branches, values)
    if sampler is not None and given is not declaration:
        sampler = tuple(replace(b, transform=sp.exp(b.transform)) for b in sampler)
    return Derivation(metric, nonzero, certificate, sampler)


def _proof(entries: list[sp.Expr]) -> Callable[..., Certificate]:
    if not is_open(entries):
        return certify
    from statmani.expectation.open_certificate import certify_open

    return certify_open


def _times(one: Derivation, count: sp.Expr) -> Derivation:
    """Tensors of independent repetitions."""
    note = f"the tensors are {count} times those of one observation, which were checked"
    certificate = replace(one.certificate, notes=(*one.certificate.notes, note))
    return Derivation(
        sp.ImmutableMatrix((count * one.metric).applyfunc(tidy)),
        {index: tidy(count * value) for index, value in one.skewness.items()},
        certificate,
    )


def _tensors(
    declaration: Declaration, effort: float, report: Progress
) -> tuple[Tensors, Labels, tuple[Branch, ...] | None]:
    """g and T, the strategies that found their entries, and the matched kernel."""
    signs = Signs(declaration)
    ell = normalise(declaration.log_density, declaration, signs)
    report("normal form")
    branches = match_kernels(ell, declaration, signs)
    tried: list[str] = []
    found = by_strategies(ell, declaration, signs, branches, tried, report)
    if found is None:
        from statmani.expectation.closing import entry_by_entry

        tensors, labels = entry_by_entry(ell, declaration, signs, branches, effort, tried, report)
        return tensors, labels, branches
    tensors, strategy = found
    n = len(declaration.parameters)
    labels = dict.fromkeys((*product_indices(n, 2), *product_indices(n, 3)), strategy)
    return tensors, labels, branches


def _without_odd(
    declaration: Declaration, metric: sp.ImmutableMatrix, skewness: Skewness
) -> tuple[sp.ImmutableMatrix, Skewness]:
    """Zeros of symmetries that hold in the original parameters only."""
    if not is_open([*metric, *skewness.values()]):
        return metric, skewness
    from statmani.expectation.reflection import reflections

    found = reflections(declaration, without_max(declaration.log_density))

    def odd(*index: int) -> bool:
        return any(parities.odd(index) for parities in found)

    zero = sp.Integer(0)
    n = metric.shape[0]
    return (
        sp.ImmutableMatrix(n, n, lambda i, j: zero if odd(i, j) else metric[i, j]),
        {index: zero if odd(*index) else value for index, value in skewness.items()},
    )


def _check_identifiable(declaration: Declaration, metric: sp.ImmutableMatrix) -> None:
    n = len(declaration.parameters)
    opened = is_open(list(metric))
    context = thread_context(40)
    tolerance = context.mpf(10) ** -(6 if opened else 20)
    at = _evaluator(list(metric), opened)
    for point in declaration.domain.interior_points(2, seed=7):
        values = {**declaration.sample_values()}
        values.update(zip(declaration.parameters, point, strict=True))
        flat, error = at(values)
        if not all(context.isfinite(v) for v in flat) or not error < 1e-3 * tolerance:
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


def _evaluator(
    entries: list[sp.Expr], opened: bool
) -> Callable[[Mapping[sp.Symbol, Any]], tuple[list[Any], float]]:
    """Numbers with 40 digits, and the relative error of their quadrature."""
    if opened:
        from statmani.expectation.together import Together

        return Together(entries).at
    program, context = Program(entries, []), thread_context(40)
    return lambda values: (program.bind(context, values)([]), 0.0)


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
