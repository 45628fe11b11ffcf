"""Statistics: sufficient ones keep g and T, others lose information."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any

import sympy as sp

from statmani.algebra.numeric import NotEvaluable, new_context, value_of
from statmani.declaration import Declaration
from statmani.describing import require_functional
from statmani.errors import InvalidArgument, StatmaniError
from statmani.expectation.evaluate import Program
from statmani.expectation.normalise import sample_points
from statmani.geometry import linear
from statmani.geometry.manifold import StatisticalManifold
from statmani.laws.checking import clock_for
from statmani.laws.images import Image, image_of
from statmani.laws.induced import read_family
from statmani.laws.judge import Clock, Sides, compare, run
from statmani.laws.record import Law, Report, Witness
from statmani.laws.tensors import proved_sign
from statmani.laws.view import View

__all__ = ["sufficient_statistic"]

_SUFFICIENCY = ("sufficiency", "the score is a function of the statistic")
_METRIC = ("metric", "the statistic has the metric of the sample")
_SKEWNESS = ("skewness", "the statistic has the skewness tensor of the sample")
_LOSS = ("information loss", "g of the sample - g of the statistic >= 0")
_NOT = "the statistic is not sufficient"
_POINTS = 12
_DIGITS = 30
_TINY = 1e-25


def sufficient_statistic(
    family: Any,
    statistic: Any,
    *,
    effort: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Check whether a statistic keeps g and T, and what information it loses.

    Parameters
    ----------
    family : Family
    statistic : Expr or sequence of Expr
        Functions of the sample variables.
    effort, progress
        As in :func:`statmani.laws.check`.

    Returns
    -------
    Report
        Laws "sufficiency", "metric", "skewness" and "information loss". For a statistic that is
        not sufficient the first three do not apply, with a witness; the loss is checked to be
        positive semidefinite, and is ``report["information loss"].value``. With several sample
        variables only sufficiency is decided, unless their values are finitely many.

    Raises
    ------
    InvalidArgument
        No family, or a statistic that is no function of the sample variables alone.

    Notes
    -----
    Equality of g characterises sufficiency, and the loss is the mean of the conditional covariance
    of the score (Amari and Nagaoka 2000, theorem 2.1).

    Examples
    --------
    >>> import sympy as sp, statmani as sm
    >>> normal = sm.families.normal()
    >>> mu, sigma = normal.parameters
    >>> (x,) = normal.sample
    >>> centred = normal.fix({mu: 0})
    >>> sm.laws.sufficient_statistic(centred, sp.Abs(x))["metric"].status
    'proved'
    >>> loss = sm.laws.sufficient_statistic(normal.fix({sigma: 1}), sp.sign(x))["information loss"]
    >>> loss.status, sp.simplify(1 - loss.value[0, 0].subs(mu, 0))
    ('verified', 2/pi)
    """
    clock = clock_for(effort, progress)
    declaration = read_family(family, "sufficient_statistic")
    if not declaration.repetitions.is_Integer:
        raise InvalidArgument(
            "sufficient_statistic: the number of observations has no value. "
            "Give it one first: family.fix({symbol: value})."
        )
    given = statistic if isinstance(statistic, (tuple, list)) else [statistic]
    functions = [_read(family, declaration, s) for s in given]
    manifold: StatisticalManifold = family.manifold()
    shown = ", ".join(map(str, given))
    subject = f"the statistic {shown} of {family!r}"
    try:
        image = image_of(declaration, functions, effort)
    except StatmaniError as failure:
        image = f"the family of this statistic was not derived: {failure}"
    if isinstance(image, str):
        return Report(subject, tuple(_by_gradients(declaration, functions, image, clock)))
    return Report(subject, tuple(_by_tensors(manifold, image, clock)))


def _read(family: Any, declaration: Declaration, statistic: object) -> sp.Expr:
    found = require_functional(statistic, family.sample, "sufficient_statistic", family.parameters)
    foreign = sorted(map(str, found.free_symbols - set(family.sample)))
    if foreign or not found.free_symbols:
        what = f"contains {', '.join(foreign)}" if foreign else "does not depend on the sample"
        raise InvalidArgument(
            f"sufficient_statistic: the statistic {found} {what}. A statistic is a function of "
            f"the sample variables {family.sample} alone."
        )
    inner: sp.Expr = declaration.internal(found)
    return inner


def _by_tensors(manifold: StatisticalManifold, image: Image, clock: Clock) -> list[Law]:
    view = View.of_manifold(manifold)
    convert = view.ring.convert
    n = range(view.n)

    def metric() -> Sides:
        for i, j in combinations_with_replacement(n, 2):
            yield (i, j), (convert(image.metric[i, j]),), (view.g(i, j),)

    def skewness() -> Sides:
        for index in combinations_with_replacement(n, 3):
            yield index, (convert(image.skewness[index]),), (view.t(*index),)

    same = run(clock, *_METRIC, lambda c: compare(view, *_METRIC, metric(), c, image.route))
    if same.holds:
        text = "the metric is kept, which holds for sufficient statistics only"
        kept = run(
            clock, *_SKEWNESS, lambda c: compare(view, *_SKEWNESS, skewness(), c, image.route)
        )
        first = Law(*_SUFFICIENCY, same.status, same.digits, same.points, explanation=text)
        nothing = sp.ImmutableMatrix.zeros(view.n, view.n)
        last = Law(*_LOSS, same.status, same.digits, same.points, explanation="0", value=nothing)
        return [first, same, kept, last]
    if same.status == "not applicable":
        return [same, run(clock, *_LOSS, lambda _: _loss(view, manifold, image))]
    return [
        Law(*names, "not applicable", witness=same.witness, explanation=_NOT)
        for names in (_SUFFICIENCY, _METRIC, _SKEWNESS)
    ] + [run(clock, *_LOSS, lambda _: _loss(view, manifold, image))]


def _loss(view: View, manifold: StatisticalManifold, image: Image) -> Law:
    """The signs of all principal minors, proved on the domain or seen at points."""
    loss = sp.ImmutableMatrix(manifold.metric - image.metric)
    n = range(view.n)
    minors = [c for size in n for c in combinations(n, size + 1)]
    try:
        rows = [[view.ring.convert(loss[i, j]) for j in n] for i in n]
        found = [
            linear.determinant(view.ring, [[rows[i][j] for j in c] for i in c]) for c in minors
        ]
        if all(not e or proved_sign(view, e) > 0 for e in found):
            return Law(*_LOSS, "proved", explanation=image.route, value=loss)
    except StatmaniError:
        pass
    context = new_context(40)
    domain = manifold.domain
    constants = {s: sp.Integer(2) for s in manifold.constants}
    tried = 0
    for point in domain.interior_points(_POINTS, seed=103, constants=constants):
        exact = {**constants, **dict(zip(domain.symbols, point, strict=True))}
        values = {s: context.mpf(int(v.p)) / int(v.q) for s, v in exact.items()}
        try:
            numbers = context.matrix(
                [[value_of(loss[i, j], values, context) for j in n] for i in n]
            )
        except NotEvaluable:
            continue
        tried += 1
        smallest = min(context.eigsy(numbers, eigvals_only=True))
        if smallest < -_TINY * max(abs(numbers[i, i]) for i in n):
            place = tuple(exact.items())
            witness = Witness(place, (), sp.Float(str(smallest), 15), sp.S.Zero)
            text = "the smallest eigenvalue of the difference"
            return Law(*_LOSS, "violated", witness=witness, explanation=text, value=loss)
    if not tried:
        return Law(*_LOSS, "not applicable", explanation="the loss has no value", value=loss)
    return Law(*_LOSS, "verified", _DIGITS, tried, explanation=image.route, value=loss)


def _by_gradients(
    declaration: Declaration, functions: Sequence[sp.Expr], why: str, clock: Clock
) -> list[Law]:
    """Whether the score has no slope along the fibres of the statistic."""

    def law(_: Clock) -> Law:
        xs = [v.symbol for v in declaration.variables]
        if any(v.discrete for v in declaration.variables):
            return Law(*_SUFFICIENCY, "not applicable", explanation=why)
        scores = [declaration.log_density.diff(t) for t in declaration.parameters]
        entries = [f.diff(x) for f in (*functions, *scores) for x in xs]
        program, context, size = Program(entries, []), new_context(50), len(xs)
        points = sample_points(declaration, _POINTS)
        for values in points:
            flat = program.bind(context, values)([])
            rows = [[v.real for v in flat[k : k + size]] for k in range(0, len(flat), size)]
            count = len(functions)
            for number, row in enumerate(rows[count:]):
                if _is_outside(context, rows[:count], row):
                    place = tuple((declaration.external(s), v) for s, v in values.items())
                    witness = Witness(place, (number,), sp.S.One, sp.S.Zero)
                    text = f"{_NOT}: this score has a slope along a fibre"
                    return Law(*_SUFFICIENCY, "not applicable", witness=witness, explanation=text)
        text = "no score has a slope along the fibres, taken to be connected"
        return Law(*_SUFFICIENCY, "verified", _DIGITS, len(points), explanation=text)

    found = run(clock, *_SUFFICIENCY, law)
    if found.holds:
        text = "by sufficiency"
        kept = [
            Law(*names, "verified", found.digits, found.points, explanation=text)
            for names in (_METRIC, _SKEWNESS)
        ]
        return [found, *kept]
    return [
        found,
        *(Law(*n, "not applicable", explanation=why) for n in (_METRIC, _SKEWNESS, _LOSS)),
    ]


def _is_outside(context: Any, rows: Sequence[Sequence[Any]], row: Sequence[Any]) -> bool:
    """Whether a vector is not in the span of others."""
    basis: list[list[Any]] = []
    for vector in (*rows, row):
        rest = list(vector)
        for b in basis:
            factor = context.fdot(zip(rest, b, strict=True))
            rest = [r - factor * v for r, v in zip(rest, b, strict=True)]
        length = context.norm(rest)
        size = context.norm(list(vector))
        if vector is row:
            return bool(size and length > context.mpf(10) ** -_DIGITS * size)
        if size and length > context.mpf(10) ** -_DIGITS * size:
            basis.append([r / length for r in rest])
    return False
