"""Manifolds in files: a JSON text that is read through a whitelist, never executed.

The file holds the symbols with their assumptions, the domain, g, T, the certificate and, for
chosen orders alpha, the connection and its curvature. docs/reference describes the format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sympy as sp
from sympy import Dummy, Expr, ImmutableMatrix, Rational, Symbol

from statmani.algebra.expression_json import from_json, to_json
from statmani.domain import Axis, Domain
from statmani.errors import InvalidArgument, InvalidManifold
from statmani.expectation.certificate import Certificate, Check
from statmani.geometry.alpha import read_alpha
from statmani.geometry.spot_check import first_difference
from statmani.geometry.tensor import Tensor
from statmani.storage import write_atomic

if TYPE_CHECKING:
    from statmani.geometry.connection import Connection
    from statmani.geometry.manifold import StatisticalManifold

__all__ = ["load_manifold", "save"]

_FORMAT = "statmani manifold"
_VERSION = 1
_MOST_BYTES = 2**28
_MOST_NODES = 2_000_000
_MOST_EXPONENT = 1000
_LONGEST_NAME = 200
_TENSORS = {"christoffel_first": 3, "christoffel": 3, "riemann": 4, "riemann_lower": 4}
_ASSUMPTIONS = frozenset(Symbol("x", positive=True, integer=True, even=True).assumptions0) | {
    *("algebraic", "antihermitian", "composite", "irrational", "odd", "polar", "prime", "rational"),
    *("transcendental", "imaginary", "infinite", "noninteger"),
}


def save(manifold: StatisticalManifold, path: str | Path, *, alphas: Iterable[object] = ()) -> None:
    """Write a manifold to a file that :func:`load_manifold` reads.

    Parameters
    ----------
    manifold : StatisticalManifold
    path : path-like
        Written atomically; an existing file is replaced.
    alphas : iterable of numbers or Symbols
        Orders whose Christoffel symbols, Riemann and Ricci tensors and scalar curvature are
        computed, if need be, and stored too.

    Raises
    ------
    InvalidArgument
        A part has no JSON form, such as an undefined function or a Dummy.
    OSError
        The folder does not exist or cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib, statmani as sm
    >>> M = sm.families.weibull().manifold()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder) / "weibull.json"
    ...     M.save(file, alphas=[0, 1])
    ...     sm.load_manifold(file) == M
    True
    """
    orders = [read_alpha(alpha, manifold.coordinates) for alpha in alphas]
    content = _written(manifold, orders)
    if _manifold(json.loads(json.dumps(content))) != manifold:
        raise InvalidArgument(
            f"{manifold!r} would not read back from JSON unchanged. Give its tensors in simpler "
            "functions."
        )
    data = {
        "format": _FORMAT, "version": _VERSION, "checksum": _checksum(content), "content": content
    }  # fmt: skip
    write_atomic(path, json.dumps(data, separators=(",", ":")) + "\n")


def load_manifold(path: str | Path) -> StatisticalManifold:
    """Read a manifold that ``M.save`` wrote.

    g and T are checked as those of a manifold written by hand; stored connections and curvatures
    are compared with numbers from g and T at a point, and then not computed again.

    Raises
    ------
    InvalidArgument
        No file of this format and version, a wrong checksum, or malformed content.
    InvalidManifold
        The tensors are no geometry: wrong shapes, an asymmetric or degenerate metric.
    OSError
        The file cannot be read.
    """
    file = Path(path)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InvalidArgument(f"the file is larger than {_MOST_BYTES} bytes")
        data = json.loads(file.read_bytes())
        if not isinstance(data, dict) or data.get("format") != _FORMAT:
            raise InvalidArgument(f"no file of the format {_FORMAT!r}")
        if data.get("version") != _VERSION:
            raise InvalidArgument(
                f"version {data.get('version')!r} of the format, this program reads {_VERSION}"
            )
        content = data.get("content")
        if data.get("checksum") != _checksum(content):
            raise InvalidArgument("the checksum is wrong, so the file is damaged")
        return _loaded(content)
    except InvalidManifold as failure:
        raise InvalidManifold(f"{file}: {failure}") from None
    except InvalidArgument as failure:
        raise InvalidArgument(
            f"{file}: {failure}. Save the manifold again with M.save(path)."
        ) from None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError, OverflowError) as failure:
        reason = str(failure) or type(failure).__name__
        raise InvalidArgument(
            f"{file}: malformed content ({reason[:200]}). Save the manifold again with "
            "M.save(path)."
        ) from None


def _checksum(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# -- writing -----------------------------------------------------------------------------


def _table(manifold: StatisticalManifold, orders: Sequence[Expr]) -> tuple[Symbol, ...]:
    certificate = manifold.certificate
    points = certificate.points if isinstance(certificate, Certificate) else ()
    seen = [symbol for point in points for symbol, _ in point]
    images = manifold.embedding.mapping.values() if manifold.embedding else ()
    free = [s for e in (*orders, *images) for s in sorted(e.free_symbols, key=str)]
    return tuple(dict.fromkeys([*manifold.coordinates, *manifold.constants, *seen, *free]))


def _written(manifold: StatisticalManifold, orders: Sequence[Expr]) -> dict[str, Any]:
    symbols = _table(manifold, orders)
    for symbol in symbols:
        if isinstance(symbol, Dummy):
            raise InvalidArgument(
                f"the symbol {symbol} is a Dummy, which has no identity outside this process. "
                "Use a Symbol."
            )

    def pack(expr: Any) -> Any:
        return to_json(expr, symbols)

    domain, n = manifold.domain, manifold.dim
    skewness, embedding = manifold.skewness, manifold.embedding
    around = None
    if embedding is not None:
        around = {
            "ambient": _written(embedding.ambient, ()),
            "mapping": [pack(embedding.mapping[c]) for c in embedding.ambient.coordinates],
        }
    return {
        "symbols": [[s.name, dict(sorted(s.assumptions0.items()))] for s in symbols],
        "axes": [[pack(a.lower), pack(a.upper), a.periodic] for a in domain.axes],
        "constraints": [pack(c) for c in domain.constraints],
        "metric": [[pack(manifold.metric[i, j]) for j in range(n)] for i in range(n)],
        "skewness": [[*p, pack(skewness[p])] for p in sorted(manifold.geometry.skewness)],
        "certificate": _certificate_data(manifold.certificate, pack),
        "connections": [_connection_data(manifold.connection(order), pack) for order in orders],
        "embedding": around,
    }


def _connection_data(connection: Connection, pack: Any) -> dict[str, Any]:
    n = connection.manifold.dim
    data: dict[str, Any] = {"alpha": pack(connection.alpha)}
    for name in _TENSORS:
        entries = getattr(connection, name).nonzero()
        data[name] = [[*index, pack(value)] for index, value in entries.items()]
    ricci = connection.ricci
    data["ricci"] = [[*p, pack(ricci[p])] for p in product(range(n), repeat=2) if ricci[p] != 0]
    data["scalar_curvature"] = [[pack(connection.scalar_curvature)]]
    return data


def _certificate_data(certificate: object, pack: Any) -> Any:
    if certificate is None:
        return None
    if not isinstance(certificate, Certificate):
        raise InvalidArgument(
            f"the certificate is a {type(certificate).__name__}, which has no JSON form. "
            "Build the manifold without it."
        )
    return {
        "strategies": [list(pair) for pair in certificate.strategies],
        "points": [[[pack(s), pack(v)] for s, v in point] for point in certificate.points],
        "digits": list(certificate.digits),
        "checks": [
            [c.name, c.point, c.residual.hex(), c.tolerance.hex()] for c in certificate.checks
        ],
        "notes": list(certificate.notes),
    }


# -- reading -----------------------------------------------------------------------------


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise InvalidArgument(what)


def _symbols(data: Any) -> tuple[Symbol, ...]:
    result = []
    _require(isinstance(data, list), "symbols: no list")
    for name, facts in data:
        _require(
            isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and isinstance(facts, dict),
            f"symbols: {str(name)[:50]!r} is no name with assumptions",
        )
        _require(
            all(key in _ASSUMPTIONS and isinstance(value, bool) for key, value in facts.items()),
            f"symbols: {name} has an unknown assumption",
        )
        _require(facts.get("commutative", True), f"symbols: {name} does not commute")
        result.append(Symbol(name, **facts))
    _require(len(set(result)) == len(result), "symbols: one occurs twice")
    return tuple(result)


def _expression(data: Any, symbols: Sequence[Symbol]) -> Any:
    """An expression of bounded size when written out, without large integer powers."""
    _require(isinstance(data, list), "an expression is no list of rows")
    sizes: list[int] = []
    for row in data:
        _require(isinstance(row, list) and bool(row), "an expression has a row that is no list")
        size = 1
        if row[0] not in ("symbol", "integer", "rational", "float", "constant", "object"):
            for k in row[1:]:
                _require(
                    type(k) is int and 0 <= k < len(sizes),
                    f"malformed expression data, row {str(row)[:80]}: no earlier row {str(k)[:20]}",
                )
                size += sizes[k]
        sizes.append(size)
        _require(
            size <= _MOST_NODES,
            f"an expression has more than {_MOST_NODES} parts when written out",
        )
    expr = from_json(data, symbols)
    for power in expr.atoms(sp.Pow):
        _require(
            not power.exp.is_Rational or abs(power.exp) <= _MOST_EXPONENT,
            f"the exponent {str(power.exp)[:20]} is larger than {_MOST_EXPONENT}",
        )
    return expr


def _domain(content: Mapping[str, Any], symbols: Sequence[Symbol]) -> Domain:
    axes: list[Axis] = []
    _require(isinstance(content["axes"], list), "axes: no list")
    _require(0 < len(content["axes"]) <= len(symbols), "axes: not one for each coordinate")
    for symbol, (lower, upper, periodic) in zip(symbols, content["axes"], strict=False):
        low, high = (_expression(data, symbols) for data in (lower, upper))
        known = {a.symbol for a in axes} | set(symbols[len(content["axes"]) :])
        good = isinstance(low, Expr) and isinstance(high, Expr) and isinstance(periodic, bool)
        _require(
            good
            and (low.free_symbols | high.free_symbols) <= known
            and low.is_extended_real is not False
            and high.is_extended_real is not False
            and (high - low).is_extended_nonpositive is not True,
            f"axes: {symbol} has no interval",
        )
        axes.append(Axis(symbol, low, high, periodic))
    constraints = tuple(_expression(data, symbols) for data in content["constraints"])
    _require(
        all(isinstance(c, (sp.StrictLessThan, sp.StrictGreaterThan)) for c in constraints),
        "constraints: not all are strict inequalities",
    )
    return Domain(tuple(axes), constraints)


def _entries(data: Any, rank: int, n: int, symbols: Sequence[Symbol], what: str) -> dict[Any, Any]:
    result: dict[tuple[int, ...], Any] = {}
    _require(isinstance(data, list), f"{what}: no list")
    for entry in data:
        _require(isinstance(entry, list) and len(entry) == rank + 1, f"{what}: a wrong shape")
        *index, rows = entry
        _require(
            all(type(i) is int and 0 <= i < n for i in index) and tuple(index) not in result,
            f"{what}: the index {index} is outside the dimension {n} or given twice",
        )
        value = _expression(rows, symbols)
        _require(isinstance(value, Expr), f"{what}{index} is no scalar expression")
        result[tuple(index)] = value
    return result


def _certificate(data: Any, symbols: Sequence[Symbol]) -> Certificate | None:
    if data is None:
        return None
    points = tuple(
        tuple((_expression(s, symbols), _expression(v, symbols)) for s, v in point)
        for point in data["points"]
    )
    for point in points:
        _require(all(isinstance(s, Symbol) for s, _ in point), "certificate: a wrong point")
    return Certificate(
        tuple((str(entry), str(strategy)) for entry, strategy in data["strategies"]),
        points,
        tuple(int(d) for d in data["digits"]),
        tuple(
            Check(str(name), int(point), float.fromhex(residual), float.fromhex(tolerance))
            for name, point, residual, tolerance in data["checks"]
        ),
        tuple(str(note) for note in data["notes"]),
    )


def _manifold(content: Any) -> StatisticalManifold:
    from statmani.geometry.manifold import StatisticalManifold

    _require(isinstance(content, dict), "the content is no mapping")
    symbols = _symbols(content["symbols"])
    domain = _domain(content, symbols)
    rows = content["metric"]
    _require(
        isinstance(rows, list) and all(isinstance(row, list) for row in rows), "metric: no rows"
    )
    metric = [[_expression(entry, symbols) for entry in row] for row in rows]
    skewness = _entries(content["skewness"], 3, domain.dim, symbols, "skewness")
    certificate = _certificate(content["certificate"], symbols)
    manifold = StatisticalManifold(domain, metric, skewness or None, certificate=certificate)
    around = content.get("embedding")
    return manifold if around is None else _embedded(manifold, around, symbols)


def _embedded(
    manifold: StatisticalManifold, around: Any, symbols: Sequence[Symbol]
) -> StatisticalManifold:
    """The same manifold, pulled back from the one around it once more."""
    ambient = _manifold(around["ambient"])
    images = around["mapping"]
    _require(
        isinstance(images, list) and len(images) == ambient.dim > manifold.dim,
        "embedding: not one image for each coordinate of a larger manifold",
    )
    mapping = {c: _expression(e, symbols) for c, e in zip(ambient.coordinates, images, strict=True)}
    found = ambient.submanifold(mapping, manifold.domain)
    _require(found == manifold, "embedding: it does not give the stored metric and skewness")
    return found


def _loaded(content: Any) -> StatisticalManifold:
    manifold = _manifold(content)
    symbols, n = _symbols(content["symbols"]), manifold.dim
    _require(isinstance(content["connections"], list), "connections: no list")
    for data in content["connections"]:
        alpha = read_alpha(_expression(data["alpha"], symbols), manifold.coordinates)
        stored = {
            name: _entries(data[name], rank, n, symbols, name)
            for name, rank in (*_TENSORS.items(), ("ricci", 2), ("scalar_curvature", 0))
        }
        value = {alpha: Rational(3, 7)} if isinstance(alpha, Symbol) else {}
        different = first_difference(manifold, alpha, stored, value)
        if different is not None:
            name, index = different
            raise InvalidArgument(
                f"{name}{list(index)} for alpha = {alpha} does not follow from g and T"
            )
        _preload(manifold.connection(alpha), stored)
    return manifold


def _preload(connection: Connection, stored: Mapping[str, dict[Any, Any]]) -> None:
    n = connection.manifold.dim
    found: dict[str, Any] = {
        name: Tensor.of_entries((n,) * rank, stored[name]) for name, rank in _TENSORS.items()
    }
    ricci = stored["ricci"]
    found["ricci"] = ImmutableMatrix(n, n, lambda i, j: ricci.get((int(i), int(j)), 0))
    found["scalar_curvature"] = stored["scalar_curvature"].get((), sp.S.Zero)
    connection.remember(found)
