"""Polynomials as sorted tuples of terms, and Laurent monomials."""

from __future__ import annotations

from math import gcd

__all__ = ["Monomial", "Powers", "Terms", "merged", "split"]

# Sparse monomials: (rank of a generator, positive exponent), ascending.
Monomial = tuple[tuple[int, int], ...]
# Terms of a polynomial with integer coefficients in descending order.
Terms = tuple[tuple[Monomial, int], ...]
# Exponents of bases; generators count up from 0, other polynomials down from -1.
Powers = tuple[tuple[int, int], ...]


def split(terms: Terms) -> tuple[int, Monomial, Terms]:
    """Content with the sign of the first term, common monomial, and the primitive rest."""
    content = gcd(*[c for _, c in terms])
    if terms[0][1] < 0:
        content = -content
    # A constant term stands last.
    common = dict(terms[0][0]) if terms[-1][0] else {}
    for monomial, _ in terms[1:]:
        if not common:
            break
        here = dict(monomial)
        common = {v: min(e, here[v]) for v, e in common.items() if v in here}
    if not common:
        rest = terms if content == 1 else tuple([(m, c // content) for m, c in terms])
        return content, (), rest
    get = common.get
    rest = tuple(
        [(tuple([(v, e - get(v, 0)) for v, e in m if e != get(v)]), c // content) for m, c in terms]
    )
    return content, tuple(sorted(common.items())), rest


def merged(a: Powers, b: Powers) -> Powers:
    """The product of two Laurent monomials."""
    total = dict(a)
    for base, exponent in b:
        total[base] = total.get(base, 0) + exponent
    return tuple(sorted((v, e) for v, e in total.items() if e))
