"""Exponential families: natural coordinates are e-affine, expectation coordinates m-affine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import StatmaniError
from statmani.expectation.context import thread_context
from statmani.expectation.deadline import OutOfTime, run_bounded
from statmani.expectation.evaluate import Program
from statmani.expectation.exponential import Separation, full_form
from statmani.expectation.normalise import sample_points
from statmani.geometry import linear
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws.closed import NoClosedForm
from statmani.laws.independence import independent_scores
from statmani.laws.judge import Clock, Sides, compare, run
from statmani.laws.record import Law
from statmani.laws.scores import Scores
from statmani.laws.tensors import proved_sign
from statmani.laws.view import View

__all__ = ["expectation_flatness", "full_rank", "natural_flatness"]

_NONE = "no full exponential family in these parameters"


def _separation(scores: Scores, seconds: float) -> Separation | None:
    """The minimal form of a full exponential family, or None."""

    def work(report: Callable[[str], None]) -> Separation | None:
        return full_form(scores.closed.ell, scores.one)

    try:
        return run_bounded(work, seconds, None, processor=True)
    except (OutOfTime, StatmaniError):
        return None


def _hessians(view: View, functions: Sequence[sp.Expr], clock: Clock) -> Sides:
    """The Hessian of each function for a connection against zero."""
    ring, n = view.ring, range(view.n)
    for a, function in enumerate(functions):
        element = ring.convert(function)
        slopes = [ring.derivative(element, k) for k in n]
        for i, j in combinations_with_replacement(n, 2):
            clock.tick()
            bent = view.dot((view.second(k, i, j), (slopes[k],)) for k in n)
            yield (a, i, j), (ring.derivative(slopes[i], j),), bent


def natural_flatness(manifold: StatisticalManifold, scores: Scores, clock: Clock) -> Law:
    """The natural parameters have no Hessian for the e-connection."""
    name, statement = "e-flat natural coordinates", "d_ij eta_a = Gamma^(1)k_ij d_k eta_a"

    def law(clock: Clock) -> Law:
        found = _separation(scores, clock.seconds)
        if found is None:
            return Law(name, statement, "not applicable", explanation=_NONE)
        eta = scores.whole.external(list(found.natural))
        view = View(manifold.connection(1))
        text = f"eta = ({', '.join(map(str, eta))})"
        return compare(view, name, statement, _hessians(view, eta, clock), clock, text)

    return run(clock, name, statement, law)


def expectation_flatness(manifold: StatisticalManifold, scores: Scores, clock: Clock) -> Law:
    """The means of the sufficient statistics have no Hessian for the m-connection."""
    name, statement = "m-flat expectation coordinates", "d_ij mu_a = Gamma^(-1)k_ij d_k mu_a"

    def law(clock: Clock) -> Law:
        found = _separation(scores, clock.seconds)
        if found is None:
            return Law(name, statement, "not applicable", explanation=_NONE)
        try:
            means = [scores.closed.mean(t) for t in found.statistics]
        except NoClosedForm:
            text = "the means of the sufficient statistics have no closed form"
            return Law(name, statement, "not applicable", explanation=text)
        mu = scores.whole.external(means)
        view = View(manifold.connection(-1))
        text = f"mu = ({', '.join(map(str, mu))})"
        return compare(view, name, statement, _hessians(view, mu, clock), clock, text)

    return run(clock, name, statement, law)


def full_rank(law: Law, manifold: StatisticalManifold, scores: Scores, clock: Clock) -> Law:
    """Positivity from independent scores, or in a full exponential family from g = J Cov(T) J^t."""

    def proof(clock: Clock) -> Law:
        text = "g = E[s s^t], and the scores are linearly independent functions on the domain"
        if _are_independent_scores(manifold, scores, clock.seconds):
            return replace(law, status="proved", digits=None, points=None, explanation=text)
        found = _separation(scores, clock.seconds)
        if found is None or not _are_independent(found.statistics, scores.one):
            return law
        ring, n = manifold.ring, range(manifold.dim)
        eta = [ring.convert(e) for e in scores.whole.external(list(found.natural))]
        jacobian = [[ring.derivative(e, i) for e in eta] for i in n]
        if not proved_sign(View(manifold.levi_civita), linear.determinant(ring, jacobian)):
            return law
        text = (
            "g = J Cov(T) J^t for natural parameters with det J of one sign on the domain, and "
            "statistics T that are affinely independent on the support"
        )
        return replace(law, status="proved", digits=None, points=None, explanation=text)

    found = run(clock, law.name, law.statement, proof)
    return found if found.status == "proved" else law


def _are_independent_scores(manifold: StatisticalManifold, scores: Scores, seconds: float) -> bool:
    try:
        # The ring of the manifold must not be cut between two of its steps.
        run_bounded(lambda _: scores.closed.scores_on_branches(), seconds, None, processor=True)
    except OutOfTime:
        return False
    return independent_scores(View(manifold.levi_civita), scores.closed)


def _are_independent(statistics: Sequence[sp.Expr], declaration: Declaration) -> bool:
    """Whether 1 and the statistics are linearly independent at places of the support."""
    size = len(statistics) + 1
    context = thread_context(50)
    program = Program(list(statistics), [])
    rows: list[list[Any]] = []
    for values in sample_points(declaration, 4 * size):
        row = program.bind(context, values)([])
        rows.append([context.mpf(1), *(v.real for v in row)])
    matrix = context.matrix(rows)
    gram = matrix.T * matrix
    for i in range(size):
        if not gram[i, i] > 0:
            return False
    scaled = context.matrix(size, size)
    for i in range(size):
        for j in range(size):
            scaled[i, j] = gram[i, j] / (gram[i, i] * gram[j, j]) ** 0.5
    smallest = min(context.eigsy(scaled, eigvals_only=True))
    return bool(smallest > context.mpf(10) ** -25)
