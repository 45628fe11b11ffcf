"""The report: what it prints is what was derived, and its LaTeX compiles."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import sympy as sp
from sympy.parsing.sympy_parser import parse_expr

import statmani as sm
from statmani.errors import InvalidArgument, NoConvergence, OutsideDomain, RegularityError
from statmani.present import report as module
from statmani.present.components import riemann_components
from statmani.present.document import Note, Report, Section
from statmani.present.report import connection_parameter, report


@pytest.fixture(scope="module")
def weibull() -> Report:
    return report(sm.families.weibull(), at={"k": 2, "lam": 1.5}, replications=300, seed=4)


def section(summary: Report, title: str) -> Section:
    (found,) = (part for part in summary.sections if part.title == title)
    return found


def printed(text: str, title: str) -> dict[str, str]:
    """Label -> value of the formulas below a title of the plain text."""
    body = text.split(f"\n{title}\n", 1)[1].split("\n\n", 1)[0]
    joined = re.sub(r"\n {6}", " ", body)
    return dict(re.findall(r"^  ([\w ,\[\]]+) = (.*)$", joined, re.MULTILINE))


def test_every_stage_is_there(weibull: Report) -> None:
    assert [part.title for part in weibull.sections] == [
        "Declaration",
        "Score",
        "Fisher metric",
        "Skewness tensor",
        "Connection symbols, first kind",
        "Connection symbols, second kind",
        "Curvature tensor",
        "Ricci tensor",
        "Scalar curvature",
        "Certificate",
        "Geodesic",
        "Fisher-Rao distance",
        "Cramer-Rao bound",
    ]
    assert [part.status for part in weibull.sections] == ["done"] * 13
    assert weibull.complete


def test_the_printed_text_reads_back_to_the_tensors(weibull: Report) -> None:
    manifold = sm.families.weibull().manifold()
    names = {symbol.name: symbol for symbol in manifold.coordinates}
    alpha = sp.Symbol("alpha", real=True)
    names |= {"alpha": alpha}
    connection = manifold.connection(alpha)
    order = {"k": 0, "lam": 1}
    sources = {
        "Fisher metric": manifold.metric,
        "Skewness tensor": manifold.skewness,
        "Connection symbols, first kind": connection.christoffel_first,
        "Connection symbols, second kind": connection.christoffel,
        "Curvature tensor": connection.riemann_lower,
        "Ricci tensor": connection.ricci,
    }
    for title, tensor in sources.items():
        found = printed(str(weibull), title)
        assert found, title
        for label, text in found.items():
            index = tuple(order[name.strip()] for name in label.split("[")[1][:-1].split(","))
            difference = parse_expr(text, names) - tensor[index]
            value = difference.subs({names["k"]: 2, names["lam"]: 3, alpha: sp.Rational(1, 3)})
            assert abs(value.evalf(30)) < 1e-25, (title, label)


@pytest.mark.parametrize("order", [sp.Integer(0), sp.Rational(1, 2), sp.Symbol("a", real=True)])
def test_the_printed_curvature_determines_the_rest(order: sp.Expr) -> None:
    manifold = sm.families.weibull().manifold()
    connection = manifold.connection(order)
    opposite = manifold.connection(-order) if order.is_number else None
    shown = {c.label for c in riemann_components(connection, manifold.coordinates)}
    k, lam = manifold.coordinates
    point = {k: 2, lam: 3}

    def value(tensor: sp.Expr, sign: int = 1) -> sp.Expr:
        table = point if order.is_number else {**point, order: sign * sp.Rational(1, 3)}
        return tensor.subs(table).evalf(30)

    for index in itertools.product(range(2), repeat=4):
        l, p, i, j = index
        direct = value(connection.riemann_lower[index])
        if i >= j or l > p:
            other = opposite.riemann_lower if opposite is not None else connection.riemann_lower
            mirrored = (
                -value(connection.riemann_lower[l, p, j, i])
                if i >= j
                else -value(other[p, l, i, j], sign=-1)
            )
            assert abs(direct - mirrored) < 1e-25
        elif abs(direct) > 1e-25:
            names = ", ".join(manifold.coordinates[n].name for n in index)
            assert f"riemann_lower[{names}]" in shown


def test_the_numbers_of_the_report() -> None:
    # The normal family is hyperbolic: K = -1/2, and its distances have a closed form
    # (Atkinson and Mitchell 1981): d = sqrt(2) arccosh(1 + ((m-n)^2/2 + (s-t)^2)/(2 s t)).
    summary = report(sm.families.normal(), at={"mu": 0, "sigma": 1}, replications=200)
    text = "\n".join(note.text for note in section(summary, "Fisher-Rao distance").before)
    ends = re.findall(r"mu = (\S+), sigma = ([\d.]+)", text)
    (m, s), (n, t) = ((float(u), float(v)) for u, v in ends)
    closed = sp.sqrt(2) * sp.acosh(1 + ((m - n) ** 2 / 2 + (s - t) ** 2) / (2 * s * t))
    shown = re.search(r"d = ([\d.]+), estimated error ([\d.e-]+)", text)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(float(closed), rel=1e-8)
    path = "\n".join(note.text for note in section(summary, "Geodesic").before)
    places = re.findall(r"t = [\d.]+: mu = (\S+), sigma = (\S+)", path)
    assert len(places) == 5
    # From (0, 1) along mu the geodesic is the half-ellipse mu^2 + 2 sigma^2 = 2.
    for mu, sigma in places:
        assert float(mu) ** 2 + 2 * float(sigma) ** 2 == pytest.approx(2, abs=1e-8)
    assert printed(str(summary), "Scalar curvature")["scalar_curvature"] in (
        "(alpha - 1)*(alpha + 1)",
        "alpha**2 - 1",
    )


def test_a_curve_has_no_curvature() -> None:
    summary = report(sm.families.poisson(), at={"lam": 3}, replications=200)
    part = section(summary, "Curvature")
    assert part.status == "skipped"
    assert "a curve has no curvature" in part.before[0].text
    assert summary.complete


def test_constants_without_value_skip_the_numeric_stages() -> None:
    x, m, b = sp.symbols("x m b", positive=True)
    family = sm.Family(
        b * m**b / x ** (b + 1), sample={x: sp.Interval(m, sp.oo)}, parameters=b, name="pareto"
    )
    summary = report(family)
    for title in ("Geodesic", "Fisher-Rao distance", "Cramer-Rao bound"):
        part = section(summary, title)
        assert part.status == "skipped"
        assert "The constants m have no value" in part.before[0].text
        assert "--at m=..." in part.before[0].text
    fixed = report(family, at={"m": 2, b: 3}, replications=200)
    assert section(fixed, "Fisher-Rao distance").status == "done"
    assert section(fixed, "Declaration") == section(summary, "Declaration")


def test_stages_that_fail_and_stages_that_make_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(*_: object) -> Section:
        raise NoConvergence("the step became too small")

    def refuse(*_: object) -> Section:
        raise RegularityError("the score has no variance")

    monkeypatch.setattr(module, "_geodesic", diverge)
    monkeypatch.setattr(module, "_distance", refuse)
    monkeypatch.setattr(module, "_cramer_rao", refuse)
    summary = report(sm.families.poisson())
    assert [part.status for part in summary.sections[-3:]] == ["failed", "skipped", "skipped"]
    assert "the step became too small" in str(summary)
    assert "Geodesic (failed)" in str(summary)
    assert not summary.complete


@pytest.mark.parametrize(
    ("at", "error", "message"),
    [
        ({"nu": 3}, InvalidArgument, "at: nu is neither a parameter nor a constant"),
        ({"sigma": -1}, OutsideDomain, "sigma"),
        ({sp.Symbol("tau"): 1}, InvalidArgument, "at: tau is neither"),
    ],
)
def test_bad_points_are_refused_before_any_work(
    at: dict[str, int], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sm.Family, "manifold", None)  # a call would raise TypeError
    with pytest.raises(error, match=message):
        report(sm.families.normal(), at=at)


def test_the_connection_parameter_has_a_free_name() -> None:
    alpha, a = sp.symbols("alpha a")
    assert connection_parameter(frozenset()).name == "alpha"
    assert connection_parameter(frozenset({alpha})).name == "a"
    assert connection_parameter(frozenset({alpha, a})).name not in ("alpha", "a")


def test_the_same_seed_gives_the_same_report() -> None:
    one, two = (report(sm.families.poisson(), replications=200, seed=5) for _ in range(2))
    cut = str(one).split("  note: ")[0]
    assert cut == str(two).split("  note: ")[0]
    assert section(one, "Cramer-Rao bound") == section(two, "Cramer-Rao bound")


def test_files_are_kept_unless_forced(tmp_path: Path) -> None:
    summary = Report("Demo", (Section("One", (Note("x_1"),)),))
    target = summary.write(tmp_path / "demo.tex")
    text = target.read_text()
    target.write_text("mine")
    with pytest.raises(InvalidArgument, match="exists already"):
        summary.write(target)
    assert target.read_text() == "mine"
    summary.write(target, force=True)
    assert target.read_text() == text


needs_latex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="pdflatex is not installed"
)


def compiled(summary: Report, folder: Path) -> str:
    (folder / "report.tex").write_text(summary.to_latex())
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-2000:]
    return (folder / "report.log").read_text(errors="replace")


@needs_latex
def test_the_article_compiles_without_overflow(weibull: Report, tmp_path: Path) -> None:
    log = compiled(weibull, tmp_path)
    assert not re.findall(r"Overfull \\hbox \((\d+)", log)


@needs_latex
def test_awkward_names_and_long_formulas_compile(tmp_path: Path) -> None:
    from statmani.present.components import Component

    awkward = [sp.Symbol(name) for name in ("a_1", "50%", "x^2", "größe", "#", "λ", "lambda_", "{")]
    wide = sp.Add(*(n * awkward[n % 8] ** (n + 1) * awkward[(n + 3) % 8] for n in range(1, 40)))
    parts = (
        Component("wide", "w", wide),
        Component("nested", "v", sp.exp(sp.sqrt(wide)) / (1 + wide)),
        Component("product", "u", wide * (wide + 1) / awkward[1]),
    )
    note = Note("names: " + ", ".join(symbol.name for symbol in awkward) + " & 50% \\ ~ ^ ≤ 日")
    summary = Report(
        "A_b & c%", (Section("S#1", (note,), parts), Section("V", (note,), verbatim=True))
    )
    log = compiled(summary, tmp_path)
    assert not re.findall(r"Overfull \\hbox \((\d+)", log)
