"""The total mass of densities that are multiples of a canonical kernel."""

from __future__ import annotations

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.kernels import Branch, match_kernels, resolve
from statmani.expectation.normalise import Signs, normalise
from statmani.expectation.statistics import (
    exp_of,
    gaussian_shift,
)

__all__ = ["integral_of", "log_mass", "total_mass"]


def total_mass(ell: sp.Expr, branch: Branch, declaration: Declaration, signs: Signs) -> sp.Expr:
    """The integral of exp(ell) over a branch whose density is a multiple of its kernel's."""
    return exp_of(log_mass(ell, branch, declaration, signs))


def log_mass(ell: sp.Expr, branch: Branch, declaration: Declaration, signs: Signs) -> sp.Expr:
    """Logarithm of :func:`total_mass`, read off at one point of the kernel's variable.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.masses import log_mass
    >>> from statmani.expectation.kernels import match_kernels
    >>> from statmani.expectation.normalise import Signs, normalise
    >>> declaration = sm.families.exponential_rate().declaration
    >>> signs = Signs(declaration)
    >>> ell = normalise(declaration.log_density, declaration, signs)
    >>> branch, = match_kernels(ell, declaration, signs)
    >>> log_mass(ell, branch, declaration, signs)
    0
    """
    u, sample = branch.variable, declaration.variables[0].symbol
    at = sp.Rational(1, 2) if branch.kernel.name == "beta" else sp.Integer(1)
    if branch.folded is not None and branch.fold is not None and branch.inner is not None:
        moved = resolve(ell.xreplace({sample: branch.folded})).xreplace({branch.fold: branch.inner})
    else:
        moved = ell.xreplace({sample: branch.transform})
    slope = branch.transform.diff(u).xreplace({u: at})
    level = normalise(moved.xreplace({u: at}), declaration, signs)
    level += normalise(sp.log(signs.of(slope) * slope), declaration, signs)
    lg, shapes = sp.loggamma, branch.kernel.shapes
    if branch.kernel.name == "gamma":
        return sp.expand(level + at + lg(shapes[0]))
    a, b = shapes
    level += lg(a) + lg(b) - lg(a + b)
    power = a + b - 2 if branch.kernel.name == "beta" else a + b
    return sp.expand(level + power * sp.log(2))


def integral_of(level: sp.Expr, declaration: Declaration, signs: Signs) -> sp.Expr | None:
    """The integral of exp(level) over the sample: Gaussian, or a multiple of one kernel.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.masses import integral_of
    >>> from statmani.expectation.normalise import Signs, normalise
    >>> declaration = sm.families.normal().declaration
    >>> signs = Signs(declaration)
    >>> integral_of(normalise(declaration.log_density, declaration, signs), declaration, signs)
    1
    """
    whole = gaussian_shift(level, sp.Integer(0), sp.Integer(1), declaration)
    if whole is not None:
        return whole.value
    branches = match_kernels(level, declaration, signs)
    if branches is None or len(branches) != 1:
        return None
    return total_mass(level, branches[0], declaration, signs)
