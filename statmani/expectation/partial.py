"""Expectations of functions with cases: indicators and Piecewise of one sample variable."""

from __future__ import annotations

import itertools

import sympy as sp

from statmani.declaration import Declaration
from statmani.expectation.means import gaussian_means
from statmani.expectation.nodes import in_order, without_max
from statmani.expectation.normalise import Signs, expand_shallow, normalise
from statmani.expectation.statistics import gaussian_shift, split_exponent
from statmani.expectation.tidy import tidy

__all__ = ["Cases", "cases_of", "gaussian_partial", "split_discrete"]

Cases = list[tuple[sp.Expr, sp.Expr, sp.Expr]]


def cases_of(expr: sp.Expr, x: sp.Symbol) -> Cases | None:
    """(value, lower, upper) per interval when expr is a Piecewise of x with linear conditions.

    None when expr has no case in x, or one that cannot be read.
    """
    folded = sp.piecewise_fold(_as_cases(expr, x))
    if not isinstance(folded, sp.Piecewise):
        return None
    cuts: set[sp.Expr] = set()
    for _, condition in folded.args:
        for relation in condition.atoms(sp.core.relational.Relational):
            slope = sp.expand(relation.lhs - relation.rhs).diff(x)
            if slope == 0 or slope.has(x) or isinstance(relation, (sp.Eq, sp.Ne)):
                return None
            cuts.add(sp.expand(-((relation.lhs - relation.rhs) - slope * x).expand() / slope))
    ordered = in_order(sorted(cuts, key=sp.default_sort_key))
    if ordered is None:
        return None
    ends = [-sp.oo, *ordered, sp.oo]
    cases: Cases = []
    for low, high in itertools.pairwise(ends):
        inside = (
            high - 1
            if low is -sp.oo and high is not sp.oo
            else low + 1
            if high is sp.oo and low is not -sp.oo
            else (low + high) / 2
        )
        for value, condition in folded.args:
            decided = sp.sympify(condition).xreplace({x: inside})
            decided = decided.replace(
                lambda e: isinstance(e, sp.core.relational.Relational),
                lambda e: e.func(sp.expand(e.lhs - e.rhs), 0),
            )
            if decided == True:  # noqa: E712
                cases.append((value, low, high))
                break
            if decided != False:  # noqa: E712
                return None
        else:
            return None
    return cases


def _as_cases(expr: sp.Expr, x: sp.Symbol) -> sp.Expr:
    """Kinks of x as Piecewise."""
    expr = without_max(expr)
    table: dict[sp.Expr, sp.Expr] = {}
    for node in expr.atoms(sp.Heaviside, sp.Abs, sp.sign):
        inner = node.args[0]
        if not inner.has(x):
            continue
        if isinstance(node, sp.Heaviside):
            table[node] = sp.Piecewise((1, inner > 0), (0, True))
        elif isinstance(node, sp.Abs):
            table[node] = sp.Piecewise((inner, inner > 0), (-inner, True))
        else:
            table[node] = sp.Piecewise((1, inner > 0), (-1, True))
    return expr.xreplace(table)


def gaussian_partial(
    ell: sp.Expr, cases: Cases, declaration: Declaration, signs: Signs
) -> sp.Expr | None:
    """Sum over the cases of E[f; lower < x < upper] under a multiple of a normal density.

    f is a sum of polynomials times exponentials of quadratic functions.
    """
    x = declaration.variables[0].symbol
    if gaussian_means(ell, [x], declaration) is None or declaration.domain.dim == 0:
        return None
    total: sp.Expr = sp.Integer(0)
    for value, low, high in cases:
        for term in sp.Add.make_args(sp.expand(value, power_base=False, power_exp=False)):
            coefficient, exponent, rest = split_exponent(term, {x}, signs)
            polynomial = sp.expand(rest).as_poly(x)
            if polynomial is None:
                return None
            form = normalise(exponent, declaration, signs)
            shifted = gaussian_shift(ell, form, sp.Integer(1), declaration)
            if shifted is None or shifted.conditions:
                return None
            tilted, mass = expand_shallow(ell + form), shifted.value
            moments = gaussian_means(tilted, [x, x**2], declaration)
            if moments is None:
                return None
            mean, variance = moments[0], tidy(moments[1] - moments[0] ** 2)
            for (power,), c in polynomial.terms():
                part = _below(power, high, mean, variance) - _below(power, low, mean, variance)
                total += coefficient * mass * c * part
    return sp.expand(total)


def _below(power: int, cut: sp.Expr, mean: sp.Expr, variance: sp.Expr) -> sp.Expr:
    """E[x^power; x < cut] by parts: E[(x - m) f; x < c] = v E[f'; x < c] - v f(c) phi(c)."""
    if cut is -sp.oo:
        return sp.Integer(0)
    deviation = sp.sqrt(variance)
    edge: sp.Expr = sp.Integer(0)
    whole: sp.Expr = sp.Integer(1)
    if cut is not sp.oo:
        z = tidy((cut - mean) / deviation)
        whole = (1 + sp.erf(z / sp.sqrt(2))) / 2
        edge = variance * sp.exp(-(z**2) / 2) / (deviation * sp.sqrt(2 * sp.pi))
    values = [whole]
    for k in range(1, power + 1):
        before = values[k - 2] if k > 1 else sp.Integer(0)
        step = mean * values[k - 1] + variance * (k - 1) * before
        values.append(step - (cut ** (k - 1) * edge if edge != 0 else 0))
    return values[power]


def split_discrete(
    expr: sp.Expr, declaration: Declaration
) -> tuple[sp.Expr, list[tuple[sp.Expr, sp.Expr]]] | None:
    """(g, exceptions): expr = g except at finitely many points, where it differs by the value.

    For one integer variable with a finite lower end and numeric conditions.
    """
    if len(declaration.variables) != 1:
        return None
    variable = declaration.variables[0]
    if not variable.discrete or not variable.lower.is_Integer:
        return None
    x = variable.symbol
    folded = sp.piecewise_fold(_as_cases(expr, x))
    if not isinstance(folded, sp.Piecewise):
        return None
    reach = int(variable.lower)
    for _, condition in folded.args:
        for relation in sp.sympify(condition).atoms(sp.core.relational.Relational):
            other = relation.rhs if relation.lhs == x else relation.lhs
            if {relation.lhs, relation.rhs} != {x, other} or not other.is_number:
                return None
            reach = max(reach, int(sp.ceiling(other)))
    if reach - int(variable.lower) > 256:
        return None
    far = folded.xreplace({x: sp.Integer(reach + 1)})
    general = _value_beyond(folded, x, reach)
    if general is None or far is None:
        return None
    exceptions = []
    for point in range(int(variable.lower), reach + 1):
        at = {x: sp.Integer(point)}
        # As declared: at a jump the cases lack what Heaviside and sign are there.
        difference = expr.xreplace(at) - general.xreplace(at)
        if difference != 0:
            exceptions.append((sp.Integer(point), difference))
    return general, exceptions


def _value_beyond(folded: sp.Piecewise, x: sp.Symbol, reach: int) -> sp.Expr | None:
    for value, condition in folded.args:
        decided = sp.sympify(condition).xreplace({x: sp.Integer(reach + 1)})
        if decided == True:  # noqa: E712
            return sp.sympify(value)
        if decided != False:  # noqa: E712
            return None
    return None
