"""Constants recognised from their digits by integer relations.

PSLQ (Ferguson, Bailey and Arno 1999) looks for a relation with small integers between a number
of 80 digits and a few known constants. A relation is accepted only when its integers carry far
fewer digits than the number, and when it also gives the next 35 digits. That is strong evidence
and no proof: such a constant is labelled identified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp
from flint import fmpz_mat

from statmani.expectation.evaluate import Program, new_context

__all__ = ["CHECKED", "SEARCHED", "identify"]

#: Digits that the search sees, and digits that the relation must give.
SEARCHED = 80
CHECKED = 115

_PI2 = sp.pi**2
_LOG2 = sp.log(2)
_Z3 = sp.zeta(3)
_Z5 = sp.zeta(5)
#: Linearly independent over the rational numbers, as far as is known.
_BASES: tuple[tuple[sp.Expr, ...], ...] = (
    (sp.S.One,),
    (sp.S.One, sp.pi, _PI2),
    (sp.S.One, sp.EulerGamma, sp.EulerGamma**2, _PI2),
    (_PI2, sp.pi**4, _Z3),
    (sp.pi**4, sp.pi**6, _Z5),
    (sp.S.One, _LOG2, _LOG2**2, _PI2, _Z3),
    (sp.S.One, sp.sqrt(2), sp.sqrt(3), sp.sqrt(6)),
    (sp.S.One, sp.sqrt(5)),
    (sp.S.One, sp.pi, sp.pi * sp.sqrt(3), sp.sqrt(3), sp.log(3)),
    (sp.S.One, sp.pi, sp.pi * sp.sqrt(2), sp.sqrt(2), _LOG2),
    (sp.S.One, _PI2, sp.pi**4, sp.pi**6, _Z3, _Z5, _LOG2),
    (sp.S.One, sp.pi, _LOG2, sp.pi * _LOG2, sp.Catalan, _PI2),
)
#: Digits of all integers of a relation together, as a share of the digits searched.
_SHARE = 0.5


def identify(value: Any, scales: Sequence[sp.Expr] = ()) -> sp.Expr | None:
    """A rational combination of known constants that equals a number to all its digits.

    Parameters
    ----------
    value : mpf
        Right to :data:`CHECKED` digits.
    scales : sequence of Expr
        Constants c that may multiply the known ones, such as the normaliser of a density.

    Returns
    -------
    Expr or None

    Examples
    --------
    >>> import mpmath
    >>> from statmani.expectation.identify import identify
    >>> context = mpmath.MPContext()
    >>> context.dps = 130
    >>> identify(context.mpf(2) / 3 + context.euler / 5)
    EulerGamma/5 + 2/3
    >>> identify(context.exp(context.euler)) is None
    True
    """
    context = new_context(CHECKED + 15)
    value = context.mpf(value)
    if abs(value) < context.mpf(10) ** -(CHECKED - 10):
        return sp.Integer(0)
    seen: set[tuple[sp.Expr, ...]] = set()
    for scale in (sp.S.One, *scales):
        for base in _BASES:
            terms = tuple(dict.fromkeys(scale * b for b in base))
            if scale != 1:
                terms = tuple(dict.fromkeys((*terms, sp.S.One)))
            if terms in seen:
                continue
            seen.add(terms)
            found = _relation(value, terms, context)
            if found is not None:
                return found
    return None


def _has_short_relation(numbers: Sequence[Any], largest: int) -> bool:
    """Whether lattice reduction leaves PSLQ anything to find: it is a thousand times faster."""
    rows = []
    for place, number in enumerate(numbers):
        scaled = int(number * 10 ** (SEARCHED - 6))
        rows.append([*(int(place == k) for k in range(len(numbers))), scaled])
    reduced = fmpz_mat(rows).lll()
    shortest = [abs(int(reduced[0, k])) for k in range(len(numbers) + 1)]
    return max(shortest) <= 10 * len(numbers) * largest


def _relation(value: Any, terms: tuple[sp.Expr, ...], context: Any) -> sp.Expr | None:
    exact = Program(list(terms), []).bind(context, {})([])
    search = new_context(SEARCHED)
    numbers = [search.mpf(value), *(search.mpf(e) for e in exact)]
    largest = int(10 ** min(12.0, _SHARE * SEARCHED / len(numbers)))
    if not _has_short_relation(numbers, largest):
        return None
    tolerance = search.mpf(10) ** -(SEARCHED - 4)
    integers = search.pslq(numbers, tol=tolerance, maxcoeff=largest, maxsteps=20000)
    if integers is None or integers[0] == 0:
        return None
    rationals = [-sp.Rational(n, integers[0]) for n in integers[1:]]
    total = context.fsum(
        context.mpf(int(r.p)) / int(r.q) * e for r, e in zip(rationals, exact, strict=True)
    )
    if not abs(total - value) < context.mpf(10) ** -(CHECKED - 8) * max(1, abs(value)):
        return None
    return sp.Add(*(r * t for r, t in zip(rationals, terms, strict=True)))
