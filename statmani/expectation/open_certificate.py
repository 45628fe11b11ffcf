"""Certificates of tensors with unevaluated expectations, by a second rule of quadrature."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.derivatives import derivative
from statmani.errors import CertificateError, InvalidFamily, RegularityError
from statmani.expectation.certificate import MOVING, Certificate, Check, has_moving_kinks
from statmani.expectation.nodes import without_max
from statmani.expectation.panels import PanelRule
from statmani.expectation.stable import stable_sums
from statmani.expectation.together import Together

__all__ = ["certify_open"]

_SMALL = 1e-9
_SHARED = (
    "expectations over several variables were compared with the same kind of quadrature, at other "
    "nodes and with the functions as declared"
)
Index = tuple[int, ...]


def certify_open(
    declaration: Declaration,
    metric: sp.Matrix,
    skewness: Mapping[tuple[int, int, int], sp.Expr],
    strategies: tuple[tuple[str, str], ...],
) -> Certificate:
    """Compare g, T and Gamma^(1) with a second rule on their plain definitions, at two points.

    Raises
    ------
    CertificateError
        An entry differs, or the definitions do not converge.
    RegularityError
        E[s] is not zero.
    InvalidFamily
        The density does not integrate to one.
    """
    declaration = stable_sums(declaration)
    n = len(declaration.parameters)
    ell, thetas = without_max(declaration.log_density), declaration.parameters
    scores = [derivative(ell, t) for t in thetas]

    def t(*index: int) -> sp.Expr:
        i, j, k = sorted(index)
        return skewness.get((i, j, k), sp.Integer(0))

    def first(i: int, j: int, k: int) -> sp.Expr:
        slopes = derivative(metric[j, k], thetas[i]) + derivative(metric[i, k], thetas[j])
        return (slopes - derivative(metric[i, j], thetas[k]) - t(i, j, k)) / 2

    pairs = list(itertools.combinations_with_replacement(range(n), 2))
    triples = list(itertools.combinations_with_replacement(range(n), 3))
    kinked = has_moving_kinks(declaration, ell)
    mixed = [] if kinked else [(i, j, k) for i, j in pairs for k in range(n)]
    definitions = [sp.Mul(*(scores[i] for i in index)) for index in (*pairs, *triples)]
    definitions += [derivative(scores[i], thetas[j]) * scores[k] for i, j, k in mixed]
    claims = [metric[i, j] for i, j in pairs] + [t(*index) for index in triples]
    claims += [first(*index) for index in mixed]
    groups: list[tuple[str, str, list[Any]]] = [
        ("g", "E[s_i s_j]", pairs),
        ("T", "E[s_i s_j s_k]", triples),
        ("Gamma^(1)", "E[d_ij l s_k] from g, T in another index order", mixed),
    ]
    rule = PanelRule(declaration, scores + definitions)
    program = Together(claims)
    points, checks = [], []
    for number, point in enumerate(declaration.domain.interior_points(2, seed=1)):
        values = {**declaration.sample_values(), **dict(zip(thetas, point, strict=True))}
        named = tuple((declaration.external(s), v) for s, v in zip(thetas, point, strict=True))
        place = ", ".join(f"{symbol} = {value}" for symbol, value in named)
        points.append(named)
        estimate = rule.at(values)
        found, error = program.at(values)
        error = max(error, estimate.error)
        if not error < 1e-3:
            raise CertificateError(
                f"certificate: the definitions of the tensors do not converge numerically at "
                f"{place} (relative change {error:.1e}); g or T may be infinite there. "
                "Restrict the domain of the parameters."
            )
        tolerance = max(_SMALL, 100 * error)
        checks.append(_normalised(number, estimate.total, tolerance, place))
        numbers, sizes = list(estimate.values), list(estimate.sizes)
        roots = [abs(numbers[n + at]) ** 0.5 for at, (i, j) in enumerate(pairs) if i == j]
        names = [str(declaration.external(s)) for s in thetas]
        checks.append(_centred(number, numbers[:n], roots, names, tolerance, place))
        at = n
        for label, name, indices in groups:
            worst = 0.0
            for index in indices:
                size = max(sizes[at], sp.prod([roots[i] for i in index]), 1e-300)
                residual = abs(float(found[at - n].real) - numbers[at]) / float(size)
                if not residual <= tolerance:
                    raise CertificateError(
                        f"certificate: {label}[{','.join(map(str, index))}] evaluates to "
                        f"{float(found[at - n].real):.15g} but a second rule on its definition "
                        f"gives {numbers[at]:.15g} at {place}. This is a defect of the "
                        "derivation, not of the declaration; please report it."
                    )
                worst, at = max(worst, residual), at + 1
            if indices:
                checks.append(Check(name, number, worst, tolerance))
    notes = (*(() if rule.independent else (_SHARED,)), *((MOVING,) if kinked else ()))
    return Certificate(strategies, tuple(points), (15,) * len(points), tuple(checks), notes)


def _normalised(number: int, total: float, tolerance: float, place: str) -> Check:
    residual = abs(total - 1)
    if not residual <= tolerance:
        raise InvalidFamily(
            f"density: its integral is {total:.10g}, not 1, at {place}. Divide the density by it, "
            "or correct the support."
        )
    return Check("normalisation", number, float(residual), tolerance)


def _centred(
    number: int,
    means: list[float],
    roots: list[float],
    names: list[str],
    tolerance: float,
    place: str,
) -> Check:
    residuals = [abs(m) / max(r, 1e-300) for m, r in zip(means, roots, strict=True)]
    for residual, mean, name in zip(residuals, means, names, strict=True):
        if not residual <= tolerance:
            raise RegularityError(
                f"score: E[d log p / d {name}] is {mean:.10g}, not 0, at {place}. The support "
                "moves with the parameter or the density is not regular; make that parameter a "
                "constant."
            )
    return Check("E[s_i] = 0", number, float(max(residuals)), tolerance)
