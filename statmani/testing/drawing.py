"""Random declared families from a source of choices: a seed, or the draws of hypothesis."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, final

import sympy as sp

from statmani.errors import InvalidArgument
from statmani.family import Family
from statmani.testing.bases import (
    DIFFEOMORPHISMS,
    EXPONENTIAL,
    FINITE_SUPPORTS,
    STANDARD,
    STATISTICS,
    TOO_FAR,
    TWO_COMPONENTS,
    Base,
    Kind,
    x,
)

__all__ = ["KINDS", "draw_family", "random_family"]

T = TypeVar("T")


class Pick:
    """A choice from a sequence, whose first element is the simplest."""

    def __init__(self, choose: Callable[[Sequence[Any]], Any]) -> None:
        self._choose = choose

    def __call__(self, options: Sequence[T]) -> T:
        chosen: T = self._choose(options)
        return chosen


@final
@dataclass
class Draft:
    """A density while choices are made."""

    name: str
    log_density: sp.Expr
    sample: Any
    parameters: dict[sp.Symbol, Kind]
    heavy: bool = False
    steps: list[str] = field(default_factory=list)


def random_family(seed: int, kind: str | None = None) -> Family:
    """A random declared family, the same for the same seed.

    Parameters
    ----------
    seed : int
    kind : {"exponential", "finite exponential", "location-scale", "mixture", "curved"}, optional
        Default: one of them, by the seed.

    Returns
    -------
    Family
        Its name tells how it was made.

    Raises
    ------
    InvalidArgument
        No integer, or an unknown kind.

    Examples
    --------
    >>> from statmani.testing import random_family
    >>> random_family(3).name == random_family(3).name
    True
    >>> random_family(0, "mixture").parameters
    (w,)
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidArgument(f"random_family: seed must be an integer, got {seed!r}. Pass an int.")
    require_kind(kind, "random_family")
    return draw_family(Pick(random.Random(seed).choice), kind)


def require_kind(kind: str | None, where: str) -> None:
    """Refuse a kind that is unknown.

    Raises
    ------
    InvalidArgument
    """
    if kind is not None and kind not in KINDS:
        raise InvalidArgument(
            f"{where}: kind {kind!r} is unknown. Choose one of {', '.join(KINDS)}, or None."
        )


def draw_family(pick: Pick, kind: str | None = None) -> Family:
    """A family by the choices that `pick` makes."""
    chosen = kind if kind is not None else pick(tuple(KINDS))
    draft = KINDS[chosen](pick)
    _reparametrized(draft, pick)
    return _spelled(draft, pick)


def _exponential(pick: Pick) -> Draft:
    draft = _from_base(pick(EXPONENTIAL))
    _pushed(draft, pick)
    return draft


def _from_base(base: Base) -> Draft:
    return Draft(base.name, base.log_density, base.sample, dict(base.parameters), base.heavy)


def _curved(pick: Pick) -> Draft:
    base = pick([e for e in EXPONENTIAL if e.curves])
    (old, new), *_ = pick(base.curves).items()
    draft = _from_base(base)
    draft.log_density = base.log_density.xreplace({old: new})
    draft.parameters = {s: k for s, k in base.parameters if s != old}
    draft.steps.append(f"{old} = {new}")
    _pushed(draft, pick)
    return draft


def _location_scale(pick: Pick) -> Draft:
    base = pick(STANDARD)
    location, scale = sp.symbols("m s")
    draft = _from_base(base)
    fixed = base.sample == "positive" or base.vanishing
    forms = ("scale",) if fixed else ("location and scale", "location", "scale")
    form = pick(forms)
    z, jacobian = x, sp.S.Zero
    if "scale" in form:
        draft.parameters[scale] = "positive"
        z, jacobian = z / scale, -sp.log(scale)
    if "location" in form:
        draft.parameters = {location: "real", **draft.parameters}
        z = z.xreplace({x: x - location})
    draft.log_density = draft.log_density.xreplace({x: z}) + jacobian
    draft.name = f"{form} of {base.name}"
    _pushed(draft, pick)
    return draft


def _finite_exponential(pick: Pick) -> Draft:
    support = pick(FINITE_SUPPORTS)
    weights = [pick((1, 2, 3)) for _ in support]
    functions = [pick(STATISTICS)]
    if len(support) > 2 and pick((False, True)):
        functions.append(pick(STATISTICS))
    rows = sp.Matrix([[1, *(f(sp.Integer(k)) for f in functions)] for k in support])
    if rows.rank(iszerofunc=_vanishes) <= len(functions):
        functions = [STATISTICS[0]]
    thetas = sp.symbols("t u")[: len(functions)]
    exponent = sp.Add(*(t * f(x) for t, f in zip(thetas, functions, strict=True)))
    at = [sp.exp(exponent.xreplace({x: sp.Integer(k)})) for k in support]
    total = sp.Add(*(w * e for w, e in zip(weights, at, strict=True)))
    density = exponent - sp.log(total) + sp.log(_interpolated(support, weights))
    return Draft(
        f"exp({exponent}) on {support}, weights {tuple(weights)}", density, sp.FiniteSet(*support),
        dict.fromkeys(thetas, "real"),
    )  # fmt: skip


def _vanishes(entry: sp.Expr) -> bool:
    return abs(float(entry)) < 1e-12


def _interpolated(support: Sequence[int], weights: Sequence[int]) -> sp.Expr:
    """The polynomial through the weights."""
    if len(set(weights)) == 1:
        return sp.Integer(weights[0])
    return sp.interpolate(list(zip(support, weights, strict=True)), x)


def _mixture(pick: Pick) -> Draft:
    w = sp.Symbol("w")
    if pick((True, False)):
        support = pick([s for s in FINITE_SUPPORTS if len(s) > 2])
        rows = [[pick((1, 2, 3, 4)) for _ in support] for _ in range(2)]
        if [sp.Rational(e, sum(rows[0])) for e in rows[0]] == [
            sp.Rational(e, sum(rows[1])) for e in rows[1]
        ]:
            rows[1][0] += 3
        parts = [_interpolated(support, row) / sum(row) for row in rows]
        name, sample = f"weights {rows[0]} and {rows[1]} on {support}", sp.FiniteSet(*support)
    else:
        sample, *parts = pick(TWO_COMPONENTS)
        name = f"{parts[0]} and {parts[1]}"
    density = sp.log(w * parts[0] + (1 - w) * parts[1])
    return Draft(f"mixture of {name}", density, sample, {w: "unit"})


def _pushed(draft: Draft, pick: Pick) -> None:
    """The distribution of another statistic that is one-to-one."""
    # Also asked of counts, which have no such map, so that no family is a shorter choice.
    if not pick((False, True)) or draft.sample not in DIFFEOMORPHISMS:
        return
    maps = DIFFEOMORPHISMS[draft.sample]
    old, size, kind = pick([m for m in maps if not (draft.heavy and m[0] in TOO_FAR)])
    draft.log_density = draft.log_density.xreplace({x: old}) + sp.log(size)
    draft.sample = kind
    draft.steps.append(f"x -> {old}")


_OTHER: dict[Kind, tuple[Callable[[sp.Symbol], tuple[sp.Expr, Kind]], ...]] = {
    "positive": (
        lambda s: (s, "positive"),
        lambda s: (1 / s, "positive"),
        lambda s: (s**2, "positive"),
        lambda s: (sp.exp(s), "real"),
        lambda s: (2 * s, "positive"),
        lambda s: (sp.sqrt(s), "positive"),
    ),
    "real": (
        lambda s: (s, "real"),
        lambda s: (2 * s + 1, "real"),
        lambda s: (sp.log(s), "positive"),
        lambda s: (sp.sinh(s), "real"),
    ),
    "unit": (
        lambda s: (s, "unit"),
        lambda s: (1 - s, "unit"),
        lambda s: (s / (1 + s), "positive"),
        lambda s: (1 / (1 + sp.exp(-s)), "real"),
    ),
}


def _reparametrized(draft: Draft, pick: Pick) -> None:
    changed: dict[sp.Symbol, sp.Expr] = {}
    for symbol, kind in draft.parameters.items():
        new, new_kind = pick(_OTHER[kind])(symbol)
        if new != symbol:
            changed[symbol] = new
            draft.parameters[symbol] = new_kind
            draft.steps.append(f"{symbol} -> {new}")
    draft.log_density = draft.log_density.xreplace(changed)


_SETS: dict[Kind, sp.Set] = {
    "real": sp.S.Reals,
    "positive": sp.Interval.open(0, sp.oo),
    "unit": sp.Interval.open(0, 1),
    "counts": sp.S.Naturals0,
}
_PLACES: dict[Kind, tuple[tuple[int, int], ...]] = {
    "real": ((-7, 5), (7, 5)),
    "positive": ((1, 5), (3, 1)),
    "unit": ((1, 5), (4, 5)),
}
_SPELLINGS: tuple[tuple[str, Callable[[sp.Expr], tuple[str, sp.Expr]]], ...] = (
    ("", lambda e: ("log_density", e)),
    ("density", lambda e: ("density", sp.exp(e))),
    ("expanded", lambda e: ("log_density", sp.expand(e))),
    ("logs expanded", lambda e: ("log_density", sp.expand_log(e, force=True))),
    ("over one denominator", lambda e: ("log_density", sp.together(e))),
    ("product of powers", lambda e: ("density", sp.expand_power_exp(sp.exp(sp.expand(e))))),
    ("logs combined", lambda e: ("log_density", sp.logcombine(e, force=True))),
)


def _spelled(draft: Draft, pick: Pick) -> Family:
    name, spell = pick(_SPELLINGS)
    keyword, expression = spell(draft.log_density)
    plain = draft.log_density if keyword == "log_density" else sp.exp(draft.log_density)
    if not _agree(expression, plain, draft):
        # Forced logarithms of x^2 are 2 log(x), which has no real value left of zero.
        name, keyword, expression = "", "log_density", draft.log_density
    if name:
        draft.steps.append(name)
    sample = draft.sample if isinstance(draft.sample, sp.Set) else _SETS[draft.sample]
    if pick((False, True)):
        draft.steps.append("assumptions")
        renamed = {s: _assumed(s, k) for s, k in draft.parameters.items()}
        names: Any = {renamed[s]: _SETS[k] for s, k in draft.parameters.items()}
        expression = expression.xreplace(renamed)
    else:
        names = {s: _SETS[k] for s, k in draft.parameters.items()}
    title = "; ".join([draft.name, *draft.steps])
    return Family(**{keyword: expression}, sample={x: sample}, parameters=names, name=title)


def _agree(one: sp.Expr, other: sp.Expr, draft: Draft) -> bool:
    """Whether two spellings have the same values on both sides of where logarithms may end."""
    places = () if isinstance(draft.sample, sp.Set) else _PLACES.get(draft.sample, ())
    at = {s: sp.Rational(3, 5) for s in draft.parameters}
    return all(
        bool(abs(sp.N((one - other).subs({**at, x: sp.Rational(*place)}), 20)) < 1e-12)
        for place in places
    )


def _assumed(symbol: sp.Symbol, kind: Kind) -> sp.Symbol:
    return sp.Symbol(symbol.name, **({"real": True} if kind == "real" else {"positive": True}))


#: The kinds of families, simplest first.
KINDS: dict[str, Callable[[Pick], Draft]] = {
    "exponential": _exponential,
    "finite exponential": _finite_exponential,
    "location-scale": _location_scale,
    "curved": _curved,
    "mixture": _mixture,
}
