"""``sm.laws.check``: the laws that apply to an object, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statmani.declaration import Declaration
from statmani.describing import require_effort
from statmani.errors import InvalidArgument
from statmani.geometry.connection import Connection
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws import charted, connections, curvatures, tensors
from statmani.laws.charts import other_chart
from statmani.laws.induced import read_family
from statmani.laws.judge import Clock, run
from statmani.laws.record import Law, Report
from statmani.laws.view import View

__all__ = ["check", "clock_for", "manifold_laws", "on"]

_SECONDS = 10.0
_ONE_COORDINATE = "one coordinate: there is no curvature"
_CONSTRAINED = "the coordinates have coupled constraints, and no second chart is at hand"


def clock_for(effort: object, progress: Callable[[str], None] | None) -> Clock:
    """The clock that `effort` gives each law.

    Raises
    ------
    InvalidArgument
    """
    require_effort(effort, progress)
    return Clock(_SECONDS * float(effort), progress)  # type: ignore[arg-type]


def check(
    obj: Any,
    *,
    family: Any = None,
    effort: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check the laws of information geometry on an object.

    Parameters
    ----------
    obj : Family, StatisticalManifold or Connection
        A submanifold is a manifold; for it the Gauss and pull-back laws are checked too.
    family : Family, optional
        For a manifold: check its g and T against the definitions E[s_i s_j] and E[s_i s_j s_k]
        of this family, whose parameters are the manifold's coordinates.
    effort : float
        Scales the processor time that each law may take, 10 s at 1, and the number of points
        where numbers are compared, 2 at 1.
    progress : callable, optional
        Called with the name of each law when its check begins.

    Returns
    -------
    Report
        Iterable over :class:`Law` records with .name, .status ("proved", "verified", "violated",
        "not applicable"), .digits, .points, .witness and .explanation.

    Raises
    ------
    InvalidArgument
        No object with laws, a family whose parameters are not the coordinates, or an effort that
        is no number of at least 0.

    Notes
    -----
    The tensors are read as they are published, and each law's other side is computed anew: the
    Christoffel symbols from Koszul's formula, the curvature from the symbols of the second kind,
    expectations from closed forms or quadrature of their definitions. Amari and Nagaoka (2000),
    chapters 2 and 3; Lauritzen (1987); Bartlett (1953) for the identities of the score.

    Examples
    --------
    >>> import statmani as sm
    >>> report = sm.laws.check(sm.families.normal().manifold().connection(1))
    >>> report["metric duality"].status, report["conjugate symmetry"].status
    ('proved', 'proved')
    """
    clock = clock_for(effort, progress)
    if isinstance(obj, Connection):
        _require_no_family(family, "a connection")
        return Report(repr(obj), tuple(_connection_laws(View(obj), clock)))
    if isinstance(obj, StatisticalManifold):
        laws = manifold_laws(obj, clock)
        if family is not None:
            from statmani.laws.families import tensor_laws

            laws += tensor_laws(obj, read_family(family, "check: family"), clock, effort)
        return Report(repr(obj), tuple(laws))
    if isinstance(getattr(obj, "declaration", None), Declaration):
        _require_no_family(family, "a family")
        from statmani.laws.families import family_laws

        return Report(repr(obj), tuple(family_laws(obj, clock, effort)))
    raise InvalidArgument(
        f"check: expected a family, manifold or connection, got {obj!r} ({type(obj).__name__}). "
        "Declare a Family, or build StatisticalManifold(coordinates, metric, skewness)."
    )


def _require_no_family(family: object, what: str) -> None:
    if family is not None:
        raise InvalidArgument(
            f"check: family was given with {what}; it is compared with a manifold only. "
            "Pass family.manifold() or leave `family` out."
        )


def manifold_laws(manifold: StatisticalManifold, clock: Clock) -> list[Law]:
    """The laws of g and T, of all connections, and of another chart."""
    view = View.of_manifold(manifold)
    found = [on(view, law, clock) for law in tensors.LAWS]
    found += _connection_laws(view, clock)
    found.append(_jeffreys(manifold, clock))
    if manifold.embedding is not None:
        found += _pulled_back(manifold, clock)
    return found


def _connection_laws(view: View, clock: Clock) -> list[Law]:
    found = [on(view, law, clock) for law in connections.LAWS]
    for law in curvatures.LAWS:
        if view.n == 1:
            found.append(Law(law[0], law[1], "not applicable", explanation=_ONE_COORDINATE))
        else:
            found.append(on(view, law, clock))
    return found


def on(view: Any, law: tuple[str, str, Callable[..., Law]], clock: Clock) -> Law:
    """The verdict on one law of a view of a manifold, or of a pair of charts."""
    name, statement, function = law

    def work(clock: Clock) -> Law:
        manifold = view.manifold if isinstance(view, View) else view.new
        with manifold.ring.polynomials.lock:
            return function(view, name, statement, clock)

    return run(clock, name, statement, work)


def _jeffreys(manifold: StatisticalManifold, clock: Clock) -> Law:
    name, statement, function = charted.JEFFREYS
    other = other_chart(manifold.domain)
    if other is None:
        return Law(name, statement, "not applicable", explanation=_CONSTRAINED)
    mapping, domain = other

    def work(clock: Clock) -> Law:
        new = manifold.reparametrize(mapping, domain)
        return function(charted.Charted(manifold, new, mapping), name, statement, clock)

    return run(clock, name, statement, work)


def _pulled_back(manifold: StatisticalManifold, clock: Clock) -> list[Law]:
    embedding = manifold.embedding
    assert embedding is not None
    pair = charted.Charted(embedding.ambient, manifold, dict(embedding.mapping))
    return [
        on(pair, (f"pulled-back {name}", statement, function), clock)
        for name, statement, function in charted.TENSOR_LAWS
    ]
