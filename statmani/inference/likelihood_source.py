"""Source text of the numba functions that evaluate one family's likelihood.

Only names made here occur in the text; expressions go through the printer of the kernels. The
functions are those that :mod:`statmani.kernels.likelihood` calls.
"""

from __future__ import annotations

from collections.abc import Sequence

from sympy import Add, Dummy, Expr, Mul, S, Symbol, cse

from statmani.inference.likelihood import LikelihoodForm
from statmani.kernels.emit import expression_source

__all__ = ["likelihood_source"]


def likelihood_source(
    form: LikelihoodForm,
    unconstrained: Sequence[Symbol],
    chart: Sequence[Expr],
) -> str:
    """The body of the generated module: ``statistics``, ``total``, ``point``, ``derivative`` ...

    Parameters
    ----------
    form : LikelihoodForm
    unconstrained : sequence of Symbol
        Real coordinates u.
    chart : sequence of Expr
        The parameters as expressions of u.

    Returns
    -------
    str
        Python source that expects the names of the printer.
    """
    n = len(form.parameters)
    names = {s: f"t{i}" for i, s in enumerate(form.parameters)}
    names |= {s: f"x{i}" for i, s in enumerate(form.sample)}
    names |= {s: f"u{i}" for i, s in enumerate(unconstrained)}
    jacobian = [entry.diff(s) for entry in chart for s in unconstrained]
    parts = [
        f"COUNT = {max(len(form.coefficients), 1)}",
        *_statistics(form, names),
        *_total(form, names),
        *_chart("point", unconstrained, list(chart), "theta[{}]", names),
        *_chart(
            "derivative",
            unconstrained,
            jacobian,
            "jacobian[{}]",
            names,
            [f"{i // n}, {i % n}" for i in range(n * n)],
        ),
    ]
    return "\n".join(parts)


def _header(name: str, arguments: str) -> list[str]:
    return ["", "", f"def {name}({arguments}):"]


def _block(
    expressions: Sequence[Expr], names: dict[Symbol, str], prefix: str
) -> tuple[list[tuple[Symbol, Expr, str]], list[Expr], dict[Symbol, str]]:
    """Common subexpressions as (symbol, expression, name), and the reduced expressions."""
    symbols = (Dummy(f"{prefix}{i}", real=True) for i in range(10**9))
    replaced, reduced = cse(list(expressions), symbols=symbols, order="none", list=True)
    known = dict(names)
    lines = []
    for index, (symbol, value) in enumerate(replaced):
        known[symbol] = f"{prefix}{index}"
        lines.append((symbol, value, f"{prefix}{index}"))
    return lines, list(reduced), known


def _statistics(form: LikelihoodForm, names: dict[Symbol, str]) -> list[str]:
    lines = _header("statistics", "data, sums")
    count = max(len(form.coefficients), 1)
    rows = [f"    s{i} = 0.0" for i in range(count)]
    loop: list[str] = []
    final = [f"    sums[{i}] = s{i}" for i in range(count)]
    if form.points is not None:
        for i, point in enumerate(form.points):
            test = " and ".join(
                f"data[k, {j}] == {float(value)!r}" for j, value in enumerate(point)
            )
            loop.append(f"        {'el' if i else ''}if {test}:")
            loop.append(f"            s{i} += 1.0")
    else:
        counted = [i for i, s in enumerate(form.statistics) if s == 1]
        summed = [i for i, s in enumerate(form.statistics) if s != 1]
        final += [f"    sums[{i}] = data.shape[0]" for i in counted]
        used = [form.statistics[i] for i in summed]
        if used:
            replaced, reduced, known = _block(used, names, "w")
            loop += [f"        {names[s]} = data[k, {j}]" for j, s in enumerate(form.sample)]
            loop += [
                f"        {name} = {expression_source(value, known)}" for _, value, name in replaced
            ]
            loop += [
                f"        s{i} += {expression_source(value, known)}"
                for i, value in zip(summed, reduced, strict=True)
            ]
    if loop:
        rows += ["    for k in range(data.shape[0]):", *loop]
    return lines + rows + final


def _derivatives(expression: Expr, parameters: Sequence[Symbol]) -> list[Expr]:
    first = [expression.diff(p) for p in parameters]
    second = [first[i].diff(q) for i in range(len(parameters)) for q in parameters[i:]]
    return [expression, *first, *second]


def _total(form: LikelihoodForm, names: dict[Symbol, str]) -> list[str]:
    lines = _header("total", "theta, sums, data, out")
    size = 1 + len(form.parameters) + len(form.parameters) * (len(form.parameters) + 1) // 2
    lines += [f"    {names[p]} = theta[{i}]" for i, p in enumerate(form.parameters)]
    sums = [Dummy(f"T{i}", real=True) for i in range(len(form.coefficients))]
    table = names | {s: f"sums[{i}]" for i, s in enumerate(sums)}
    per_coefficient = [_derivatives(c, form.parameters) for c in form.coefficients]
    separated = [
        Add(*(Mul(per_coefficient[j][i], sums[j]) for j in range(len(sums)))) for i in range(size)
    ]
    replaced, reduced, known = _block(separated, table, "v")
    lines += [f"    {name} = {expression_source(value, known)}" for _, value, name in replaced]
    lines += [f"    a{i} = {expression_source(value, known)}" for i, value in enumerate(reduced)]
    if form.mixed != 0:
        lines += _mixed_loop(form, names)
    if form.inside:
        lines.append("    for k in range(data.shape[0]):")
        lines += [f"        {names[s]} = data[k, {j}]" for j, s in enumerate(form.sample)]
        for test, closed in form.inside:
            sign = ">=" if closed else ">"
            lines.append(f"        if not {expression_source(test, names)} {sign} 0.0:")
            lines.append("            a0 = -np.inf")
    return lines + [f"    out[{i}] = a{i}" for i in range(size)]


def _mixed_loop(form: LikelihoodForm, names: dict[Symbol, str]) -> list[str]:
    hoisted: dict[Expr, Symbol] = {}
    inner = [_hoist(e, form.sample, hoisted) for e in _derivatives(form.mixed, form.parameters)]
    table = names | {symbol: f"h{i}" for i, symbol in enumerate(hoisted.values())}
    outer, constants, known = _block(list(hoisted), names, "g")
    lines = [f"    {name} = {expression_source(value, known)}" for _, value, name in outer]
    lines += [
        f"    {table[symbol]} = {expression_source(value, known)}"
        for symbol, value in zip(hoisted.values(), constants, strict=True)
    ]
    replaced, reduced, known = _block(inner, table, "w")
    variable: set[Symbol] = set(form.sample)
    body: list[str] = []
    for symbol, value, name in replaced:
        fixed = not value.free_symbols & variable
        if not fixed:
            variable.add(symbol)
        (lines if fixed else body).append(f"{name} = {expression_source(value, known)}")
    # Lines without the sample were collected unindented with the loop's own.
    lines = [line if line.startswith("    ") else f"    {line}" for line in lines]
    lines.append("    for k in range(data.shape[0]):")
    lines += [f"        {names[s]} = data[k, {j}]" for j, s in enumerate(form.sample)]
    lines += [f"        {line}" for line in body]
    lines += [
        f"        a{i} += {expression_source(value, known)}"
        for i, value in enumerate(reduced)
        if value is not S.Zero
    ]
    return lines


def _hoist(expression: Expr, sample: Sequence[Symbol], hoisted: dict[Expr, Symbol]) -> Expr:
    """Replace the largest parts that do not contain the sample by symbols."""
    if not expression.args:
        return expression
    if not expression.has(*sample):
        if expression.is_number:
            return expression
        return hoisted.setdefault(expression, Dummy(f"h{len(hoisted)}", real=True))
    if isinstance(expression, (Add, Mul)):
        fixed = [a for a in expression.args if not a.has(*sample)]
        rest = [_hoist(a, sample, hoisted) for a in expression.args if a.has(*sample)]
        if fixed:
            rest.append(_hoist(expression.func(*fixed), sample, hoisted))
        return expression.func(*rest)
    return expression.func(*(_hoist(a, sample, hoisted) for a in expression.args))


def _chart(
    name: str,
    unconstrained: Sequence[Symbol],
    values: list[Expr],
    target: str,
    names: dict[Symbol, str],
    indices: list[str] | None = None,
) -> list[str]:
    lines = _header(name, f"u, {target.split('[')[0]}")
    lines += [f"    {names[s]} = u[{i}]" for i, s in enumerate(unconstrained)]
    replaced, reduced, known = _block(values, names, "v")
    lines += [f"    {n} = {expression_source(value, known)}" for _, value, n in replaced]
    where = indices or [str(i) for i in range(len(values))]
    return lines + [
        f"    {target.format(i)} = {expression_source(value, known)}"
        for i, value in zip(where, reduced, strict=True)
    ]
