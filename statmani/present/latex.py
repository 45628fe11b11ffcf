"""``sm.latex``: any object of the toolkit as LaTeX mathematics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from statmani.errors import InvalidArgument
from statmani.present.components import (
    Component,
    christoffel_components,
    metric_components,
    skewness_components,
    tensor_components,
)
from statmani.present.layout import PAGE_WIDTH, rows, shorten
from statmani.present.printer import Printer, escape_text, symbol_names

__all__ = ["equations", "latex"]


def latex(
    obj: Any,
    *,
    symbol_names: Mapping[sp.Symbol, str] | None = None,
    head: str = "T",
    short: bool = True,
) -> str:
    """Return LaTeX of an expression, tensor, manifold, connection, certificate or family.

    Parameters
    ----------
    obj : sympy expression or Matrix, Tensor, StatisticalManifold, Connection, Certificate, Family
        A sequence of expressions is printed as a tuple.
    symbol_names : mapping Symbol -> str, optional
        LaTeX of particular symbols.
    head : str
        Letter of a bare tensor's components.
    short : bool
        Factor components where that makes them shorter.

    Returns
    -------
    str
        Content for mathematics mode, without dollar signs. Objects with several components
        give an ``aligned`` environment of the non-zero ones that symmetry does not repeat. A
        certificate or a record gives text mode in ``\\text{...}``.

    Raises
    ------
    InvalidArgument
        An object that has no mathematical form.

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> lam, shape = sp.symbols("lam shape", positive=True)
    >>> print(sm.latex(sp.EulerGamma * lam**shape))
    \\gamma_{\\mathrm{E}} \\lambda^{\\mathit{shape}}
    >>> print(sm.latex(lam, symbol_names={lam: r"\\ell"}))
    \\ell
    """
    given = dict(symbol_names or {})
    if isinstance(obj, (sp.Basic, sp.MatrixBase)):
        return _expression(obj, given, short)
    if isinstance(obj, (int, float)):
        return str(Printer().doprint(sp.sympify(obj)))
    if hasattr(obj, "declaration") and hasattr(obj, "manifold"):
        return _family(obj, given)
    if hasattr(obj, "metric") and hasattr(obj, "skewness"):
        components = [*metric_components(obj), *skewness_components(obj)]
        return _aligned(components, given, short, "g = 0")
    if hasattr(obj, "christoffel_first"):
        return _connection(obj, given, short)
    if hasattr(obj, "shape") and hasattr(obj, "nonzero"):
        return _aligned(tensor_components(obj, head, None), given, short, f"{head} = 0")
    if isinstance(obj, Sequence) and not isinstance(obj, str):
        inner = ", ".join(latex(item, symbol_names=given, short=short) for item in obj)
        return rf"\left({inner}\right)"
    if type(obj).__module__.startswith("statmani."):
        return _text(str(obj))
    raise InvalidArgument(
        f"latex: cannot print {type(obj).__name__} {str(obj)[:60]!r}. Pass a sympy expression or "
        "Matrix, a Tensor, a manifold, a connection, a certificate or a family."
    )


def _printer(values: Iterable[Any], given: Mapping[sp.Symbol, str]) -> Printer:
    found: set[sp.Symbol] = set()
    for value in values:
        found |= value.free_symbols
    return Printer({**symbol_names(found), **given})


def _expression(expr: Any, given: Mapping[sp.Symbol, str], short: bool) -> str:
    printer = _printer([expr], given)
    if short and isinstance(expr, sp.MatrixBase):
        expr = expr.applyfunc(shorten)
    return str(printer.doprint(expr))


def _connection(connection: Any, given: Mapping[sp.Symbol, str], short: bool) -> str:
    symbols = tuple(connection.manifold.coordinates)
    components = christoffel_components(connection, symbols, first=False)
    return _aligned(components, given, short, r"\Gamma = 0")


def _family(family: Any, given: Mapping[sp.Symbol, str]) -> str:
    printer = _printer([family.log_density, *family.sample, *family.parameters], given)
    arguments = ", ".join(printer.doprint(symbol) for symbol in family.sample)
    parameters = ", ".join(printer.doprint(symbol) for symbol in family.parameters)
    return rf"\log p({arguments}; {parameters}) = {printer.doprint(family.log_density)}"


def _aligned(
    components: Sequence[Component], given: Mapping[sp.Symbol, str], short: bool, empty: str
) -> str:
    if not components:
        return empty
    return "\n".join(
        [r"\begin{aligned}", *equations(components, given, short=short), r"\end{aligned}"]
    )


def equations(
    components: Sequence[Component],
    given: Mapping[sp.Symbol, str] | None = None,
    *,
    short: bool = True,
    limit: float = PAGE_WIDTH,
    wrap: str = "{}",
) -> list[str]:
    """Rows of an ``align`` environment, long right-hand sides broken.

    Parameters
    ----------
    components : sequence of Component
    given : mapping Symbol -> str, optional
    short : bool
    limit : float
        Width of a row in letters.
    wrap : str
        What to put around each row, which replaces the first ``{}``.

    Returns
    -------
    list of str
        Each but the last ends in a line break.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.present.components import Component
    >>> from statmani.present.latex import equations
    >>> equations([Component("g", "g", sp.Integer(1)), Component("h", "h", sp.Integer(2))])
    ['g &= 1 \\\\\\\\', 'h &= 2']
    """
    printer = _printer([component.value for component in components], given or {})
    lines: list[str] = []
    for component in components:
        value = shorten(component.value) if short else component.value
        first, *rest = rows(value, printer, limit)
        lines.append(f"{component.tex} &= " + wrap.replace("{}", first, 1))
        lines += [r"&\quad " + wrap.replace("{}", line, 1) for line in rest]
    return [line + r" \\" for line in lines[:-1]] + lines[-1:]


def _text(text: str) -> str:
    lines = [rf"\text{{{escape_text(line)}}}" for line in text.splitlines() if line.strip()]
    return "\n".join([r"\begin{array}{l}", " \\\\\n".join(lines), r"\end{array}"])
