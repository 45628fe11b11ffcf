"""Certificates: every derived tensor is compared with its definition before it is returned."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from statmani.declaration import Declaration
from statmani.errors import CertificateError, InvalidFamily, RegularityError
from statmani.expectation.blocks import BlockQuadrature
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.nodes import kinks
from statmani.expectation.parts import separable
from statmani.expectation.sums import Estimate

__all__ = ["MOVING", "Certificate", "Check", "certify", "has_moving_kinks"]

MOVING = (
    "Gamma^(1) was not compared: the density has a kink that moves with a parameter, where second "
    "derivatives contain a delta; it follows from g and T"
)
Skewness = Mapping[tuple[int, int, int], sp.Expr]


@dataclass(frozen=True)
class Check:
    """One comparison.

    Attributes
    ----------
    name : str
        What was compared, for example ``"E[s_i s_j]"``.
    point : int
        Index into the certificate's points.
    residual : float
        Largest relative difference over the entries.
    tolerance : float
        What would have been accepted; follows from the quadrature's own error estimate.
    """

    name: str
    point: int
    residual: float
    tolerance: float


@dataclass(frozen=True)
class Certificate:
    """How a derivation was made and how it was checked.

    Attributes
    ----------
    strategies : tuple of (str, str)
        Pairs (entry, strategy), entries such as ``"g[0,1]"`` and ``"T[0,0,1]"``.
    points : tuple of tuple of (Symbol, Rational)
        The parameter points of the checks.
    digits : tuple of int
        Digits carried by the independent quadrature at each point.
    checks : tuple of Check
    notes : tuple of str
        What could not be checked, and why.
    """

    strategies: tuple[tuple[str, str], ...]
    points: tuple[tuple[tuple[sp.Symbol, sp.Expr], ...], ...]
    digits: tuple[int, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def residual(self) -> float:
        """The largest relative residual of all checks."""
        return max((c.residual for c in self.checks), default=0.0)

    def _repr_latex_(self) -> str:
        from statmani.present.latex import latex

        return f"${latex(self)}$"

    def __str__(self) -> str:
        grouped: dict[str, list[str]] = {}
        for entry, strategy in self.strategies:
            grouped.setdefault(strategy, []).append(entry)
        lines = ["Certificate"]
        for strategy, entries in grouped.items():
            shown = ", ".join(entries[:4]) + (
                f" and {len(entries) - 4} more" if entries[4:] else ""
            )
            lines.append(f"  {strategy}: {shown}")
        for number, (point, digits) in enumerate(zip(self.points, self.digits, strict=True)):
            place = ", ".join(f"{symbol} = {value}" for symbol, value in point)
            lines.append(f"  point {number + 1}: {place} ({digits} digits)")
        for check in self.checks:
            lines.append(
                f"  {check.name} at point {check.point + 1}: residual {check.residual:.1e} "
                f"(accepted below {check.tolerance:.1e})"
            )
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def certify(
    declaration: Declaration,
    metric: sp.Matrix,
    skewness: Skewness,
    strategies: tuple[tuple[str, str], ...],
) -> Certificate:
    """Compare g, T and Gamma^(1) with quadrature of their definitions at two points.

    With one sample variable g and T are also compared at two further points.

    Raises
    ------
    CertificateError
        An entry differs; names it, both values and the point.
    RegularityError
        E[s] is not zero.
    InvalidFamily
        The density does not integrate to one.
    """
    checker = _Checker(declaration, metric, skewness)
    # Where one point costs little, more of them see faults of a part of the domain.
    cheap = len(declaration.variables) == 1
    points = declaration.domain.interior_points(2, seed=1)
    if cheap and declaration.parameters:
        points += declaration.domain.interior_points(2, seed=29)
    digits, checks = [], []
    for number, point in enumerate(points):
        done, used = checker.at(number, point) if number < 2 else checker.once_more(number, point)
        checks += done
        digits.append(used)
    named = tuple(
        tuple(
            (declaration.external(t), v) for t, v in zip(declaration.parameters, point, strict=True)
        )
        for point in points
    )
    return Certificate(strategies, named, tuple(digits), tuple(checks), tuple(checker.notes))


def has_moving_kinks(declaration: Declaration, ell: sp.Expr) -> bool:
    """Whether the almost-everywhere derivatives of log p lack terms at a moving place."""
    return any(
        k.free_symbols & set(declaration.parameters)
        for v in declaration.variables
        for k in kinks(ell, v.symbol)
    )


class _Checker:
    def __init__(self, declaration: Declaration, metric: sp.Matrix, skewness: Skewness) -> None:
        self._declaration = declaration
        self.notes: list[str] = []
        n = len(declaration.parameters)
        ell = separable(declaration)
        self._pairs = list(itertools.combinations_with_replacement(range(n), 2))
        self._triples = list(itertools.combinations_with_replacement(range(n), 3))
        moving_kinks = has_moving_kinks(declaration, ell)
        self._mixed = [] if moving_kinks else [(*p, k) for p in self._pairs for k in range(n)]
        if moving_kinks:
            self.notes.append(MOVING)
        self._count = n
        self._quadrature = BlockQuadrature(declaration, ell, self._pairs, self._triples)
        closed = [metric[i, j] for i, j in self._pairs]
        closed += [skewness.get(index, sp.Integer(0)) for index in self._triples]
        self._closed = Program(closed, [])
        self._metric = Program(closed[: len(self._pairs)], [])

    def _first_kind(self, closed: list[Any], values: dict[sp.Symbol, Any]) -> list[Any]:
        """Gamma^(1)_ij,k from g, T and central differences of g, exact to 30 digits."""
        # Terms that nearly cancel near a degenerate metric leave little of the digits.
        context = thread_context(80)
        step = context.mpf(10) ** -26
        slopes = []
        for t in self._declaration.parameters if self._mixed else ():
            at = context.mpf(int(values[t].p)) / int(values[t].q)
            above, below = (
                self._metric.bind(context, {**values, t: at + sign * step})([]) for sign in (1, -1)
            )
            slopes.append([(a - b) / (2 * step) for a, b in zip(above, below, strict=True)])
        place = {index: k for k, index in enumerate([*self._pairs, *self._triples])}

        def slope(i: int, j: int, k: int) -> Any:
            return slopes[k][place[min(i, j), max(i, j)]]

        return [
            (slope(j, k, i) + slope(i, k, j) - slope(i, j, k)
             - closed[place[tuple(sorted((i, j, k)))]]) / 2
            for i, j, k in self._mixed
        ]  # fmt: skip

    def at(self, number: int, point: tuple[sp.Expr, ...]) -> tuple[list[Check], int]:
        declaration = self._declaration
        values = {**declaration.sample_values()}
        values.update(zip(declaration.parameters, point, strict=True))
        place = ", ".join(
            f"{declaration.external(t)} = {v}"
            for t, v in zip(declaration.parameters, point, strict=True)
        )
        context = thread_context(40)
        discrete = all(v.discrete for v in declaration.variables)
        if number == 0 or discrete:
            mixed = self._mixed if discrete else []
            exact = self._quadrature.precise(values, 30, mixed)
            tolerance = 1.0 if exact is None else _precise_tolerance(exact[1], discrete)
            # A density written with cancellation loses the digits that would be compared.
            lossy = exact is None or tolerance < abs(exact[0][0] - 1) < 1e-9
            if exact is not None and exact[1] < 1e-5 and not lossy:
                closed = self._closed.bind(context, values)([])
                if discrete:
                    closed += self._first_kind(closed, values)
                total, numbers = exact[0][0], exact[0][1:]
                return self._compare(number, place, total, numbers, None, closed, tolerance), 30
        estimate = self._quadrature.at(values, self._mixed)
        closed = self._closed.bind(context, values)([])
        closed += self._first_kind(closed, values)
        tolerance = max(1e-9, (3 if estimate.random else 100) * estimate.error)
        if estimate.random and number == 0:
            self.notes.append(
                f"{len(declaration.variables)} dependent variables: compared with means over "
                f"quasi-random nodes, to about {estimate.error:.0e}"
            )
        if not estimate.error < (0.05 if estimate.random else 1e-3):
            raise CertificateError(
                f"certificate: the definitions of the tensors do not converge numerically at "
                f"{place} (relative change {estimate.error:.1e}); g or T may be infinite there. "
                "Restrict the domain of the parameters."
            )
        return self._compare_again(number, values, place, estimate, closed, tolerance, self._mixed)

    def once_more(self, number: int, point: tuple[sp.Expr, ...]) -> tuple[list[Check], int]:
        """g and T alone, in double precision; a point where that does not converge is no check."""
        declaration = self._declaration
        values = {**declaration.sample_values()}
        values.update(zip(declaration.parameters, point, strict=True))
        estimate = self._quadrature.at(values, [])
        if not estimate.error < 1e-7:
            return [], 15
        place = ", ".join(
            f"{declaration.external(t)} = {v}"
            for t, v in zip(declaration.parameters, point, strict=True)
        )
        closed = self._closed.bind(thread_context(40), values)([])
        tolerance = max(1e-9, 100 * estimate.error)
        checks, digits = self._compare_again(number, values, place, estimate, closed, tolerance, [])
        worst = max(c.residual for c in checks)
        return [Check("density, score, g and T", number, worst, tolerance)], digits

    def _compare_again(
        self,
        number: int,
        values: dict[sp.Symbol, Any],
        place: str,
        estimate: Estimate,
        closed: list[Any],
        tolerance: float,
        mixed: list[tuple[int, int, int]],
    ) -> tuple[list[Check], int]:
        """Compared in double precision; a difference is believed when more digits show it too."""
        try:
            numbers = list(estimate.values)
            return self._compare(
                number, place, estimate.total, numbers, list(estimate.sizes), closed, tolerance
            ), 15
        except (CertificateError, RegularityError, InvalidFamily):
            exact = self._quadrature.precise(values, 30, mixed)
            if exact is None or not exact[1] < 1e-9:
                raise
            total, numbers = exact[0][0], exact[0][1:]
            return self._compare(number, place, total, numbers, None, closed, 1e-9), 30

    def _compare(
        self,
        number: int,
        place: str,
        total: Any,
        numbers: list[Any],
        sizes: list[Any] | None,
        closed: list[Any],
        tolerance: float,
    ) -> list[Check]:
        n = self._count
        if abs(total - 1) > tolerance:
            raise InvalidFamily(_not_normalised(self._declaration, total, place))
        scale = [abs(v) for v in numbers] if sizes is None else sizes
        diagonal = [
            abs(v) ** 0.5
            for (i, j), v in zip(self._pairs, numbers[n : n + len(self._pairs)], strict=True)
            if i == j
        ]
        worst = 0.0
        for i in range(n):
            residual = float(abs(numbers[i]) / max(float(diagonal[i]), 1e-300))
            worst = max(worst, residual)
            if residual > tolerance:
                name = self._declaration.external(self._declaration.parameters[i])
                raise RegularityError(
                    f"score: E[d log p / d {name}] is {float(numbers[i]):.10g}, not 0, at "
                    f"{place}. The support moves with the parameter or the density is "
                    "not regular; make that parameter a constant."
                )
        checks = [
            Check("normalisation", number, float(abs(total - 1)), tolerance),
            Check("E[s_i] = 0", number, worst, tolerance),
        ]
        groups: list[tuple[str, str, Sequence[tuple[int, ...]]]] = [
            ("g", "E[s_i s_j]", self._pairs),
            ("T", "E[s_i s_j s_k]", self._triples),
            ("Gamma^(1)", "E[d_ij l s_k] from g, T in another index order", self._mixed),
        ]
        offset = 0
        for label, name, indices in groups:
            if offset >= len(closed) or not indices or n + offset >= len(numbers):
                break
            worst = 0.0
            for index in indices:
                number_value, closed_value = numbers[n + offset], closed[offset]
                # Zero entries are measured against the product of the diagonal's roots.
                natural = 1.0
                for i in index:
                    natural *= float(diagonal[i])
                size = max(float(scale[n + offset]), natural, 1e-300)
                residual = float(abs(closed_value - number_value)) / size
                if not residual <= tolerance:
                    place_of = ",".join(map(str, index))
                    raise CertificateError(
                        f"certificate: {label}[{place_of}] was derived as "
                        f"{_show(closed_value)} but quadrature of its definition gives "
                        f"{_show(number_value)} at {place}. This is a defect of the derivation, "
                        "not of the declaration; please report it."
                    )
                worst = max(worst, residual)
                offset += 1
            checks.append(Check(name, number, worst, tolerance))
        return checks


def _precise_tolerance(change: float, discrete: bool) -> float:
    """Of the finer of two sums with 30 digits; the sums of series already differ by their error."""
    return max(1e-27, 100 * change) if discrete else max(1e-22, 1e3 * change**2)


def _show(value: Any) -> str:
    return f"{float(value.real):.15g}" if getattr(value, "imag", 0) == 0 else str(complex(value))


def _not_normalised(declaration: Declaration, total: Any, place: str) -> str:
    off = float(total - 1)
    found = f"1 {'+' if off > 0 else '-'} {abs(off):.2g}" if abs(off) < 1e-6 else f"{total:.10g}"
    floats = sorted(declaration.log_density.atoms(sp.Float), key=str)
    remedy = (
        f"It contains rounded numbers such as {float(floats[0]):.6g}: write constants exactly, "
        "as Rational(7, 10) or sqrt(2*pi)."
        if floats
        else "Divide the density by it, or correct the support."
    )
    return f"density: its integral is {found}, not 1, at {place}. {remedy}"
