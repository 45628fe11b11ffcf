"""Laws of manifolds and connections: they hold, and they fail on broken objects."""

from __future__ import annotations

import math
from itertools import product

import pytest
import sympy as sp
from sympy import Rational, S, exp, symbols

import statmani as sm
from statmani.algebra.element import Element

X, Y, Z = symbols("x y z", positive=True)
R = symbols("r", real=True)


def three_dimensional() -> sm.StatisticalManifold:
    """No symmetry, no family: g and T were made up."""
    g = [[1 + X**2, Y, 0], [Y, 2 + Y**2 + Z, X], [0, X, 3 + X**2 + Z**2]]
    t = {(0, 0, 1): Y, (0, 1, 2): X * Z, (2, 2, 2): 1 / X, (1, 1, 2): Y**2}
    return sm.StatisticalManifold((X, Y, Z), g, t)


def weibull() -> sm.StatisticalManifold:
    return sm.families.weibull().manifold()


def curve() -> sm.StatisticalManifold:
    normal = sm.families.normal().manifold()
    mu, sigma = normal.coordinates
    return normal.submanifold({mu: X**2, sigma: X}, X)


@pytest.mark.parametrize(
    "make",
    [
        three_dimensional,
        weibull,
        pytest.param(lambda: sm.families.bivariate_normal().manifold(), marks=pytest.mark.slow),
        lambda: sm.StatisticalManifold((R, Y), [[1 / Y**2, 0], [0, 1 / Y**2]]),
        lambda: sm.StatisticalManifold(
            {R: sm.Circle, Y: sp.Interval(0, sp.pi)}, [[sp.sin(Y) ** 2, 0], [0, 1]]
        ),
        lambda: sm.StatisticalManifold({R: S.Reals}, [[exp(R)]], [[[sp.cosh(R)]]]),
        curve,
    ],
)
def test_no_law_is_violated(make):
    report = sm.laws.check(make())
    assert report.violated == ()
    for law in report:
        assert law.status in ("proved", "verified", "not applicable")
        # Nothing may hide behind a lack of time or an error.
        assert "not decided" not in law.explanation, law


def test_everything_is_proved_without_symmetry():
    report = sm.laws.check(three_dimensional())
    statuses = {law.name: law.status for law in report}
    assert statuses.pop("conjugate symmetry") == "not applicable"
    assert set(statuses.values()) == {"proved"}
    assert "second Bianchi identity" in statuses
    assert "Jeffreys volume invariance" in statuses


@pytest.mark.parametrize("alpha", [-1, sp.sqrt(2), 0, symbols("a", real=True)])
def test_one_connection(alpha):
    connection = three_dimensional().connection(alpha)
    report = sm.laws.check(connection)
    assert report.violated == ()
    assert report["metric duality"].status == "proved"
    assert report["curvature duality"].status == "proved"
    assert report["second Bianchi identity"].status == "proved"
    assert (report["conjugate symmetry"].status == "proved") == (alpha == 0)


def test_a_submanifold_is_pulled_back():
    report = sm.laws.check(curve())
    assert report["pulled-back metric"].status == "proved"
    assert report["pulled-back skewness"].status == "proved"
    assert report["curvature"].status == "not applicable"


def test_a_manifold_from_a_file_has_the_same_laws(tmp_path):
    weibull().save(tmp_path / "w.json", alphas=[0, Rational(1, 2)])
    restored = sm.load_manifold(tmp_path / "w.json")
    assert sm.laws.check(restored).violated == ()
    for alpha in (0, Rational(1, 2)):
        report = sm.laws.check(restored.connection(alpha))
        assert report.violated == ()
        assert report["curvature"].status == "proved"


def double(element: Element) -> Element:
    return element + element


def break_symmetry(M):
    M.geometry.metric[1][0] = double(M.geometry.metric[1][0])


def break_first(M):
    M.geometry._first[0][0][1] = double(M.geometry._first[0][0][1])


def break_skew_sign(M):
    table = M.geometry._half_t
    for i, j, k in product(range(2), repeat=3):
        table[i][j][k] = -table[i][j][k]


def break_inverse(M):
    M.geometry.inverse[0][0] = double(M.geometry.inverse[0][0])


def break_volume(M):
    M._kept["volume"] = 2 * M.volume_element


def break_order(M):
    """The first two indices of the curvature exchanged: invisible if conjugate symmetric."""
    geometry, right = M.geometry, M.geometry.riemann_lower
    geometry.riemann_lower = lambda m, k, i, j: right(k, m, i, j)


def break_riemann(M):
    geometry, right = M.geometry, M.geometry.riemann
    geometry.riemann = lambda m, k, i, j: tuple(double(e) for e in right(m, k, i, j))


def break_last_pair(M):
    """Symmetric instead of antisymmetric in the last two indices."""
    geometry, right = M.geometry, M.geometry.riemann
    geometry.riemann = lambda m, k, i, j: right(m, k, min(i, j), max(i, j))


def break_ricci(M):
    geometry, right = M.geometry, M.geometry.ricci
    geometry.ricci = lambda k, j: right(j, k)


def break_scalar(M):
    geometry, right = M.geometry, M.geometry.scalar
    geometry.scalar = lambda: (right()[0], right()[1], double(right()[2]))


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        (break_symmetry, {"metric symmetry", "inverse metric"}),
        (break_first, {"torsion-freeness", "metric duality"}),
        (break_skew_sign, {"torsion-freeness", "skewness symmetry"}),
        (break_inverse, {"inverse metric"}),
        (break_volume, {"volume element", "Jeffreys volume invariance"}),
        (break_order, {"curvature"}),
        (break_riemann, {"curvature", "contractions"}),
        (break_last_pair, {"curvature", "first Bianchi identity"}),
        (break_ricci, {"contractions"}),
        (break_scalar, {"scalar curvature in alpha", "contractions"}),
    ],
)
def test_broken_tensors_are_found(broken, names):
    M = sm.StatisticalManifold(
        (X, Y), [[1 + X**2, Y * X], [X * Y, 2 + Y**2]], {(0, 0, 1): Y, (1, 1, 1): X}
    )
    M.geometry.scalar()
    M.geometry.inverse  # noqa: B018
    broken(M)
    report = sm.laws.check(M)
    found = {law.name for law in report.violated}
    assert names <= found
    for law in report.violated:
        assert law.witness is not None
        assert abs(float(law.witness.left - law.witness.right)) > 1e-12


def test_the_witness_tells_both_sides():
    M = weibull()
    copy = sm.StatisticalManifold(M.domain, M.metric, M.skewness.nonzero())
    true = copy.volume_element
    copy._kept["volume"] = 3 * true
    witness = sm.laws.check(copy)["volume element"].witness
    value = float(true.subs(dict(witness.point)))
    assert math.isclose(float(witness.left), 9 * value**2, rel_tol=1e-12)
    assert math.isclose(float(witness.right), value**2, rel_tol=1e-12)


@pytest.mark.parametrize(("name", "status"), [("weibull", "violated"), ("gamma", "proved")])
def test_a_wrong_index_order_hides_in_an_exponential_family(name, status):
    """l and k exchanged, with the sign that duality at alpha = 0 asks for."""
    M = getattr(sm.families, name)().manifold()
    copy = sm.StatisticalManifold(M.domain, M.metric, M.skewness.nonzero())
    geometry, right = copy.geometry, copy.geometry.riemann_lower
    geometry.riemann_lower = lambda m, k, i, j: tuple(-e for e in right(k, m, i, j))
    assert sm.laws.check(copy)["curvature"].status == status


def test_conjugate_symmetry_is_a_property():
    law = sm.laws.check(weibull())["conjugate symmetry"]
    assert law.status == "not applicable"
    assert "not conjugate symmetric" in law.explanation
    at = {s: v for s, v in law.witness.point if str(s) != "alpha"}
    alpha = {str(s): v for s, v in law.witness.point}["alpha"]
    plus, minus = (
        weibull().connection(sign * alpha).riemann_lower[law.witness.index].subs(at)
        for sign in (1, -1)
    )
    assert abs(float(plus) - float(law.witness.left)) < 1e-10
    assert abs(float(minus) - float(law.witness.right)) < 1e-10


def test_an_indefinite_metric_is_not_positive():
    lorentz = sm.StatisticalManifold((R, Y), [[-1 / Y**2, 0], [0, 1]])
    report = sm.laws.check(lorentz)
    law = report["metric positivity"]
    assert law.status == "violated"
    assert law.witness.index == (0, 0)
    y = dict(law.witness.point)[Y]
    assert float(law.witness.left) == pytest.approx(float(-1 / y**2))
    # The other laws do not need it.
    assert [v.name for v in report.violated] == ["metric positivity"]


def test_time_is_bounded_and_progress_is_told():
    seen: list[str] = []
    report = sm.laws.check(three_dimensional(), effort=0, progress=seen.append)
    assert "curvature duality" in seen
    law = report["curvature duality"]
    assert law.status == "not applicable"
    assert "not decided within 0 s" in law.explanation
    assert report.violated == ()


def test_interruption_goes_through():
    def stop(name: str) -> None:
        if name == "curvature":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sm.laws.check(three_dimensional(), progress=stop)


@pytest.mark.slow
def test_rounding_of_a_vanishing_value_is_no_difference():
    """At equal weights of the mixture a component vanishes by symmetry, up to rounding."""
    M = sm.families.normal_mixture2().manifold()
    law = sm.laws.check(M.connection(symbols("alpha", real=True)))["conjugate symmetry"]
    assert law.status == "not applicable"
    left, right = float(law.witness.left), float(law.witness.right)
    assert abs(left - right) > 0.1 * max(abs(left), abs(right))


def test_a_fault_of_tiny_tensors_is_still_a_fault():
    c = Rational(1, 10**40)
    M = sm.StatisticalManifold((X, Y), [[c * (1 + X**2), 0], [0, c * exp(Y)]])
    M.geometry._first[0][0][0] = double(M.geometry._first[0][0][0])
    assert "metric duality" in {law.name for law in sm.laws.check(M).violated}


def test_a_root_is_positive_only_where_it_cannot_vanish():
    t = sp.Symbol("t", positive=True)
    u = sp.Symbol("u", real=True)
    of = {}
    for symbol, entry in ((t, sp.sqrt(t) / (1 + t)), (u, sp.sqrt(u**2) * (1 + u**2))):
        report = sm.laws.check(sm.StatisticalManifold(symbol, [[entry]]))
        of[symbol] = report["metric positivity"].status
    assert of[t] == "proved"
    assert of[u] != "proved"
