"""Derivations kept on disk: a second run does not derive again.

A file is named by a hash of the declaration, of the sources that derive and of sympy's version,
so no change of any of them can bring back an old result. The content carries its own checksum;
whatever does not read back exactly is derived again and rewritten.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import sympy as sp

from statmani.algebra.expression_json import from_json, to_json
from statmani.declaration import Declaration
from statmani.errors import InvalidArgument
from statmani.expectation.derive import Derivation, derive
from statmani.storage import cache_directory, write_atomic

__all__ = ["derive_or_load", "load", "save"]

_SOURCES = ("*.py", "algebra/**/*.py", "expectation/**/*.py")
_LOADED = "loaded from the cache; derived and checked by an earlier run"


def derive_or_load(
    declaration: Declaration,
    *,
    effort: float = 1.0,
    progress: Callable[..., None] | None = None,
) -> Derivation:
    """Return the stored derivation of a declaration, or derive it and store it.

    Parameters
    ----------
    declaration : Declaration
    effort, progress
        As for :func:`statmani.expectation.derive.derive`.

    Returns
    -------
    Derivation
        The certificate of a loaded one says so.

    Raises
    ------
    IntractableExpectation, RegularityError, CertificateError
        As :func:`statmani.expectation.derive.derive`; failures are not stored.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.store import derive_or_load
    >>> derive_or_load(sm.families.poisson().declaration).metric
    Matrix([[1/t0]])
    """
    stored = load(declaration)
    if stored is not None:
        return stored
    derivation = derive(declaration, effort=effort, progress=progress)
    save(declaration, derivation)
    return derivation


@cache
def _fingerprint() -> str:
    package = Path(__file__).parent.parent
    digest = hashlib.sha256(sp.__version__.encode())
    for pattern in _SOURCES:
        for file in sorted(package.glob(pattern)):
            digest.update(file.name.encode() + b"\0")
            digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _file(declaration: Declaration) -> Path | None:
    folder = cache_directory()
    if folder is None:
        return None
    name = hashlib.sha256(f"{_fingerprint()} {declaration.key}".encode()).hexdigest()
    return folder / "derivations" / f"{name[:40]}.json"


def load(declaration: Declaration) -> Derivation | None:
    """Return the stored derivation, or None when there is none that reads back exactly.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.store import derive_or_load, load
    >>> declaration = sm.families.poisson().declaration
    >>> load(declaration) in (None, derive_or_load(declaration))
    True
    """
    path = _file(declaration)
    if path is None:
        return None
    try:
        stored = json.loads(path.read_text("utf-8"))
        content = stored["content"]
        if stored["checksum"] != _checksum(content):
            return None
        own = tuple(sp.Dummy(name, **assumptions) for name, assumptions in content["symbols"])
        derivation = _decode(content["derivation"], (*_symbols(declaration), *own))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(derivation, Derivation):
        return None
    certificate = derivation.certificate
    return replace(
        derivation,
        certificate=replace(
            certificate,
            points=declaration.external(certificate.points),
            notes=(*certificate.notes, _LOADED),
        ),
    )


def save(declaration: Declaration, derivation: Derivation) -> bool:
    """Store a derivation; return whether that was possible.

    A tensor with parts that have no JSON form, such as an unevaluated expectation, is not stored.

    Examples
    --------
    >>> import statmani as sm
    >>> from statmani.expectation.derive import derive
    >>> from statmani.expectation.store import save
    >>> declaration = sm.families.poisson().declaration
    >>> save(declaration, derive(declaration)) in (True, False)
    True
    """
    path = _file(declaration)
    if path is None:
        return False
    # Users' names stay out of the file: renaming the symbols must find the same derivation.
    certificate = derivation.certificate
    points = declaration.internal(certificate.points)
    neutral = replace(derivation, certificate=replace(certificate, points=points))
    own = _sampler_symbols(derivation)
    try:
        content = {
            "symbols": [[symbol.name, symbol.assumptions0] for symbol in own],
            "derivation": _encode(neutral, (*_symbols(declaration), *own)),
        }
        text = json.dumps({"checksum": _checksum(content), "content": content})
        path.parent.mkdir(exist_ok=True)
        write_atomic(path, text)
    except (InvalidArgument, OSError):
        return False
    return True


def _checksum(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _symbols(declaration: Declaration) -> tuple[sp.Symbol, ...]:
    samples = tuple(variable.symbol for variable in declaration.variables)
    return (*declaration.parameters, *declaration.constants, *samples)


def _sampler_symbols(derivation: Derivation) -> tuple[sp.Symbol, ...]:
    return tuple(dict.fromkeys(branch.variable for branch in derivation.sampler or ()))


def _records() -> dict[str, type]:
    """The record types that a derivation may contain; nothing else is ever built."""
    from statmani.expectation import certificate, derive

    return {
        name: value
        for module in (certificate, derive)
        for name, value in vars(module).items()
        if isinstance(value, type) and is_dataclass(value)
    }


def _encode(value: Any, symbols: Sequence[sp.Symbol]) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return ["int", hex(value)]
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, sp.MatrixBase):
        return ["matrix", *value.shape, [_encode(entry, symbols) for entry in value]]
    if isinstance(value, (sp.Expr, sp.logic.boolalg.Boolean)):
        return ["expr", to_json(value, symbols)]
    if isinstance(value, tuple):
        return ["tuple", [_encode(item, symbols) for item in value]]
    if isinstance(value, dict):
        return ["dict", [[_encode(k, symbols), _encode(v, symbols)] for k, v in value.items()]]
    if is_dataclass(value) and type(value).__name__ in _records():
        content = {f.name: _encode(getattr(value, f.name), symbols) for f in fields(value)}
        return ["record", type(value).__name__, content]
    raise InvalidArgument(f"a {type(value).__name__} of a derivation has no JSON form")


def _decode(data: Any, symbols: Sequence[sp.Symbol]) -> Any:
    if data is None or isinstance(data, (bool, str)):
        return data
    kind, *parts = data
    if kind == "int":
        return int(parts[0], 16)
    if kind == "float":
        return float.fromhex(parts[0])
    if kind == "expr":
        return from_json(parts[0], symbols)
    if kind == "matrix":
        rows, columns, entries = parts
        return sp.ImmutableMatrix(rows, columns, [_decode(entry, symbols) for entry in entries])
    if kind == "tuple":
        return tuple(_decode(item, symbols) for item in parts[0])
    if kind == "dict":
        return {_decode(k, symbols): _decode(v, symbols) for k, v in parts[0]}
    if kind == "record":
        content = {name: _decode(value, symbols) for name, value in parts[1].items()}
        return _records()[parts[0]](**content)
    raise InvalidArgument(f"unknown kind {kind!r}")
