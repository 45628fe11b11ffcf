"""Ring elements to the source of compiled functions, without sympy's arithmetic.

An element is a number times a Laurent monomial in *bases*: generators of the ring and primitive
irreducible polynomials, from its factored numerator and denominator. Bases, their powers and
shared parts of their nested (Horner) forms are computed once. Names are our own and the order
depends on the generators' expressions only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from typing import Any, final

from sympy import Dummy, Expr, Symbol, srepr

from statmani.algebra.element import Element
from statmani.algebra.factors import Factors
from statmani.algebra.ring import Ring
from statmani.kernels.emit import expression_source
from statmani.kernels.terms import Monomial, Powers, Terms, merged, split

__all__ = ["element_source", "element_text", "expression_text", "has_opaque"]

# Factorising longer numerators takes longer than compiling them.
_LONGEST = 200


_SYMBOL = re.compile(r"Symbol\('(\w+)'[^()]*\)")


def expression_text(expr: Expr) -> str:
    """An expression in a ring's own symbols, all of different names, without assumptions.

    Equal symbols may note their assumptions differently, depending on what sympy has cached.
    """
    return _SYMBOL.sub(r"\1", srepr(expr))


@final
class _Reader:
    """Polynomials of elements over generators that are ranked by their expressions."""

    def __init__(self, ring: Ring, elements: Sequence[Element]) -> None:
        self.ring = ring
        own = ring.polynomials
        used: set[int] = set()
        self.factors = sorted({i for e in elements for i, k in enumerate(e.den) if k})
        for polynomial in [own.factors[i] for i in self.factors]:
            used.update(own.used(polynomial))
        for element in elements:
            used.update(own.used(own.numerator(element)))
        # Coordinates first, in their order.
        inner = {v: expression_text(ring.atoms[v].expr) for v in used if v >= ring.dim}
        order = sorted(v for v in used if v < ring.dim) + sorted(inner, key=inner.__getitem__)
        self.generators = order
        self._rank = {v: k for k, v in enumerate(order)}

    def terms(self, polynomial: Any) -> tuple[Terms, int]:
        """The terms, sorted, of a polynomial times the denominator that is given beside them."""
        rank = self._rank
        used = sorted((rank[v], v) for v, d in enumerate(polynomial.degrees()) if d > 0)
        monomials = [tuple([(k, int(m[v])) for k, v in used if m[v]]) for m in polynomial.monoms()]
        pairs = [(int(c.p), int(c.q)) for c in polynomial.coeffs()]
        below = lcm(*[q for _, q in pairs])
        numbers = [p * (below // q) for p, q in pairs] if below > 1 else [p for p, _ in pairs]
        found = sorted(zip(monomials, numbers, strict=True), reverse=True)
        return tuple(found), below


def has_opaque(ring: Ring, elements: Sequence[Element]) -> bool:
    """Whether elements contain what only sympy can differentiate, such as a Piecewise."""
    with ring.polynomials.lock:
        used = [ring.atoms[v].expr for v in _Reader(ring, elements).generators]
    return any(ring.has_atom(("opaque", expr)) for expr in used)


def element_text(ring: Ring, elements: Iterable[Element]) -> str:
    """What identifies elements whatever the ring has computed before."""
    made = list(elements)
    with ring.polynomials.lock:
        reader = _Reader(ring, made)
        factors = {i: repr(reader.terms(ring.polynomials.factors[i])) for i in reader.factors}
        lines = [expression_text(ring.atoms[v].expr) for v in reader.generators]
        for e in made:
            below = sorted((factors[i], k) for i, k in enumerate(e.den) if k)
            lines.append(f"{reader.terms(ring.polynomials.numerator(e))!r} {below!r}")
    return "\n".join(lines)


@final
class _Writer:
    """Lines of straight code; every value that is asked for twice is computed once."""

    def __init__(self, reader: _Reader) -> None:
        self.lines: list[str] = []
        self._reader = reader
        self._count = 0
        self._atoms: dict[int, tuple[str, str]] = {}
        self._known: dict[Powers, str] = {}
        self._cores: dict[Terms, int] = {}
        self._core_names: list[str] = []
        self._coordinates: dict[int, str] = {}
        self._exponentials: dict[Expr, Symbol] = {}
        self._names: dict[Symbol, str] = {}
        self._start()

    def _start(self) -> None:
        """Name coordinates, exponentials and then the other generators, which may use both."""
        ring, order = self._reader.ring, self._reader.generators
        symbols = {s: k for k, s in enumerate(ring.domain.symbols)}
        needed: set[Any] = set()
        for v in order:
            needed |= ring.atoms[v].expr.free_symbols
        for symbol, k in symbols.items():
            if symbol in needed:
                self._names[symbol] = f"x{k}"
                self.lines.append(f"x{k} = x[{k}]")
        for late in (False, True):
            for rank, v in enumerate(order):
                atom = ring.atoms[v]
                if atom.expr in self._names:
                    self._atoms[rank] = self._names[atom.expr], ""
                elif (atom.kind != "exp") == late:
                    argument = ""
                    if atom.kind in ("exp", "cos") and atom.argument is not None:
                        argument = self._shown(ring.to_internal_expr(atom.argument))
                    text = self._shown(atom.expr)
                    name = f"a{rank}"
                    self.lines.append(f"{name} = {text}")
                    self._atoms[rank] = name, argument
                    if not late:
                        symbol = Dummy(name)
                        self._exponentials[atom.expr] = symbol
                        self._names[symbol] = name

    def _shown(self, expr: Expr) -> str:
        return expression_source(expr.xreplace(self._exponentials), self._names)

    def _bind(self, text: str) -> str:
        self._count += 1
        self.lines.append(f"t{self._count} = {text}")
        return f"t{self._count}"

    # -- bases and their powers ----------------------------------------------------------

    def base(self, core: Terms) -> int:
        """The number of a primitive polynomial of several terms."""
        known = self._cores.get(core)
        if known is None:
            text = self._near_zero(core) or self._nested(core)
            self._core_names.append(self._bind(text))
            known = self._cores[core] = -len(self._core_names)
        return known

    def _near_zero(self, core: Terms) -> str:
        """exp - 1 and cos +- 1 without cancellation."""
        if len(core) != 2 or core[1][0] != () or core[0][1] != 1 or abs(core[1][1]) != 1:
            return ""
        ((rank, exponent), *others) = core[0][0]
        kind = self._reader.ring.atoms[self._reader.generators[rank]].kind
        argument = self._atoms[rank][1]
        if others or exponent != 1:
            return ""
        if kind == "exp" and core[1][1] == -1:
            return f"math.expm1({argument})"
        if kind == "cos":
            sine = core[1][1] == -1
            half = self._bind(f"math.{'sin' if sine else 'cos'}(0.5*{argument})")
            return f"{'-2.0' if sine else '2.0'}*{half}*{half}"
        return ""

    def _power(self, base: int, exponent: int) -> str:
        key = ((base, exponent),)
        known = self._known.get(key)
        if known is None:
            if exponent == 1:
                known = self._atoms[base][0] if base >= 0 else self._core_names[-base - 1]
            elif exponent == -1:
                argument = self._atoms[base][1] if base >= 0 else ""
                if argument and self._is_exponential(base):
                    known = self._bind(f"math.exp(-{argument})")
                else:
                    known = self._bind(f"1.0/{self._power(base, 1)}")
            else:
                half = exponent // 2 if exponent > 0 else -(-exponent // 2)
                a, b = self._power(base, half), self._power(base, exponent - half)
                known = self._bind(f"{a}*{b}")
            self._known[key] = known
        return known

    def _is_exponential(self, rank: int) -> bool:
        return self._reader.ring.atoms[self._reader.generators[rank]].kind == "exp"

    def product(self, powers: Powers) -> str:
        """The name of a Laurent monomial in bases."""
        known = self._known.get(powers)
        if known is None:
            if len(powers) == 1:
                return self._power(*powers[0])
            known = self._bind(f"{self.product(powers[:-1])}*{self._power(*powers[-1])}")
            self._known[powers] = known
        return known

    def scaled(self, number: Fraction | int, powers: Powers) -> str:
        """A multiple of a Laurent monomial as an expression."""
        if not powers:
            return _literal(number)
        name = self.product(powers)
        if number == 1:
            return name
        if number == -1:
            return f"-{name}"
        return f"{_literal(number)}*{name}"

    # -- polynomials ---------------------------------------------------------------------

    def _nested(self, core: Terms) -> str:
        """A sum: most frequent generator times a polynomial, plus the rest."""
        counts: dict[int, int] = {}
        for monomial, _ in core:
            for v, _ in monomial:
                counts[v] = counts.get(v, 0) + 1
        best = max(counts, key=lambda v: (counts[v], -v))
        if counts[best] < 2 or len(core) == 2:
            return _sum(self.scaled(c, m) for m, c in core)
        inside = tuple(t for t in core if any(v == best for v, _ in t[0]))
        outside = tuple(t for t in core if all(v != best for v, _ in t[0]))
        return _sum(self._part(terms) for terms in (inside, outside) if terms)

    def _part(self, terms: Terms) -> str:
        content, common, core = split(terms)
        if len(core) == 1:
            return self.scaled(content, common)
        return self.scaled(content, merged(common, ((self.base(core), 1),)))


def _literal(number: Fraction | int) -> str:
    value = number.numerator / number.denominator
    return repr(value) if value >= 0 else f"({value!r})"


def _sum(parts: Iterable[str]) -> str:
    return " + ".join(parts).replace("+ -", "- ")


@final
class _Elements:
    """Elements as numbers times Laurent monomials in the bases of a writer."""

    def __init__(self, reader: _Reader, writer: _Writer, elements: Iterable[Element]) -> None:
        self._reader, self._writer = reader, writer
        self._below: dict[int, tuple[Fraction, Powers]] = {}
        self._above: dict[Terms, tuple[Fraction, Powers]] = {}
        #: By identity of a numerator, which its element keeps.
        self._numerators: dict[int, tuple[Fraction, Monomial, Terms]] = {}
        self._shared: dict[int, tuple[Fraction, Powers]] = {}
        self._factors: dict[Terms, tuple[Any, Fraction, list[tuple[Any, int]]]] = {}
        self._factorise([reader.ring.polynomials.numerator(e) for e in elements if e])

    def _factorise(self, numerators: list[Any]) -> None:
        """Split all numerators; the shortest first, as the longer ones share their factors."""
        found: dict[Terms, Any] = {}
        for num in numerators:
            terms, below = self._reader.terms(num)
            content, common, core = split(terms)
            self._numerators[id(num)] = Fraction(content, below), common, core
            found.setdefault(core, num)
        shared = Factors()
        for core, num in sorted(found.items(), key=lambda pair: len(pair[0])):
            if 1 < len(core) <= _LONGEST:
                self._factors[core] = num, *shared.of(num)

    def _polynomial(self, terms: Terms, below: int) -> tuple[Fraction, Powers]:
        content, common, core = split(terms)
        if len(core) == 1:
            return Fraction(content, below), common
        return Fraction(content, below), merged(common, ((self._writer.base(core), 1),))

    def _numerator(self, polynomial: Any) -> tuple[Fraction, Powers]:
        number, common, core = self._numerators[id(polynomial)]
        if len(core) == 1:
            return number, common
        if core not in self._above:
            self._above[core] = self._factored(core)
        scalar, powers = self._above[core]
        return number * scalar, merged(common, powers)

    def _factored(self, core: Terms) -> tuple[Fraction, Powers]:
        """A primitive polynomial by irreducible factors."""
        if core not in self._factors:
            return Fraction(1), ((self._writer.base(core), 1),)
        num, number, factors = self._factors[core]
        content, common, _ = self._numerators[id(num)]
        powers: Powers = tuple((v, -e) for v, e in common)
        for factor, exponent in factors:
            if id(factor) not in self._shared:
                # Many numerators have the same object as a factor, and all are kept.
                self._shared[id(factor)] = self._polynomial(*self._reader.terms(factor))
            scalar, single = self._shared[id(factor)]
            if scalar != 1:
                number *= scalar**exponent
            powers = merged(powers, tuple((v, e * exponent) for v, e in single))
        return number / content, powers

    def read(self, element: Element) -> tuple[Fraction, Powers]:
        """(number, powers) of an element that is not zero."""
        own = self._reader.ring.polynomials
        number, powers = self._numerator(own.numerator(element))
        for i, exponent in enumerate(element.den):
            if exponent:
                if i not in self._below:
                    self._below[i] = self._polynomial(*self._reader.terms(own.factors[i]))
                scalar, below = self._below[i]
                number /= scalar**exponent
                powers = merged(powers, tuple((v, -e * exponent) for v, e in below))
        return number, powers


def element_source(name: str, ring: Ring, elements: Sequence[Element]) -> str:
    """Source of ``name(x, out)`` that fills `out` with elements of a ring.

    Raises
    ------
    InvalidManifold
        An element contains a constant without a value or a function without compiled form.

    Examples
    --------
    >>> from sympy import symbols
    >>> from statmani.algebra.ring import Ring
    >>> from statmani.kernels.straight import element_source
    >>> from statmani.reading import domain_of
    >>> x = symbols("x", positive=True)
    >>> ring = Ring(domain_of(x))
    >>> print(element_source("f", ring, [ring.convert(3 / x**2), ring.convert(x**2 - 1)]))
    def f(x, out):
        for k in range(2):
            out[k] = 0.0
        x0 = x[0]
        t1 = 1.0/x0
        t2 = t1*t1
        t3 = x0 + (-1.0)
        t4 = x0 + 1.0
        t5 = t4*t3
        out[0] = 3.0*t2
        out[1] = t5
    <BLANKLINE>
    """
    with ring.polynomials.lock:
        reader = _Reader(ring, elements)
        writer = _Writer(reader)
        read = _Elements(reader, writer, elements)
        stores = []
        for k, element in enumerate(elements):
            if element:
                value = writer.scaled(*read.read(element))
                stores.append(f"out[{k}] = {value}")
    body = [
        f"for k in range({len(elements)}):",
        "    out[k] = 0.0",
        *writer.lines,
        *stores,
    ]
    return f"def {name}(x, out):\n" + "".join(f"    {line}\n" for line in body)
