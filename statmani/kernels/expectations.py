"""Kernels of unevaluated expectations: all of them at a point from one sweep over shared nodes.

The source of a kernel comes from the plain data of the expectations: derivatives of log p in the
stable form of their law, and the products that are averaged. The generic sums are those of
:mod:`statmani.kernels.quadrature` and :mod:`statmani.kernels.lattice`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, final

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from statmani.errors import InvalidManifold
from statmani.expectation.evaluate import Program
from statmani.expectation.expectation import Expectation
from statmani.expectation.law import Index, Law
from statmani.expectation.nodes import AxisChart, Chart, charts_of, clean
from statmani.expectation.sweep import support_of
from statmani.kernels.bound import bound
from statmani.kernels.cache import Request, fulfil, load
from statmani.kernels.compiled import charts
from statmani.kernels.emit import function_source
from statmani.kernels.programs import FixedPart, MovingPart

__all__ = ["Kernel", "grouped"]

Floats = NDArray[np.float64]
_JIT = '{0} = njit(error_model="numpy", nogil=True)({0})'
_FUNCTIONS = {
    "integral": ("nodes", "prepare"),
    "series": ("nodes", "prepare", "support"),
}
_TARGET = 1e-13
# Sums over lattices of several variables are fast in numpy; so many continuous ones are not.
_MOST_VARIABLES = 2
_POINT = "types.void(VECTOR, VECTOR)"
_NODES = "types.float64(types.int64, VECTOR, VECTOR, VECTOR, types.boolean)"
_SUPPORT = "types.void(types.int64, VECTOR, VECTOR, VECTOR)"
_F, _TABLE, _LIST = "types.FunctionType", "types.int64[:, ::1]", "types.int64[::1]"


_G, _NODE = "types.float64", f"{_F}({_NODES})"
_AT = f"{_NODE}, types.int64, VECTOR, types.int64, VECTOR"
_APART = {
    "integral": (
        (
            "search",
            f"{_G}({_NODE}, types.int64, {_LIST}, VECTOR, types.int64, VECTOR, VECTOR, VECTOR)",
        ),
        ("whiten", f"{_G}({_AT}, ROWS, {_G}, VECTOR, VECTOR)"),
        ("ranges", f"types.void({_AT}, ROWS, {_G}, {_LIST}, ROWS, VECTOR, VECTOR)"),
        (
            "add_grid",
            f"{_G}({_AT}, ROWS, {_LIST}, ROWS, {_G}, types.boolean, {_TABLE}, "
            "VECTOR, VECTOR, VECTOR, VECTOR, VECTOR, VECTOR)",
        ),
        (
            "integrate",
            f"types.boolean({_NODE}, {_TABLE}, VECTOR, types.int64, {_TABLE}, {_G}, VECTOR, "
            "VECTOR, VECTOR, VECTOR, VECTOR)",
        ),
    ),
    "series": (),
}


def _sums(way: str, support: str) -> Request:
    name = "add_integrals" if way == "integral" else "add_serieses"
    tables = f"{_TABLE}, {_TABLE}, {', '.join([_LIST] * 4)}, types.float64"
    signature = (
        f"types.void(FIELD, FIELD, {_F}({_NODES}), FIELD, {support}{tables}, VECTOR, VECTOR)"
    )
    return Request(
        f"sums {way}",
        ("contract.py", "quadrature.py", "lattice.py", "collected.py"),
        ((name, signature),),
        notice="statmani: compiling quadrature (once per installation, a few seconds) ...",
        apart=_APART[way],
    )


# Needed for every law of a kind, made once per installation.
SUMS = {
    "integral": _sums("integral", ""),
    "series": _sums("series", f"{_F}({_SUPPORT}), "),
    "ends": Request(
        "sums",
        ("collected.py",),
        (
            ("no_laws", _POINT),
            ("finish", "types.void(FIELD, FIELD, types.int64, VECTOR, VECTOR)"),
        ),
    ),
}


def grouped(outputs: Sequence[sp.Expr]) -> list[tuple[Law, tuple[sp.Expr, ...], list[Expectation]]]:
    """The expectations in expressions by law and values of its symbols, in a fixed order."""
    atoms: set[Expectation] = set().union(*(e.atoms(Expectation) for e in outputs))
    groups: dict[tuple[Law, tuple[sp.Expr, ...]], list[Expectation]] = {}
    for atom in sorted(atoms, key=sp.default_sort_key):
        groups.setdefault((atom.integrand.law, atom.values), []).append(atom)
    return [(law, values, own) for (law, values), own in groups.items()]


@final
class _Tree:
    """Products as a forest in which each extends another one by one factor."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []
        self._known: dict[tuple[int, ...], int] = {}

    def add(self, factors: tuple[int, ...]) -> int:
        """Position of a product of factors, made if missing."""
        found = self._known.get(factors)
        if found is None:
            before = self.add(factors[:-1]) if len(factors) > 1 else -1
            self.rows.append((before, factors[-1]))
            found = self._known[factors] = len(self.rows) - 1
        return found


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """What the generic sums need beside compiled functions."""

    way: str
    count: int
    kinds: NDArray[np.int64]
    tree: NDArray[np.int64]
    checks: NDArray[np.int64]
    wanted: NDArray[np.int64]
    widths: NDArray[np.int64]


def _law_source(number: int, law: Law, atoms: Sequence[Expectation]) -> tuple[str, Plan]:
    """Functions ``prepare``, ``nodes`` and ``support`` of one law, with its number."""
    declaration, density = support_of(law)
    variables = declaration.variables
    several = len(variables) > 1 and any(v.discrete for v in variables)
    if several or len(variables) > _MOST_VARIABLES:
        raise InvalidManifold(
            f"expectations over {len(variables)} sample variables have no compiled form."
        )
    products = [(a.integrand.function, a.integrand.monomial) for a in atoms]
    scores: list[Index] = [(i,) for i in range(len(declaration.parameters))]
    indices = sorted({*scores, *(i for _, monomial in products for i in monomial)})
    own = sorted({f for f, _ in products if f != 1}, key=sp.default_sort_key)
    place = {e: at for at, e in enumerate([*indices, *own])}
    tree = _Tree()
    checks = [tree.add((place[score],)) for score in scores]
    wanted = []
    for function, monomial in products:
        factors = sorted(place[index] for index in monomial)
        wanted.append(tree.add((*factors, *([place[function]] if function != 1 else []))))
    discrete = [v for v in variables if v.discrete]
    continuous = [v for v in variables if not v.discrete]
    outputs = [density, *(law.derivative(i) for i in indices), *own]
    fixed = FixedPart({s: f"theta[{k}]" for k, s in enumerate(law.symbols)})
    outer = {v.symbol: f"place[{k}]" for k, v in enumerate(discrete)}
    lines: list[str] = []
    pieces: list[Chart] = charts_of(declaration, continuous, own) if continuous else [()]
    lookups = _lookups(declaration.variables, outer)
    for chart_number, chart in enumerate(pieces):
        lines.append(f"def nodes_{number}_{chart_number}(place, aux, f, full):")
        lines += [f"    {line}" for line in lookups]
        lines += [f"    {line}" for line in _node_lines(chart, outputs, outer, fixed)]
        lines.append(_JIT.format(f"nodes_{number}_{chart_number}"))
    lines.append(f"def nodes_{number}(chart, place, aux, f, full):")
    for k in range(1, len(pieces)):
        lines += [
            f"    if chart == {k}:",
            f"        return nodes_{number}_{k}(place, aux, f, full)",
        ]
    lines += [
        f"    return nodes_{number}_0(place, aux, f, full)",
    ]
    lines.append(f"def support_{number}(axis, place, aux, ends):")
    lines += [f"    {line}" for line in lookups]
    for axis, variable in enumerate(discrete):
        lines.append(f"    if axis == {axis}:")
        if variable.values is not None:
            body = ["ends[0] = 0.0", f"ends[1] = {len(variable.values) - 1}.0"]
        else:
            part = MovingPart(
                Program([variable.lower, variable.upper], list(outer)[:axis]), fixed, outer
            )
            ends = [f"ends[{k}] = {part.output(k)}" for k in range(2)]
            body = [*part.lines, *ends]
        lines += [f"        {line}" for line in body]
    lines.append("    return")
    lines.append(f"def prepare_{number}(theta, aux):")
    lines += [f"    {line}" for line in fixed.lines]
    lines.append("    return")
    kinds = [[0 if a.kind == "line" else 1 for a in chart] for chart in pieces]
    way = "series" if discrete else "integral"
    plan = Plan(
        way,
        len(wanted),
        np.array(kinds if continuous else np.zeros((0, 1)), dtype=np.int64),
        np.array(tree.rows, dtype=np.int64),
        np.array(checks, dtype=np.int64),
        np.array(wanted, dtype=np.int64),
        np.array([max(1, fixed.width), len(place), len(variables), len(discrete)]),
    )
    return "\n".join(lines), plan


def _lookups(variables: Sequence[object], outer: dict[sp.Symbol, str]) -> list[str]:
    """Lines that turn the number of a value into the value, where the support is a plain list."""
    lines: list[str] = []
    for variable in variables:
        values = getattr(variable, "values", None)
        if values is None:
            continue
        symbol = variable.symbol  # type: ignore[attr-defined]
        slot, text = outer[symbol], "np.nan"
        for at, value in reversed(list(enumerate(values))):
            text = f"({float(value)!r} if {slot} == {at}.0 else {text})"
        name = f"v{len(lines)}"
        lines.append(f"{name} = {text}")
        outer[symbol] = name
    return lines


def _node_lines(
    chart: Chart, outputs: Sequence[sp.Expr], outer: Mapping[sp.Symbol, str], fixed: FixedPart
) -> list[str]:
    table = {axis.symbol: axis.sample for axis in chart}
    # Nested samples may contain earlier ones.
    whole = all(axis.sample == axis.z for axis in chart)
    tidied = [e.xreplace(table) for e in outputs]
    if chart and not whole:
        tidied = [clean(e) for e in tidied]
    widths = [axis.width.xreplace(table) for axis in chart if axis.width is not None]
    names = {**outer, **{axis.z: f"z{k}" for k, axis in enumerate(chart)}}
    program = Program([*tidied, *widths], [*outer, *(axis.z for axis in chart)])
    part = MovingPart(program, fixed, names)
    lines, jacobian = part.lines, ["0.0"]
    width_number = len(tidied)
    for k, axis in enumerate(chart):
        width = ""
        if axis.width is not None:
            width = part.output(width_number)
            width_number += 1
        lines += _chart_lines(k, len(outer), axis, width)
        if axis.kind != "line":
            jacobian.append(f"j{k}")
    density = part.output(0)
    lines.append(f"level = {' + '.join([density, *jacobian])}")
    # Where there is no mass the rest is not needed.
    lines += ["if not full or not (level > -744.0):", "    return level"]
    for k in range(1, len(tidied)):
        lines.append(f"f[{k - 1}] = {part.output(k)}")
    lines.append("return level")
    return lines


def _chart_lines(k: int, offset: int, axis: AxisChart, width: str) -> list[str]:
    place = f"place[{offset + k}]"
    if axis.kind == "line":
        return [f"z{k} = {place}"]
    if axis.kind == "half":
        return [f"j{k} = {place}", f"z{k} = math.exp(j{k})"]
    return [
        f"h{k} = 0.5*{width}",
        f"q{k} = softplus(-{place})",
        f"z{k} = h{k}*math.exp(-q{k})",
        f"j{k} = math.log(h{k}) - q{k} - softplus({place})",
    ]


@final
class Kernel:
    """Functions of a point that contain expectations, compiled.

    Parameters
    ----------
    outputs : sequence of Expr
    inputs : sequence of Symbol
    exponentials : mapping
        Symbols that stand for exp of an input, as in :func:`function_source`.

    Raises
    ------
    InvalidManifold
        A function has no compiled form.
    """

    def __init__(
        self,
        outputs: Sequence[sp.Expr],
        inputs: Sequence[sp.Symbol],
        exponentials: Mapping[sp.Symbol, int],
    ) -> None:
        groups = grouped(outputs)
        atoms = [a for _, _, own in groups for a in own]
        dummies = [sp.Dummy(f"e{k}", real=True) for k in range(len(atoms))]
        table = dict(zip(atoms, dummies, strict=True))
        sources = [_law_source(k, law, own) for k, (law, _, own) in enumerate(groups)]
        self._plans = [plan for _, plan in sources]
        arguments = [v for _, values, _ in groups for v in values]
        self._lengths = [len(values) for _, values, _ in groups]
        self._outputs = len(outputs)
        #: Number of expectations.
        self.count = len(atoms)
        combined = [e.xreplace(table) for e in outputs]
        body = "\n".join(
            [
                *(source for source, _ in sources),
                function_source("arguments", inputs, exponentials, arguments),
                function_source("combine", [*inputs, *dummies], exponentials, combined),
            ]
        )
        exports = [("arguments", _POINT), ("combine", _POINT)]
        for k, plan in enumerate(self._plans):
            exports += [(f"nodes_{k}", _NODES), (f"prepare_{k}", _POINT)]
            if plan.way != "integral":
                exports.append((f"support_{k}", _SUPPORT))
        # Named by its content: whatever the source depends on, a stale kernel is never found.
        content = hashlib.sha256(body.encode()).hexdigest()
        self._module = load(content, ("special.py",), lambda: body, exports)

    @cached_property
    def _expectations(self) -> Any:
        """``expectations(x, found)``, see :mod:`statmani.kernels.collected`."""
        chained: Any = fulfil(SUMS["ends"]).no_laws
        module, symbols, first = self._module, 0, 0
        for k, (plan, length) in enumerate(zip(self._plans, self._lengths, strict=True)):
            numbers = np.array([symbols, first, self.count, max(1, sum(self._lengths))])
            functions = [getattr(module, f"{name}_{k}") for name in _FUNCTIONS[plan.way]]
            tables = (plan.kinds, plan.tree, plan.checks, plan.wanted, plan.widths, numbers)
            sums = fulfil(SUMS[plan.way])
            add = sums.add_integrals if plan.way == "integral" else sums.add_serieses
            chained = bound(add, [chained, module.arguments, *functions, *tables, _TARGET])
            symbols, first = symbols + length, first + plan.count
        return chained

    @cached_property
    def field(self) -> Any:
        """``field(x, out)`` for the compiled solvers; NaN where quadrature fails."""
        finish = fulfil(SUMS["ends"]).finish
        return bound(finish, [self._expectations, self._module.combine, self.count])

    def expectations(self, points: Floats) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
        """Values, sizes and estimated errors of all expectations at rows, and whether to trust.

        A row is not to be trusted when its sweep missed mass or met values that are no numbers.
        """
        count = self.count
        found: Floats = charts().map_points(
            self._expectations, np.ascontiguousarray(points), 3 * count + 1
        )
        values, sizes, errors = (found[:, k * count : (k + 1) * count] for k in range(3))
        return values, sizes, errors, found[:, 3 * count] != 0.0

    def combine(self, points: Floats, values: Floats) -> Floats:
        """Outputs at rows of points, given the expectations there."""
        full = np.ascontiguousarray(np.hstack([points, values]))
        result: Floats = charts().map_points(self._module.combine, full, self._outputs)
        return result
