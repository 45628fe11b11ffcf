"""Sympy expressions as plain JSON data and back, through a whitelist of heads.

An expression is a list of rows in an order in which arguments come first; the last row is the
root. A row is ``[head, argument, ...]`` where arguments are row numbers, except for the leaves
``["symbol", index]``, ``["integer", value]`` and so on. Shared subexpressions are stored once.
Reading evaluates no text: a head that is not in the table is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sympy as sp
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from statmani.errors import InvalidArgument
from statmani.zeta import ZetaDerivative

__all__ = ["from_json", "register_object", "to_json"]

Row = list[Any]

_MAX_ROWS = 500_000
_MAX_DEPTH = 150
_MAX_DIGITS = 100_000
_MAX_EXPANDED = 10_000

_CONSTANTS: dict[str, sp.Basic] = {
    "pi": sp.pi,
    "e": sp.E,
    "euler_gamma": sp.EulerGamma,
    "catalan": sp.Catalan,
    "golden_ratio": sp.GoldenRatio,
    "oo": sp.oo,
    "-oo": -sp.oo,
    "i": sp.I,
    "true": sp.true,
    "false": sp.false,
}

_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    *(sp.exp, sp.log, sp.Abs, sp.sign, sp.Max, sp.Min, sp.floor, sp.ceiling),
    *(sp.sin, sp.cos, sp.tan, sp.cot, sp.sec, sp.csc, sp.asin, sp.acos, sp.atan, sp.acot, sp.atan2),
    *(sp.sinh, sp.cosh, sp.tanh, sp.coth, sp.sech, sp.csch, sp.asinh, sp.acosh, sp.atanh, sp.acoth),
    *(sp.gamma, sp.loggamma, sp.polygamma, sp.beta, sp.uppergamma, sp.lowergamma, sp.multigamma),
    *(sp.zeta, ZetaDerivative, sp.dirichlet_eta, sp.polylog, sp.lerchphi, sp.harmonic, sp.LambertW),
    *(sp.erf, sp.erfc, sp.erfi, sp.erfinv, sp.erfcinv, sp.Ei, sp.expint),
    *(sp.besseli, sp.besselj, sp.besselk, sp.bessely),
    *(sp.factorial, sp.binomial, sp.RisingFactorial, sp.FallingFactorial, sp.subfactorial),
    *(sp.KroneckerDelta, sp.Heaviside, sp.DiracDelta),
    *(sp.Eq, sp.Ne, sp.Lt, sp.Le, sp.Gt, sp.Ge, sp.And, sp.Or, sp.Not),
)
_HEADS: dict[str, Callable[..., Any]] = {
    "add": sp.Add,
    "mul": sp.Mul,
    "pow": sp.Pow,
    "piecewise": sp.Piecewise,
    **{head.__name__: head for head in _FUNCTIONS},
}
_NAMES: dict[Any, str] = {head: name for name, head in _HEADS.items()}
# Heads of later stages, each with an object that they hold as the first argument.
_OBJECTS: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {}
_HOLDERS: dict[str, Callable[..., Any]] = {}
_RELATIONS = (sp.Eq, sp.Ne, sp.Lt, sp.Le, sp.Gt, sp.Ge)
_LOGIC = (sp.And, sp.Or, sp.Not)

# Sympy expands these at integers; a corrupted file must not make it expand 10^9 factorial.
_EXPANDING = frozenset(
    _NAMES[head]
    for head in (
        *(sp.gamma, sp.loggamma, sp.polygamma, sp.beta, sp.uppergamma, sp.lowergamma),
        *(sp.multigamma, sp.zeta, sp.dirichlet_eta, sp.polylog, sp.lerchphi, sp.harmonic),
        *(sp.expint, sp.factorial, sp.binomial, sp.RisingFactorial, sp.FallingFactorial),
        sp.subfactorial,
    )
)


def register_object(
    holder: Any, kind: type, write: Callable[[Any], Any], read: Callable[[Any], Any]
) -> None:
    """Let expressions of class `holder` be written whose first argument is of class `kind`.

    Parameters
    ----------
    holder : subclass of Expr
    kind : subclass of Basic without arguments
    write, read : callable
        From an object to plain data and back; `read` raises InvalidArgument on anything else.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.algebra.expression_json import from_json, register_object, to_json
    >>> class Label(sp.Basic):
    ...     is_Atom = True
    >>> class Marked(sp.Expr):
    ...     pass
    >>> register_object(Marked, Label, lambda label: [], lambda data: Label())
    >>> to_json(Marked(Label(), sp.Integer(1)), [])
    [['object', 'Label', []], ['integer', 1], ['Marked', 0, 1]]
    """
    _OBJECTS[kind.__name__] = (kind, write, read)
    _HOLDERS[holder.__name__] = holder


def to_json(expr: sp.Basic, symbols: Sequence[sp.Symbol]) -> list[Row]:
    """Return an expression as nested lists of strings and integers.

    Parameters
    ----------
    expr : sympy expression
        A scalar expression or relational of elementary and common special functions.
    symbols : sequence of Symbol
        Every free symbol of `expr`; stored by its position, so names are not in the data.

    Returns
    -------
    list
        Rows ``[head, arguments...]``, safe for :func:`json.dumps`.

    Raises
    ------
    InvalidArgument
        A head outside the whitelist, a symbol outside `symbols`, or an expression beyond the
        limits on size and depth.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.algebra.expression_json import from_json, to_json
    >>> k = sp.Symbol("k", positive=True)
    >>> to_json(sp.exp(2 * k), [k])
    [['integer', 2], ['symbol', 0], ['mul', 0, 1], ['exp', 2]]
    """
    positions = {symbol: index for index, symbol in enumerate(symbols)}
    numbers: dict[sp.Basic, int] = {}
    rows: list[Row] = []
    depths: list[int] = []
    for node in _arguments_first(expr):
        if node in numbers:
            continue
        row = _leaf_row(node, positions)
        depth = 0
        if row is None:
            references = [numbers[argument] for argument in _arguments(node)]
            row = [_name(node), *references]
            depth = 1 + max((depths[reference] for reference in references), default=0)
        _check_limits(len(rows), depth)
        numbers[node] = len(rows)
        rows.append(row)
        depths.append(depth)
    return rows


def _arguments(node: sp.Basic) -> tuple[sp.Basic, ...]:
    if isinstance(node, sp.Piecewise):
        return tuple(part for pair in node.args for part in pair.args)
    arguments: tuple[sp.Basic, ...] = node.args
    return arguments


def _arguments_first(expr: sp.Basic) -> Iterator[sp.Basic]:
    seen: set[sp.Basic] = set()
    stack: list[tuple[sp.Basic, bool]] = [(expr, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            yield node
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if node.args:
                _name(node)
            stack.extend((argument, False) for argument in reversed(_arguments(node)))


def _name(node: sp.Basic) -> str:
    name = _NAMES.get(node.func)
    if name is None and type(node) is _HOLDERS.get(type(node).__name__):
        return type(node).__name__
    if name is None:
        raise InvalidArgument(
            f"cannot write {_short(node)} as JSON: its head {node.func.__name__} is not in the "
            f"whitelist; rewrite it by one of {', '.join(sorted(_HEADS))}"
        )
    return name


def _leaf_row(node: sp.Basic, positions: dict[sp.Symbol, int]) -> Row | None:
    if isinstance(node, sp.Symbol):
        if node not in positions:
            raise InvalidArgument(
                f"cannot write the symbol {node} as JSON: it is not among the given symbols "
                f"{tuple(positions)}; add it to them"
            )
        return ["symbol", positions[node]]
    if isinstance(node, sp.Integer):
        return ["integer", _integer_data(node.p)]
    if isinstance(node, sp.Rational):
        return ["rational", _integer_data(node.p), _integer_data(node.q)]
    if isinstance(node, sp.Float):
        sign, mantissa, exponent, _ = node._mpf_
        if not mantissa and exponent:
            raise InvalidArgument(f"cannot write {node} as JSON: the number is not finite")
        return [
            "float",
            _integer_data(-int(mantissa) if sign else int(mantissa)),
            int(exponent),
            int(node._prec),
        ]
    for name, constant in _CONSTANTS.items():
        if node is constant:
            return ["constant", name]
    for name, (kind, write, _) in _OBJECTS.items():
        if isinstance(node, kind):
            return ["object", name, write(node)]
    return None


def _integer_data(value: int) -> int | str:
    # Decimal conversion of very long integers is refused by Python; hexadecimal is not.
    return int(value) if abs(value) < 2**63 else hex(value)


def _check_limits(rows: int, depth: int) -> None:
    if rows >= _MAX_ROWS or depth > _MAX_DEPTH:
        raise InvalidArgument(
            f"the expression has more than {_MAX_ROWS} different parts or is nested more than "
            f"{_MAX_DEPTH} deep; split it or simplify it first"
        )


def from_json(data: Any, symbols: Sequence[sp.Symbol]) -> sp.Basic:
    """Rebuild an expression that :func:`to_json` wrote.

    Parameters
    ----------
    data : list
        Rows as :func:`to_json` returns them, for example from :func:`json.loads`.
    symbols : sequence of Symbol
        The symbols by position.

    Returns
    -------
    sympy expression
        Equal to the one written when that was in sympy's evaluated form.

    Raises
    ------
    InvalidArgument
        Anything that :func:`to_json` does not write: wrong types, an unknown head, a forward
        reference, a symbol number without symbol, an excessive size.

    Examples
    --------
    >>> import sympy as sp
    >>> from statmani.algebra.expression_json import from_json, to_json
    >>> k = sp.Symbol("k", positive=True)
    >>> from_json([["symbol", 0], ["integer", -2], ["pow", 0, 1]], [k])
    k**(-2)
    >>> from_json([["symbol", 0], ["eval", 0]], [k])
    Traceback (most recent call last):
    ...
    statmani.errors.InvalidArgument: malformed expression data, row 1 ['eval', 0]: unknown head...
    """
    if not isinstance(data, list) or not data:
        raise InvalidArgument(
            f"malformed expression data: expected a non-empty list of rows, got {_short(data)}"
        )
    nodes: list[sp.Basic] = []
    depths: list[int] = []
    for index, row in enumerate(data):
        try:
            node, depth = _node(row, nodes, depths, symbols)
        except InvalidArgument as error:
            raise InvalidArgument(
                f"malformed expression data, row {index} {_short(row)}: {error}"
            ) from None
        except (TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
            # Sympy constructors refuse wrong arguments with these.
            raise InvalidArgument(
                f"malformed expression data, row {index} {_short(row)}: {error}"
            ) from error
        nodes.append(node)
        depths.append(depth)
    return nodes[-1]


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 80 else text[:77] + "..."


def _node(
    row: Any, nodes: list[sp.Basic], depths: list[int], symbols: Sequence[sp.Symbol]
) -> tuple[sp.Basic, int]:
    if not isinstance(row, list) or not row or not isinstance(row[0], str):
        raise InvalidArgument("a row must be a list that starts with the name of a head")
    head, *values = row
    leaf = _leaf(head, values, symbols)
    if leaf is not None:
        return leaf, 0
    if head not in _HEADS and head not in _HOLDERS:
        raise InvalidArgument(f"unknown head {head!r}")
    for value in values:
        if type(value) is not int or not 0 <= value < len(nodes):
            raise InvalidArgument(f"{value!r} is not the number of an earlier row")
    depth = 1 + max((depths[value] for value in values), default=0)
    _check_limits(len(nodes), depth)
    return _build(head, [nodes[value] for value in values]), depth


def _leaf(head: str, values: list[Any], symbols: Sequence[sp.Symbol]) -> sp.Basic | None:
    sizes = {"symbol": 1, "integer": 1, "rational": 2, "float": 3, "constant": 1, "object": 2}
    if head not in sizes:
        return None
    if len(values) != sizes[head]:
        raise InvalidArgument(f"{head} takes {sizes[head]} values, not {len(values)}")
    if head == "constant":
        if not isinstance(values[0], str) or values[0] not in _CONSTANTS:
            raise InvalidArgument(f"unknown constant {values[0]!r}")
        return _CONSTANTS[values[0]]
    if head == "object":
        if not isinstance(values[0], str) or values[0] not in _OBJECTS:
            raise InvalidArgument(f"unknown object {values[0]!r}")
        return _OBJECTS[values[0]][2](values[1])
    numbers = [_integer(value) for value in values]
    if head == "symbol":
        if not 0 <= numbers[0] < len(symbols):
            raise InvalidArgument(f"there is no symbol number {numbers[0]}; {len(symbols)} given")
        return symbols[numbers[0]]
    if head == "integer":
        return sp.Integer(numbers[0])
    if head == "rational":
        if numbers[1] <= 0:
            raise InvalidArgument(f"the denominator {numbers[1]} is not positive")
        return sp.Rational(numbers[0], numbers[1])
    mantissa, exponent, precision = numbers
    if abs(exponent) > 10**9 or not 1 <= precision <= 10**6:
        raise InvalidArgument("exponent or precision of a float out of range")
    sign = int(mantissa < 0)
    return sp.Float(
        (sign, abs(mantissa), exponent, abs(mantissa).bit_length()), precision=precision
    )


def _integer(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and len(value) <= _MAX_DIGITS and value.lstrip("-").startswith("0x"):
        return int(value, 16)
    raise InvalidArgument(f"{_short(value)} is not an integer")


def _build(head: str, arguments: list[Any]) -> sp.Basic:
    if head in _HOLDERS:
        return _checked(_HOLDERS[head](*arguments))
    kinds = [isinstance(argument, sp.Expr) for argument in arguments]
    if head == "piecewise":
        if len(arguments) % 2 or not arguments:
            raise InvalidArgument("piecewise takes pairs of a value and a condition")
        return _checked(sp.Piecewise(*zip(arguments[::2], arguments[1::2], strict=True)))
    function = _HEADS[head]
    if function in _LOGIC:
        if any(kinds):
            raise InvalidArgument(f"{head} takes conditions, not expressions")
        return _checked(function(*arguments))
    if not all(kinds):
        raise InvalidArgument(f"{head} takes expressions, not conditions")
    if head == "pow":
        return _checked(_power(arguments))
    if head in _EXPANDING and any(
        argument.is_Rational and abs(argument) > _MAX_EXPANDED for argument in arguments
    ):
        raise InvalidArgument(f"{head} of a number above {_MAX_EXPANDED} would be expanded")
    if head == "mul" and len(arguments) == 2 and arguments[0].is_Rational and arguments[1].is_Add:
        # Evaluation would distribute the number that factoring took out.
        return sp.Mul(*arguments, evaluate=False)
    return _checked(function(*arguments))


def _power(arguments: list[Any]) -> sp.Basic:
    if len(arguments) != 2:
        raise InvalidArgument(f"pow takes 2 arguments, not {len(arguments)}")
    base, exponent = arguments
    if base.is_Rational and exponent.is_Rational:
        bits = max(abs(base.p).bit_length(), base.q.bit_length())
        if abs(exponent) * bits > 64 * _MAX_EXPANDED and base not in (0, 1, -1):
            raise InvalidArgument(f"the power {_short(base)}**{_short(exponent)} would be expanded")
    return sp.Pow(base, exponent)


def _checked(node: Any) -> sp.Basic:
    if not isinstance(node, (sp.Expr, *_RELATIONS, *_LOGIC, BooleanTrue, BooleanFalse)):
        raise InvalidArgument(f"{_short(node)} is not an expression")
    if node in (sp.nan, sp.zoo):
        raise InvalidArgument(f"the value is {node}")
    return node
