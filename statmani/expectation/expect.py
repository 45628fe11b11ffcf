"""Closed forms of users' own expectations E_theta[f]."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import CertificateError, IntractableExpectation, InvalidArgument
from statmani.expectation.evaluate import Program, new_context
from statmani.expectation.exponential import minimal, open_piecewise, separate, solve_means
from statmani.expectation.integration import Budget, integrate
from statmani.expectation.kernels import Branch, match_kernels
from statmani.expectation.means import (
    finite_points,
    gaussian_means,
    kernel_mean,
    read_on_branches,
    sum_finite,
)
from statmani.expectation.normalise import Signs, expand_shallow, normalise
from statmani.expectation.quadrature import Integrator
from statmani.expectation.sparse import Sparse, exponents
from statmani.expectation.tidy import tidy

__all__ = ["expect"]


def expect(declaration: Declaration, expr: sp.Expr, *, effort: float = 1.0) -> sp.Expr:
    """E[expr] in closed form, checked against quadrature at one interior point.

    Parameters
    ----------
    declaration : Declaration
    expr : Expr
        In internal symbols.
    effort : float
        Scales the time that integration as a last resort may take (4 s at 1).

    Raises
    ------
    InvalidArgument
        ``expr`` has symbols that the declaration does not know.
    IntractableExpectation
        No strategy found a closed form.
    CertificateError
        The closed form disagrees with quadrature.
    """
    expr = sp.sympify(expr)
    samples = {v.symbol for v in declaration.variables}
    unknown = expr.free_symbols - samples - set(declaration.parameters) - set(declaration.constants)
    extra = {s: sp.Rational(3, 2) for s in unknown}
    if any(s.is_real is False for s in unknown):
        raise InvalidArgument(f"expect: {sorted(unknown, key=str)[0]} is not real.")
    if not expr.free_symbols & samples:
        return expr
    value = _closed(declaration, expr, effort)
    if value is None:
        raise IntractableExpectation(
            f"E[{declaration.external(expr)}]: no closed form found. Tried: exponential family, "
            f"Gaussian moments, canonical kernels, finite sums; sympy.integrate for "
            f"{4.0 * effort:g} s. Raise `effort`, or evaluate it numerically."
        )
    if value.has(sp.nan, sp.zoo, sp.oo):
        raise _diverges(declaration, expr, "every point")
    _verify(declaration, expr, value, extra)
    return value


def _diverges(declaration: Declaration, expr: sp.Expr, place: str) -> IntractableExpectation:
    return IntractableExpectation(
        f"E[{declaration.external(expr)}]: does not converge at {place}; it is infinite or does "
        "not exist there. Restrict the domain of the parameters."
    )


def _closed(declaration: Declaration, expr: sp.Expr, effort: float) -> sp.Expr | None:
    signs = Signs(declaration)
    ell = normalise(declaration.log_density, declaration, signs)
    form = normalise(expr, declaration, signs)
    gaussian = gaussian_means(ell, [form], declaration)
    if gaussian is not None:
        return gaussian[0]
    branches = match_kernels(ell, declaration, signs)
    if branches is not None:
        sparse = read_on_branches([form], branches, declaration)
        if sparse is not None:
            _check_convergence(declaration, expr, branches, [s[0] for s in sparse])
            return kernel_mean([s[0] for s in sparse], branches)
    points = finite_points(declaration)
    if points is not None:
        return tidy(sum_finite(ell, expr, points))
    linear = _linear(declaration, ell, form)
    if linear is not None:
        return linear
    value = integrate(declaration, expr, Budget(4.0 * effort))
    return None if value is None else tidy(value)


def _check_convergence(
    declaration: Declaration,
    expr: sp.Expr,
    branches: Sequence[Branch],
    sparse: Sequence[Sparse],
) -> None:
    """Moments continue analytically past where they exist; that must not be returned."""
    context = new_context(20)
    for branch, total in zip(branches, sparse, strict=True):
        ends = [e for key in total for e in exponents(branch.kernel, key)]
        program = Program(ends, [])
        for point in declaration.domain.interior_points(2):
            values = {**declaration.sample_values()}
            values.update(zip(declaration.parameters, point, strict=True))
            if any(v <= 0 for v in program.bind(context, values)([])):
                place = ", ".join(
                    f"{declaration.external(t)} = {v}"
                    for t, v in zip(declaration.parameters, point, strict=True)
                )
                raise _diverges(declaration, expr, place or "every point")


def _linear(declaration: Declaration, ell: sp.Expr, form: sp.Expr) -> sp.Expr | None:
    """E of a combination of the sufficient statistics of a full exponential family."""
    separation = separate(open_piecewise(ell, declaration), declaration)
    if separation is None:
        return None
    separation = minimal(separation, declaration)
    if len(separation.natural) != len(declaration.parameters):
        return None
    samples = {v.symbol for v in declaration.variables}
    names = {t: sp.Dummy(f"T{i}") for i, t in enumerate(separation.statistics)}
    parts: sp.Expr = sp.Integer(0)
    for term in sp.Add.make_args(expand_shallow(form)):
        factor, rest = term.as_independent(*samples, as_Add=False)
        if rest == 1:
            parts += factor
        elif rest in names:
            parts += factor * names[rest]
        else:
            return None
    means = solve_means(separation, declaration)
    if means is None:
        return None
    return tidy(parts.xreplace(dict(zip(names.values(), means, strict=True))))


def _verify(
    declaration: Declaration, expr: sp.Expr, value: sp.Expr, extra: dict[sp.Symbol, sp.Expr]
) -> None:
    point = declaration.domain.interior_points(1, seed=3)[0]
    values = {**declaration.sample_values(), **extra}
    values.update(zip(declaration.parameters, point, strict=True))
    estimate = Integrator(declaration, [expr]).at(values)
    closed = Program([value], []).bind(new_context(30), values)([])[0]
    number, size = float(estimate.values[0]), float(estimate.sizes[0])
    place = ", ".join(
        f"{declaration.external(t)} = {v}"
        for t, v in zip(declaration.parameters, point, strict=True)
    )
    if not estimate.error < 1e-3:
        raise _diverges(declaration, expr, place)
    if not abs(closed - number) <= max(1e-8, 100 * estimate.error) * max(size, 1e-300):
        raise CertificateError(
            f"certificate: E[{declaration.external(expr)}] was derived as "
            f"{float(closed.real):.15g} but quadrature gives {number:.15g} at {place}. This is a "
            "defect of the derivation; please report it."
        )
