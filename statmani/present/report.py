"""The report: everything statmani derives for a family, in one printable record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import sympy as sp

from statmani.errors import (
    IntractableExpectation,
    InvalidArgument,
    RegularityError,
    StatmaniError,
)
from statmani.kernels.background import compiling
from statmani.present.components import (
    Component,
    christoffel_components,
    connection_tag,
    metric_components,
    ricci_components,
    riemann_components,
    skewness_components,
)
from statmani.present.document import Note, Report, Section
from statmani.present.printer import Printer, escape_text, symbol_names

__all__ = ["connection_parameter", "report"]

Progress = Callable[[str], None]

_REPORT_LEVEL = 0.001
_ZERO = Note("All components vanish.")


def report(
    family: Any,
    *,
    at: Mapping[str | sp.Symbol, Any] | None = None,
    seed: int = 0,
    n: int = 200,
    replications: int = 1000,
    progress: Progress | None = None,
) -> Report:
    """Derive the geometry of a family and try it out numerically.

    Parameters
    ----------
    family : Family
    at : mapping of str or Symbol to number, optional
        Values of parameters, for the numeric stages, and of constants. Parameters that are not
        named take a moderate value of their domain.
    seed : int
        Of the Monte Carlo check.
    n, replications : int
        Sample size and number of samples of the Monte Carlo check.
    progress : callable, optional
        Receives the name of each stage before it starts.

    Returns
    -------
    Report
        Scores, g, T, the alpha-connection symbols of both kinds, curvature for a symbolic alpha,
        the certificate, a geodesic, a Fisher-Rao distance with its error estimate and a
        Cramer-Rao verdict. A stage that makes no sense for the family says so.

    Raises
    ------
    InvalidArgument, OutsideDomain
        `at` has a name that the family has not, or a value outside its domain.
    IntractableExpectation, CertificateError
        The derivation failed.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.present.report import report
    >>> summary = report(sm.families.poisson(), at={"lam": 3}, replications=200)
    >>> [section.title for section in summary.sections][:3]
    ['Declaration', 'Score', 'Fisher metric']
    """
    tell = progress or (lambda stage: None)
    numeric, values = _numeric_family(family, at or {})
    with nullcontext() if numeric.constants else compiling():
        sections = _all_sections(family, numeric, values, (seed, n, replications), tell)
    name = (family.name or "unnamed").replace("_", " ")
    return Report(f"{name[:1].upper()}{name[1:]} family", tuple(sections))


def _all_sections(
    family: Any,
    numeric: Any,
    values: Mapping[str, float],
    sampling: tuple[int, int, int],
    tell: Progress,
) -> list[Section]:
    tell("deriving the metric and the skewness tensor")
    manifold = family.manifold()
    sections = [_declaration(family), _scores(family)]
    sections += [_metric(manifold), _skewness(manifold)]
    tell("deriving connections and curvature")
    sections += _connections(manifold)
    lines = str(manifold.certificate).removeprefix("Certificate\n").splitlines()
    sections.append(Section("Certificate", tuple(Note(line) for line in lines), verbatim=True))
    return sections + _numeric_sections(numeric, values, sampling, tell)


def connection_parameter(symbols: frozenset[sp.Symbol]) -> sp.Symbol:
    """A symbol for alpha whose name is not taken."""
    taken = {symbol.name for symbol in symbols}
    candidates = ["alpha", "a", "a_c", *(f"a_{number}" for number in range(len(taken) + 1))]
    name = next(candidate for candidate in candidates if candidate not in taken)
    return sp.Symbol(name, real=True)


def _numeric_family(family: Any, at: Mapping[str | sp.Symbol, Any]) -> tuple[Any, dict[str, float]]:
    """The family with its constants fixed as far as given, and the values of parameters."""
    constants = {symbol.name: symbol for symbol in family.constants}
    parameters = {symbol.name: symbol for symbol in family.parameters}
    given: dict[str, Any] = {}
    for key, value in at.items():
        name = key.name if isinstance(key, sp.Symbol) else str(key)
        if name not in constants and name not in parameters:
            known = ", ".join([*parameters, *constants])
            raise InvalidArgument(
                f"at: {name} is neither a parameter nor a constant of the family. "
                f"Give values for some of: {known}."
            )
        given[name] = value
    fixed = {constants[name]: value for name, value in given.items() if name in constants}
    numeric = family.fix(fixed) if fixed else family
    values = {name: float(value) for name, value in given.items() if name in parameters}
    if values and not numeric.constants:
        domain = numeric.declaration.external(numeric.declaration.domain)
        domain.require(_start(numeric, values), "at")
    return numeric, values


def _points(family: Any) -> list[list[float]]:
    domain = family.declaration.external(family.declaration.domain)
    return [[float(value) for value in point] for point in domain.interior_points(3)]


def _start(family: Any, values: Mapping[str, float]) -> list[float]:
    default = _points(family)[0]
    return [
        values.get(symbol.name, fallback)
        for symbol, fallback in zip(family.parameters, default, strict=True)
    ]


def _declaration(family: Any) -> Section:
    printer = Printer(symbol_names(family.log_density.free_symbols))
    names = ", ".join(symbol.name for symbol in (*family.sample, *family.parameters))
    tex = ", ".join(printer.doprint(symbol) for symbol in (*family.sample, *family.parameters))
    density = Component(f"log p({names})", rf"\log p({tex})", family.log_density)
    declaration = family.declaration
    notes = [Note(repr(family), _domain_tex(declaration, printer))]
    if family.constants:
        listed = ", ".join(symbol.name for symbol in family.constants)
        shown = ", ".join(printer.doprint(symbol) for symbol in family.constants)
        notes.append(Note(f"Constants: {listed}", f"Constants: ${shown}$"))
    return Section("Declaration", (), (density,), tuple(notes))


def _domain_tex(declaration: Any, printer: Printer) -> str:
    def shown(expr: sp.Expr) -> str:
        return str(printer.doprint(declaration.external(expr)))

    samples = [
        rf"{shown(v.symbol)} \in \{{{', '.join(map(shown, v.values))}\}}"
        if v.values is not None
        else rf"{shown(v.lower)} \le {shown(v.symbol)} \le {shown(v.upper)}"
        + (r" \text{ integer}" if v.discrete else "")
        if v.discrete
        else rf"{shown(v.symbol)} \in ({shown(v.lower)}, {shown(v.upper)})"
        for v in declaration.variables
    ]
    samples += [shown(relation) for relation in declaration.region]
    parameters = [
        rf"{shown(axis.symbol)} \in "
        + (r"\mathbb{R}/2\pi" if axis.periodic else f"({shown(axis.lower)}, {shown(axis.upper)})")
        for axis in declaration.domain.axes
    ]
    parameters += [shown(relation) for relation in declaration.domain.constraints]
    return f"Sample: ${', '.join(samples)}$. Parameters: ${', '.join(parameters)}$."


def _scores(family: Any) -> Section:
    names = symbol_names(family.parameters)
    components = tuple(
        Component(f"s[{symbol.name}]", rf"\partial_{{{names[symbol]}}} \log p", value)
        for symbol, value in zip(family.parameters, family.score, strict=True)
    )
    return Section("Score", (), components)


def _section(title: str, components: list[Component], *before: Note) -> Section:
    return Section(title, before, tuple(components), () if components else (_ZERO,))


def _metric(manifold: Any) -> Section:
    note = Note(
        "g[i, j] = E[s_i s_j]; components with i <= j that are not zero.",
        r"$g_{ij} = \mathrm{E}[s_i s_j]$; components with $i \le j$ that are not zero.",
    )
    return _section("Fisher metric", metric_components(manifold), note)


def _skewness(manifold: Any) -> Section:
    note = Note(
        "T[i, j, k] = E[s_i s_j s_k]; components with i <= j <= k that are not zero.",
        r"$T_{ijk} = \mathrm{E}[s_i s_j s_k]$; components with $i \le j \le k$ that are not zero.",
    )
    return _section("Skewness tensor", skewness_components(manifold), note)


def _connections(manifold: Any) -> list[Section]:
    symbols = tuple(manifold.coordinates)
    alpha = connection_parameter(frozenset(symbols) | frozenset(manifold.constants))
    connection = manifold.connection(alpha)
    tag = f"^{connection_tag(alpha)}"
    shown = symbol_names([alpha])[alpha]
    first = Note(
        f"christoffel_first[i, j, k] = g(D_i d_j, d_k) for the {alpha}-connection; i <= j.",
        rf"$\Gamma{tag}_{{ij,k}} = g(\nabla{tag}_i \partial_j, \partial_k)$ for the "
        rf"${shown}$-connection; $i \le j$.",
    )
    second = Note(
        "christoffel[k, i, j] with D_i d_j = christoffel[k, i, j] d_k; i <= j.",
        rf"$\nabla{tag}_i \partial_j = \Gamma^{{{tag[1:]} k}}_{{ij}} \partial_k$; $i \le j$.",
    )
    sections = [
        _section(
            "Connection symbols, first kind",
            christoffel_components(connection, symbols, first=True),
            first,
        ),
        _section(
            "Connection symbols, second kind",
            christoffel_components(connection, symbols, first=False),
            second,
        ),
    ]
    if len(symbols) == 1:
        reason = Note("A family with one parameter is a curve, and a curve has no curvature.")
        return [*sections, Section("Curvature", (reason,), status="skipped")]
    return [*sections, *_curvature(connection, symbols, tag, shown)]


def _curvature(
    connection: Any, symbols: tuple[sp.Symbol, ...], tag: str, shown: str
) -> list[Section]:
    riemann = Note(
        "riemann_lower[l, k, i, j] = g(R(d_i, d_j) d_k, d_l); l <= k and i < j. The rest follows "
        "from the antisymmetry in (i, j) and from R_lkij = -R_klij at the opposite parameter.",
        rf"$R{tag}_{{lkij}} = g(R(\partial_i, \partial_j)\partial_k, \partial_l)$; $l \le k$ and "
        rf"$i < j$. The rest follows from the antisymmetry in $(i, j)$ and from "
        rf"$R^{{({shown})}}_{{lkij}} = -R^{{(-{shown})}}_{{klij}}$.",
    )
    ricci = Note(
        "ricci[k, j] = R^l_klj.", rf"$\mathrm{{Ric}}{tag}_{{kj}} = R{tag}{{}}^{{l}}{{}}_{{klj}}$."
    )
    scalar = Component(
        "scalar_curvature", rf"\mathrm{{Scal}}{tag}", sp.sympify(connection.scalar_curvature)
    )
    return [
        _section("Curvature tensor", riemann_components(connection, symbols), riemann),
        _section("Ricci tensor", ricci_components(connection, symbols), ricci),
        Section("Scalar curvature", (), (scalar,)),
    ]


def _numeric_sections(
    family: Any, values: Mapping[str, float], sampling: tuple[int, int, int], tell: Progress
) -> list[Section]:
    titles = ("Geodesic", "Fisher-Rao distance", "Cramer-Rao bound")
    if family.constants:
        names = ", ".join(symbol.name for symbol in family.constants)
        example = ",".join(f"{symbol.name}=..." for symbol in family.constants)
        reason = Note(
            f"The constants {names} have no value. Give them, on the command line with "
            f"--at {example}, in Python with at={{...}}."
        )
        return [Section(title, (reason,), status="skipped") for title in titles]
    start = _start(family, values)
    end = next(point for point in reversed(_points(family)) if point != start)
    stages: tuple[Callable[[], Section], ...] = (
        lambda: _geodesic(family, start),
        lambda: _distance(family, start, end),
        lambda: _cramer_rao(family, start, *sampling),
    )
    sections: dict[str, Section] = {}
    # The solvers for geodesics may still be compiling elsewhere, so their turn is last.
    for title, stage in reversed(list(zip(titles, stages, strict=True))):
        tell(f"computing: {title}")
        try:
            sections[title] = stage()
        except (IntractableExpectation, RegularityError) as error:
            sections[title] = Section(title, (Note(str(error)),), status="skipped")
        except StatmaniError as error:
            sections[title] = Section(title, (Note(str(error)),), status="failed")
    return [sections[title] for title in titles]


def _vector(values: Any) -> str:
    return "(" + ", ".join(f"{value:.10g}" for value in np.ravel(values)) + ")"


def _named(family: Any, point: Any) -> Note:
    names = [symbol.name for symbol in family.parameters]
    text = ", ".join(f"{name} = {value:.10g}" for name, value in zip(names, point, strict=True))
    table = symbol_names(family.parameters)
    shown = ", ".join(
        f"{table[symbol]} = {value:.10g}"
        for symbol, value in zip(family.parameters, point, strict=True)
    )
    return Note(text, f"${shown}$")


def _geodesic(family: Any, start: list[float]) -> Section:
    from statmani.numerics.evaluate import evaluate
    from statmani.numerics.geodesic import geodesic

    manifold = family.manifold()
    metric = np.asarray(evaluate(manifold, "metric", start))
    velocity = np.zeros(len(start))
    velocity[0] = metric[0, 0] ** -0.5
    path = geodesic(manifold, start, velocity, t=1.0)
    begin = _named(family, start)
    first = family.parameters[0]
    notes = [
        Note(
            f"The Levi-Civita geodesic from {begin.text} with unit velocity along {first.name}:",
            f"The Levi-Civita geodesic from {begin.to_latex()} with unit velocity along "
            f"${symbol_names([first])[first]}$:",
        )
    ]
    for time in (0.0, 0.25, 0.5, 0.75, 1.0):
        point = _named(family, np.ravel(path(time)))
        notes.append(
            Note(f"  t = {time:4.2f}: {point.text}", f"$t = {time:.2f}$: {point.to_latex()}")
        )
    notes.append(
        Note(
            f"Length {float(path.length):.12g}, estimated error of the end point "
            f"{float(np.max(path.error)):.1e}."
        )
    )
    return Section("Geodesic", tuple(notes), verbatim=True)


def _distance(family: Any, start: list[float], end: list[float]) -> Section:
    from statmani.numerics.distance import distance

    record: Any = distance(family.manifold(), start, end, full_output=True)
    one, two = _named(family, start), _named(family, end)
    value = f"d = {float(record.value):.14g}, estimated error {float(record.error):.1e}"
    notes = [
        Note(
            f"Between {one.text} and {two.text}:",
            f"Between {one.to_latex()} and {two.to_latex()}:",
        ),
        Note("  " + value),
        Note(f"  status: {record.status}; minimality: {record.minimality}"),
    ]
    return Section("Fisher-Rao distance", tuple(notes), verbatim=True)


def _cramer_rao(family: Any, at: list[float], seed: int, n: int, replications: int) -> Section:
    from statmani.inference.cramer_rao import cramer_rao

    # A report is read once, not averaged over: one in twenty false alarms would be too many.
    record: Any = cramer_rao(
        family, at, n=n, replications=replications, seed=seed, level=_REPORT_LEVEL
    )
    where = _named(family, at)
    head = f"{replications} maximum-likelihood estimates from samples of size {n} at "
    notes = [Note(head + where.text + ":", escape_text(head) + where.to_latex() + ":")]
    for index, symbol in enumerate(family.parameters):
        covariance, bound = np.asarray(record.covariance), np.asarray(record.bound)
        notes.append(
            Note(
                f"  {symbol.name}: variance {covariance[index, index]:.6g}, "
                f"bound {bound[index, index]:.6g}"
            )
        )
    notes += [
        Note(f"  efficiency {float(record.efficiency):.4f}"),
        Note(
            f"  p-value {float(record.p_value):.4f} at level {_REPORT_LEVEL}; "
            f"verdict: {record.verdict}"
        ),
    ]
    return Section("Cramer-Rao bound", tuple(notes), verbatim=True)
