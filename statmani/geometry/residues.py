"""Elements of a ring at random points of a finite field, for exact linear algebra on samples."""

from __future__ import annotations

from math import gcd
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from statmani.algebra.element import Element
from statmani.algebra.polynomials import Relation
from statmani.algebra.ring import Ring

__all__ = ["PRIME", "Residues", "inverse_residue", "power_residue"]

Ints = NDArray[np.int64]

#: Below 2^31, so that products fit 64 bits; 3 modulo 4 and p - 1 prime to 3, 5 and 7, so that
#: roots of degree 2, 3, 5 and 7 are powers.
PRIME = 2147483579
_ATTEMPTS = 30


def power_residue(base: Ints, exponent: int) -> Ints:
    """Powers modulo the prime; the exponent is not negative."""
    result = np.ones_like(base)
    factor = base % PRIME
    while exponent:
        if exponent & 1:
            result = result * factor % PRIME
        factor = factor * factor % PRIME
        exponent >>= 1
    return result


def inverse_residue(values: Ints) -> Ints:
    """Inverses modulo the prime; zero stays zero."""
    return power_residue(values, PRIME - 2)


def _root(values: Ints, degree: int) -> Ints:
    # A square root that is a square itself, as often as 2 divides the degree.
    while degree % 2 == 0:
        values, degree = power_residue(values, (PRIME + 1) // 4), degree // 2
    if gcd(degree, PRIME - 1) == 1:
        return power_residue(values, pow(degree, -1, PRIME - 1))
    return np.zeros_like(values)


@final
class Residues:
    """Random values of a ring's generators that keep its relations.

    Parameters
    ----------
    ring : Ring
        All elements of interest are made before, for derivatives may add generators.
    count : int
        How many points.
    seed : int
    """

    def __init__(self, ring: Ring, count: int, seed: int) -> None:
        self._ring = ring.polynomials
        fixed = [
            not any(ring.derivative(self._ring.generator(v), i) for i in range(ring.dim))
            for v in range(len(ring.atoms))
        ]
        relations = sorted(self._ring.relations, key=lambda r: r.generator)
        for attempt in range(_ATTEMPTS):
            self._random = np.random.default_rng((seed, attempt))
            self._draw(count, fixed, relations)
            if self.count == count:
                break

    def _draw(self, count: int, fixed: list[bool], relations: list[Relation]) -> None:
        # Constants have one value; half of all numbers are squares.
        many = 2 * count << min(len(relations), 6)
        self._values = [
            np.full(many, self.random(1)[0]) if constant else self.random(many)
            for constant in fixed
        ]
        good = np.ones(many, dtype=bool)
        for relation in relations:
            radicand = self._polynomial(self._ring.lift(relation.radicand))
            root = _root(radicand, relation.degree)
            good &= (power_residue(root, relation.degree) == radicand) & (radicand != 0)
            self._values[relation.generator] = root
        kept = np.flatnonzero(good)[:count]
        self._values = [v[kept] for v in self._values]
        #: How many points; fewer than asked for when the relations of constants have no solution.
        self.count = len(kept)

    def random(self, count: int) -> Ints:
        """Residues that are not zero."""
        return self._random.integers(1, PRIME, count, dtype=np.int64)

    def __call__(self, element: Element) -> Ints:
        """Values of an element at all points."""
        result = self._polynomial(self._ring.numerator(element))
        for index, e in enumerate(element.den):
            if e:
                below = self._polynomial(self._ring.factors[index])
                result = result * power_residue(inverse_residue(below), int(e)) % PRIME
        return result

    def _polynomial(self, polynomial: Any) -> Ints:
        total = np.zeros(len(self._values[0]), dtype=np.int64)
        powers: dict[tuple[int, int], Ints] = {}
        for exponents, c in polynomial.to_dict().items():
            term = np.full_like(total, int(c.p) % PRIME * pow(int(c.q), -1, PRIME) % PRIME)
            for v, e in enumerate(exponents):
                if e:
                    key = v, int(e)
                    if key not in powers:
                        powers[key] = power_residue(self._values[v], int(e))
                    term = term * powers[key] % PRIME
            total = (total + term) % PRIME
        return total
