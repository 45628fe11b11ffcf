"""Declarations of the reference families, read from tests/references/acceptance.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import statmani as sm
from statmani.declaration import Declaration
from statmani.declare import declare

sys.path.insert(0, str(Path(__file__).parent))

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "references" / "acceptance.json").read_text(encoding="utf-8")
)
DOMAINS = {
    "real": sp.S.Reals,
    "positive": sp.Interval.open(0, sp.oo),
    "negative": sp.Interval.open(-sp.oo, 0),
    "unit": sp.Interval.open(0, 1),
    ">1": sp.Interval.open(1, sp.oo),
    "(-1,1)": sp.Interval.open(-1, 1),
    "nonneg": sp.Interval(0, sp.oo),
    "circle": sm.Circle,
}


def declare_reference(name: str, prefix: str = "", order: list[int] | None = None) -> Declaration:
    """The declaration of a reference family, with renamed symbols or permuted parameters."""
    data = REFERENCE[name]
    names = {v: sp.Symbol(prefix + v, real=True) for v in data["variables"]}
    names |= {p: sp.Symbol(prefix + p, real=True) for p, _ in data["parameters"]}
    entries = list(data["parameters"])
    if order is not None:
        entries = [entries[i] for i in order]
    parameters = {names[p]: DOMAINS[kind] for p, kind in entries}
    discrete = data["kind"] == "discrete"
    sample: dict[sp.Symbol, Any] = {}
    relations = []
    widest = [sp.sympify(high) for _, high in data["support"]]
    for v, (low, high) in zip(data["variables"], data["support"], strict=True):
        x = names[v]
        lower, upper = (sp.sympify(e, locals=names) for e in (low, high))
        if lower.free_symbols:
            relations.append(x > lower)
            lower = -sp.oo
        if upper.free_symbols:
            relations.append(x <= upper if discrete else x < upper)
            upper = widest[0]
        sample[x] = sp.Range(lower, upper + 1) if discrete else sp.Interval.open(lower, upper)
    coupled = {"p1", "p2"} <= set(names)
    return declare(
        None,
        sp.sympify(data["log_density"], locals=names),
        sample,
        parameters,
        relations or None,
        names["p1"] + names["p2"] < 1 if coupled else None,
        [],
        name,
    )


@pytest.fixture(scope="session")
def reference() -> dict[str, Any]:
    return REFERENCE


@pytest.fixture(scope="session")
def declared() -> Callable[..., Declaration]:
    return declare_reference
