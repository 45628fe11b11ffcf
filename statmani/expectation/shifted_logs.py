"""E[log(1 + r u)] for u from a Beta-prime density of shape (1, b) or (a, 1)."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.kernels import Branch
from statmani.expectation.normalise import Signs, sample_points
from statmani.expectation.sparse import Converter, NotSparse, moment
from statmani.expectation.tidy import is_zero, tidy

__all__ = ["shifted_log_mean"]


def shifted_log_mean(
    term: sp.Expr, branches: Sequence[Branch], declaration: Declaration, signs: Signs
) -> sp.Expr | None:
    """E[c log(k u^p (1 + r u))], where r is not the kernel's own ratio.

    With P(u > t) = (1 + t)^-b the integral of P r / (1 + r t) is Lerch's transcendent
    Phi(1 - 1/r, 1, b), DLMF 25.14.1; for b = 1 it is r log(r) / (r - 1).

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> family = sm.families.lomax().fix({sm.families.lomax().parameters[1]: 1})
    >>> x, = family.sample
    >>> family.expect(sp.log(1 + x/3))
    lerchphi(-2, 1, alpha)
    """
    if len(branches) != 1 or branches[0].kernel.name != "beta_prime":
        return None
    branch = branches[0]
    a, b = branch.kernel.shapes
    if a != 1 and b != 1:
        return None
    sample = declaration.variables[0].symbol
    coefficient, moving = term.as_independent(sample, as_Add=False)
    if not isinstance(moving, sp.log):
        return None
    points = sample_points(declaration, 3)
    converter = Converter(branch.variable, lambda e: is_zero(e, points))
    try:
        low, power, q = converter._monomial(moving.args[0].xreplace({sample: branch.transform}))
    except NotSparse:
        return None
    ratio = converter.ratio
    if q != 1 or ratio is None or signs.of(ratio) <= 0 or signs.of(low) <= 0:
        return None
    log_u = (sp.Integer(0), 1, sp.Integer(0), 0)
    total = sp.log(low) + power * moment(branch.kernel, log_u)
    if a == 1:
        return coefficient * (total + _tail(ratio, b))
    # log(1 + r u) = log(r u) + log(1 + 1 / (r u)), and 1/u has the shapes exchanged.
    total += sp.log(ratio) + moment(branch.kernel, log_u)
    return coefficient * (total + _tail(tidy(1 / ratio), a))


def _tail(ratio: sp.Expr, shape: sp.Expr) -> sp.Expr:
    if shape == 1:
        general = ratio * sp.log(ratio) / (ratio - 1)
        return sp.Piecewise((1, sp.Eq(ratio, 1)), (general, True))
    return sp.lerchphi(tidy(1 - 1 / ratio), 1, shape)
