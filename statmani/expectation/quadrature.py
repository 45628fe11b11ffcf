"""Numeric expectations straight from the definition, independent of every symbolic strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np
import sympy as sp

from statmani.declaration import Declaration, Variable
from statmani.errors import InvalidFamily
from statmani.expectation.context import thread_context
from statmani.expectation.evaluate import Program
from statmani.expectation.logarithmic import in_logarithms
from statmani.expectation.nodes import (
    AxisChart,
    Chart,
    charts_of,
    clean,
    fractions_joined,
    without_max,
)
from statmani.expectation.parts import independent_blocks, separable
from statmani.expectation.precise import (
    integrate_precisely,
    sum_heavy_tail,
    sum_precisely,
)
from statmani.expectation.stable import stable_sums
from statmani.expectation.straight import straighten
from statmani.expectation.sums import (
    Estimate,
    Point,
    Products,
    integrate_chart,
    join,
    lattice,
    reduce_nodes,
    undefined_at,
)

__all__ = ["Estimate", "Integrator", "check_density"]

# Values of each discrete variable beside continuous ones, and what may be left out of the sum.
_SLICES = {1: (48, 192, 768), 2: (20, 48)}
_NOTHING = 1e-17
# How many terms of a sum over three or more discrete variables are looked at, and the logarithm of
# what may be left out beside the largest.
_MOST_NODES = 6e6
_NEGLIGIBLE = -80.0


class Integrator:
    """Integrates functions of (sample, parameters) against a declared density.

    Parameters
    ----------
    declaration : Declaration
    functions : sequence of Expr
        In internal symbols.
    products : sequence of tuples of int, optional
        Which products of the functions are integrated; each function by itself when omitted.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> from statmani.expectation.quadrature import Integrator
    >>> family = sm.families.gamma()
    >>> declaration = family.declaration
    >>> shape, scale = declaration.parameters
    >>> mean = Integrator(declaration, [declaration.variables[0].symbol])
    >>> round(float(mean.at({shape: sp.Integer(3), scale: sp.Rational(1, 2)}).values[0]), 12)
    1.5
    """

    def __init__(
        self,
        declaration: Declaration,
        functions: Sequence[sp.Expr] = (),
        products: Products | None = None,
    ) -> None:
        straight, self._samples = straighten(declaration)
        self._declaration = declaration = straight
        self._functions = tuple(sp.sympify(f).xreplace(dict(self._samples)) for f in functions)
        self._products = (
            [(i,) for i in range(len(self._functions))] if products is None else list(products)
        )
        self._discrete = tuple(v for v in declaration.variables if v.discrete)
        continuous = tuple(v for v in declaration.variables if not v.discrete)
        self._continuous = continuous
        outputs = (without_max(declaration.log_density), *self._functions)
        self._charts: list[tuple[Chart, Program]] = []
        if continuous:
            for chart in charts_of(declaration, continuous):
                table = {c.symbol: c.sample for c in chart}
                widths = [c.width.xreplace(table) for c in chart if c.width is not None]
                # On whole lines no end point can cancel, unless a kink was chosen as one.
                whole = all(c.sample == c.z for c in chart)
                tidied = (e.xreplace(table) for e in outputs)
                compiled = [fractions_joined(e) if whole else clean(e) for e in tidied] + list(
                    map(sp.sympify, widths)
                )
                self._charts.append((chart, Program(compiled, [c.z for c in chart])))
        else:
            outputs = (without_max(stable_sums(declaration).log_density), *self._functions)
            self._sum = Program(outputs, [v.symbol for v in declaration.variables])

    def at(self, point: Point, target: float = 1e-12) -> Estimate:
        """Expectations at one point of parameters (and constants), in double precision."""
        values = {**self._declaration.sample_values(), **point}
        if not self._continuous:
            return self._summed(values)
        if not self._discrete:
            return self._integrated(values, target)
        return self._slices(values, target)

    def _slices(self, values: Point, target: float) -> Estimate:
        """Integrals over the continuous variables, summed over the discrete ones."""
        known: dict[tuple[int, ...], Estimate] = {}
        variables = self._discrete
        open_ended = any(
            v.values is None and (v.lower.is_infinite or v.upper.is_infinite) for v in variables
        )
        for limit in _SLICES.get(len(variables), (12,)):
            rows = [tuple(int(c) for c in row) for row in lattice(variables, values, limit).T]
            for row in rows:
                if row not in known:
                    fixed = {v.symbol: sp.Integer(c) for v, c in zip(variables, row, strict=True)}
                    known[row] = self._integrated({**values, **fixed}, target)
            total = reduce(join, known.values())
            if not open_ended:
                return total
            beyond = self._beyond(known, total, values)
            if beyond < _NOTHING:
                break
        return replace(total, error=max(total.error, beyond))

    def _beyond(
        self, known: Mapping[tuple[int, ...], Estimate], total: Estimate, values: Point
    ) -> float:
        """What slices outside the lattice may add, relative to the sums of magnitudes."""
        sizes = np.array([total.total, *total.sizes])
        worst = 0.0
        for at, variable in enumerate(self._discrete):
            profile: dict[int, np.ndarray] = {}
            for row, part in known.items():
                sums = np.array([part.total, *part.sizes])
                profile[row[at]] = profile.get(row[at], 0.0) + sums
            places = sorted(profile)
            ends = []
            if variable.values is None and variable.upper.xreplace(dict(values)) is sp.S.Infinity:
                ends.append((places[-1], places[len(places) // 2], len(places) // 2))
            if variable.values is None and variable.lower is sp.S.NegativeInfinity:
                ends.append((places[0], places[len(places) // 2], len(places) // 2))
            for last, middle, count in ends:
                # At least geometric decay from the middle to the end goes on beyond it.
                near, far = profile[middle], profile[last]
                with np.errstate(all="ignore"):
                    ratio = np.minimum((far / near) ** (1 / max(count, 1)), 1 - 1e-6)
                    rest = np.where(far > 0, far * ratio / (1 - ratio) / sizes, 0.0)
                worst = max(worst, float(np.nanmax(rest)))
        return worst

    def _integrated(self, values: Point, target: float) -> Estimate:
        total: Estimate | None = None
        for chart, program in self._charts:
            part = self._over_chart(chart, program, values, target)
            total = part if total is None else join(total, part)
        assert total is not None
        return total

    def _over_chart(self, chart: Chart, program: Program, values: Point, target: float) -> Estimate:
        best: Estimate | None = None
        if len(chart) > 1:
            from statmani.expectation.several import integrate_fitted, integrate_randomly

            undefined = undefined_at(chart, program, values)
            if undefined is None and len(self._charts) == 1:
                best = integrate_fitted(chart, program, self._products, values, target)
            if best is None and len(chart) > 4:
                best = integrate_randomly(chart, program, self._products, values)
            if undefined is not None and best is not None:
                return replace(best, undefined=original_place(undefined, self._samples))
            if best is not None and (len(chart) > 3 or best.error < max(target, 1e-9)):
                return best
        found = integrate_chart(chart, program, self._products, values, target)
        if found.undefined is not None:
            found = replace(found, undefined=original_place(found.undefined, self._samples))
        return found if best is None or found.error < best.error else best

    def _summed(self, values: Point) -> Estimate:
        nodes, left_out = self._lattice(values)
        outputs = self._sum.arrays(values, list(nodes))
        weights, count = np.ones(nodes.shape[1]), len(self._products)
        estimate = reduce_nodes(outputs, weights, count, 0.0, nodes, self._discrete, self._products)
        estimate = replace(estimate, error=max(left_out, estimate.error))
        variable = self._discrete[0]
        if len(self._discrete) == 1 and variable.upper is sp.S.Infinity:
            estimate = self._with_tail(estimate, values, nodes[0], outputs)
        return estimate

    def _lattice(self, values: Point) -> tuple[np.ndarray, float]:
        """The values of the sample that are summed, and about how much that leaves out."""
        variables = self._discrete
        count = len(variables)
        if count < 3:
            return lattice(variables, values, 2048 if count == 1 else 300), 0.0
        limits = [40 if count == 3 else 10] * count
        while True:
            nodes = lattice(variables, values, limits)
            level = np.asarray(self._sum.arrays(values, list(nodes), 1)[0]).real
            mass = np.exp(level - np.max(level, where=np.isfinite(level), initial=-745.0))
            beyond = np.zeros(count)
            for axis, (variable, column) in enumerate(zip(variables, nodes, strict=True)):
                last = np.zeros(column.size, dtype=bool)
                if variable.upper is sp.S.Infinity:
                    last |= column == column.max()
                if variable.lower is sp.S.NegativeInfinity:
                    last |= column == column.min()
                beyond[axis] = np.nansum(mass[last]) / np.nansum(mass) * limits[axis]
            longer = [2 * n if b > _NOTHING else n for n, b in zip(limits, beyond, strict=True)]
            if longer == limits or np.prod(longer, dtype=float) > _MOST_NODES:
                # What has no mass would cost as much as the rest.
                useful = ~(mass < np.exp(_NEGLIGIBLE))
                # Scores grow along the tail.
                left_out = 10 * float(beyond.max()) if longer != limits else 0.0
                return nodes[:, useful], left_out
            limits = longer

    def _with_tail(
        self, head: Estimate, values: Point, nodes: np.ndarray, outputs: list[np.ndarray]
    ) -> Estimate:
        """Euler-Maclaurin for the terms from the last node on, when they still matter."""
        last = float(outputs[0][-1])
        if not np.isfinite(last) or last + np.log(nodes.size) < -40:
            return head
        end = sp.Integer(int(nodes[-1]))
        variable = self._discrete[0]
        z = sp.Dummy("z", positive=True)
        smooth = Variable(variable.symbol, end, sp.S.Infinity)
        chart = _single_half(smooth, z)
        all_outputs = (self._declaration.log_density, *self._functions)
        program = Program([e.xreplace({variable.symbol: end + z}) for e in all_outputs], [z])
        tail = integrate_chart(chart, program, self._products, values, 1e-12)
        steps = np.array([-1.0, 0.0, 1.0])
        near = self._sum.arrays(values, [float(end) + steps])
        p = np.exp(near[0])
        table = np.array(
            [p, *(p * np.prod([near[1 + i] for i in m], axis=0) for m in self._products)]
        )
        edge = -table[:, 1] / 2 - (table[:, 2] - table[:, 0]) / 24
        size = np.abs(tail.values) + np.abs(edge[1:])
        return Estimate(
            head.values + tail.values + edge[1:],
            head.sizes + size,
            max(head.error, tail.error, 1e-10),
            head.total + tail.total + float(edge[0]),
            head.undefined,
        )

    def _has_smooth_tail(self, values: Point) -> bool:
        """Whether the terms of a series are a smooth function of the index and decay slowly."""
        variable = self._discrete[0]
        if len(self._discrete) > 1 or variable.upper is not sp.S.Infinity:
            return False
        outputs = sp.Tuple(self._declaration.log_density, *self._functions)
        if outputs.has(sp.Piecewise, sp.KroneckerDelta, sp.Abs, sp.Max, sp.Min, sp.floor):
            return False
        start = float(variable.lower.xreplace(dict(values)))
        nodes = start + np.array([0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 160.0])
        level = np.asarray(self._sum.arrays(values, [nodes])[0]).real
        return bool(np.isfinite(level).all() and int(np.argmax(level)) < 8)

    def precise(self, point: Point, digits: int = 30) -> tuple[list[Any], float] | None:
        """Expectations to many digits, of one continuous or of discrete variables, else None.

        Returns the values as mpmath numbers and the relative change between two step sizes.
        """
        values = {**self._declaration.sample_values(), **point}
        context = thread_context(digits + 12)
        products = self._products
        count = len(products)
        if not self._continuous:
            found = sum_precisely(self._sum, self._discrete, values, context, digits, products)
            if found is None and self._has_smooth_tail(values):
                tail = (self._discrete[0], (self._declaration.log_density, *self._functions))
                found = sum_heavy_tail(self._sum, tail, values, context, digits, products)
            return found
        if len(self._continuous) != 1 or self._discrete:
            return None
        fine = [context.mpf(0)] * (count + 1)
        coarse = [context.mpf(0)] * (count + 1)
        for chart, program in self._charts:
            part = integrate_precisely(chart, program, values, context, digits, products)
            if part is None:
                return None
            fine = [a + b for a, b in zip(fine, part[0], strict=True)]
            coarse = [a + b for a, b in zip(coarse, part[1], strict=True)]
        error = max(float(abs(a - b) / (1 + abs(a))) for a, b in zip(fine, coarse, strict=True))
        return fine, error


def original_place(
    place: Mapping[str, float], samples: Mapping[sp.Symbol, sp.Expr]
) -> dict[str, float]:
    """A point of straightened coordinates in the sample variables of the declaration."""
    result = dict(place)
    for symbol, expression in samples.items():
        at = {s: sp.Float(place[str(s)]) for s in expression.free_symbols if str(s) in place}
        value = expression.xreplace(at)
        if value.is_number:
            result[str(symbol)] = float(value)
    return result


def _single_half(variable: Variable, z: sp.Symbol) -> Chart:
    return (AxisChart(variable.symbol, z, variable.lower + z, "half"),)


def check_density(declaration: Declaration) -> None:
    """Raise InvalidFamily when the declared density is no probability density.

    Checked at several interior points of the parameters, in double precision; a suspicious
    result is repeated with 40 digits before it is believed.

    Raises
    ------
    InvalidFamily
        The integral is not 1 (it is named), or log p is not real somewhere in the support.
    """
    moved = in_logarithms(declaration)
    straight, samples = straighten(moved)
    if moved is not declaration:
        samples = {declaration.variables[0].symbol: sp.exp(moved.variables[0].symbol)}
    blocks, rest = independent_blocks(separable(straight), straight)
    integrators = [Integrator(block) for block in blocks]
    constant = Program([rest], [])
    for point in declaration.domain.interior_points(3):
        values = dict(zip(declaration.parameters, point, strict=True))
        estimates = [integrator.at(values, target=1e-9) for integrator in integrators]
        factor = float(np.exp(constant.arrays(declaration.sample_values() | values, [])[0].real))
        estimate = next((e for e in estimates if e.undefined is not None), estimates[0])
        place = _place(declaration, values)
        if estimate.undefined is not None:
            undefined = original_place(estimate.undefined, samples)
            at = ", ".join(
                f"{declaration.external(v.symbol)} = {undefined[str(v.symbol)]:.6g}"
                for v in declaration.variables
                if str(v.symbol) in undefined
            )
            raise InvalidFamily(
                f"density: not a positive real number at {at or 'the sample'}, {place}. "
                "Correct the density, the support or the domain of the parameters."
            )
        total = factor * float(np.prod([e.total for e in estimates]))
        error = max(e.error for e in estimates)
        random = any(e.random for e in estimates)
        tolerance = max(1e-7, (2 if random else 10) * error)
        if abs(total - 1) <= tolerance:
            continue
        exact = integrators[0].precise(values, 40) if len(integrators) == 1 else None
        if exact is not None:
            if abs(exact[0][0] - 1) <= max(1e-9, 10 * exact[1]):
                continue
            total, error = float(exact[0][0]), exact[1]
        kind = "sum" if all(v.discrete for v in declaration.variables) else "integral"
        if not np.isfinite(total) or error > (0.05 if random else 1e-3):
            raise InvalidFamily(
                f"density: its {kind} over the support does not converge, {place}. "
                "Correct the support or the domain of the parameters."
            )
        raise InvalidFamily(
            f"density: its {kind} over the support is {total:.10g}, not 1, {place}. "
            f"Divide the density by its {kind}, or correct the support."
        )


def _place(declaration: Declaration, values: Point) -> str:
    table = {**declaration.sample_values(), **values}
    pairs = [f"{declaration.external(s)} = {v}" for s, v in table.items()]
    return "at " + ", ".join(pairs)
