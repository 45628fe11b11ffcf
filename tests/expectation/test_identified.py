"""Location-scale families that no strategy integrates, and constants known from their digits."""

from __future__ import annotations

import random

import mpmath
import pytest
import sympy as sp

import statmani as sm
from statmani.expectation.equivariant import IDENTIFIED, orbit_of
from statmani.expectation.expectation import Expectation
from statmani.expectation.identify import identify

x, mu = sp.symbols("x mu", real=True)
y, s = sp.symbols("y s", positive=True)
CONTEXT = mpmath.MPContext()
CONTEXT.dps = 130


def scale_family(base: sp.Expr, tau: sp.Expr = s, parameter: sp.Symbol = s) -> sm.Family:
    ell = base.subs(y, y / tau, simultaneous=True) - sp.log(tau)
    return sm.Family(log_density=ell, sample=y, parameters=parameter)


def location_scale(base: sp.Expr) -> sm.Family:
    ell = base.subs(x, (x - mu) / s, simultaneous=True) - sp.log(s)
    return sm.Family(log_density=ell, sample=x, parameters=[mu, s])


PLANCK = sp.log(15) - 4 * sp.log(sp.pi) + 3 * sp.log(y) - sp.log(sp.exp(y) - 1)
FERMI = sp.log(12) - 2 * sp.log(sp.pi) + sp.log(y) - sp.log(sp.exp(y) + 1)
HALF_LOGISTIC = sp.log(2) - y - 2 * sp.log(1 + sp.exp(-y))
HALF_SECANT = sp.log(2 / sp.pi) - sp.log(sp.cosh(y))
TWO_QUADRATICS = sp.log(6 / sp.pi) - sp.log(1 + x**2) - sp.log(4 + x**2)
COSH = -sp.cosh(x) - sp.log(2 * sp.besselk(0, 1))


def information(base: sp.Expr) -> mpmath.mpf:
    """E[(1 + z d_z log f)^2] by mpmath's own quadrature."""
    density = sp.lambdify(y, sp.exp(base), "mpmath")
    score = sp.lambdify(y, 1 + y * base.diff(y), "mpmath")
    with mpmath.workdps(25):
        return mpmath.quad(lambda v: density(v) * score(v) ** 2, [0, 1, 5, 20, 80])


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        # Bose and Fermi integrals: int x^4 n dx = 24 zeta(5), int x^3 n dx = pi^4 / 15.
        (PLANCK, 900 * sp.zeta(5) / sp.pi**4 - 6),
        (FERMI, 27 * sp.zeta(3) / sp.pi**2 - 1),
        # Half the logistic and the hyperbolic secant law: known from the whole ones.
        (HALF_LOGISTIC, (3 + sp.pi**2) / 9),
        (HALF_SECANT, sp.pi**2 / 8),
    ],
    ids=["planck", "fermi", "half logistic", "half secant"],
)
def test_scale_families_close_through_identified_constants(
    base: sp.Expr, expected: sp.Expr
) -> None:
    M = scale_family(base).manifold(effort=0)
    assert sp.expand(M.metric[0, 0] * s**2 - expected) == 0
    assert abs(sp.N(expected, 25) - information(base)) < 1e-13
    assert dict(M.certificate.strategies) == {"g[0,0]": IDENTIFIED, "T[0,0,0]": IDENTIFIED}
    assert "not proved" in str(M.certificate)


def test_location_and_scale_with_zeros_by_symmetry() -> None:
    M = location_scale(TWO_QUADRATICS).manifold(effort=0)
    assert M.metric == sp.diag(sp.Rational(79, 72) / s**2, sp.Rational(17, 18) / s**2)
    strategies = dict(M.certificate.strategies)
    assert "symmetry" in strategies["g[0,1]"]
    assert strategies["g[0,0]"] == IDENTIFIED


@pytest.mark.parametrize(
    ("parameter", "tau"),
    [
        (sp.Symbol("r", positive=True), lambda r: 1 / r),
        (sp.Symbol("v", positive=True), sp.sqrt),
        (sp.Symbol("t", real=True), lambda t: sp.exp(2 * t)),
    ],
)
def test_other_parameters_of_the_scale_follow_the_tensor_law(parameter, tau) -> None:  # type: ignore[no-untyped-def]
    M = scale_family(FERMI, tau(parameter), parameter).manifold(effort=0)
    slope = sp.log(tau(parameter)).diff(parameter)
    expected = (27 * sp.zeta(3) / sp.pi**2 - 1) * slope**2
    assert sp.simplify(M.metric[0, 0] - expected) == 0


def test_constants_that_are_not_known_stay_numbers_without_parameters() -> None:
    M = location_scale(COSH).manifold(effort=0)
    g = M.metric
    assert g[0, 1] == 0
    for entry in (g[0, 0] * s**2, g[1, 1] * s**2):
        (atom,) = entry.atoms(Expectation)
        assert entry == atom and not atom.free_symbols
    # Constant curvature -1/C of ds^2 = (A dmu^2 + C dsigma^2) / sigma^2; scalar is twice that.
    assert M.connection(0).scalar_curvature == -2 / (g[1, 1] * s**2)
    with mpmath.workdps(25):
        z = 2 * mpmath.besselk(0, 1)
        moment = mpmath.quad(
            lambda v: (v * mpmath.sinh(v) - 1) ** 2 * mpmath.exp(-mpmath.cosh(v)) / z, [-6, 0, 6]
        )
    assert abs(sp.N(g[1, 1] * s**2, 20) - moment) < 1e-13
    assert dict(M.certificate.strategies)["g[0,0]"].endswith("unevaluated expectations")


def test_a_kink_that_moves_is_no_obstacle_when_the_constants_are_free_of_it() -> None:
    """f = c exp(-cosh z - |z|): refused before, because derivatives of the score lack deltas."""
    with mpmath.workdps(40):
        mass = mpmath.quad(lambda v: 2 * mpmath.exp(-mpmath.cosh(v) - v), [0, 1, 6])
    c = 1 / sp.Rational(str(mpmath.nstr(mass, 30)))
    M = location_scale(sp.log(c) - sp.cosh(x) - sp.Abs(x)).manifold(effort=0.3)
    with mpmath.workdps(25):
        location = mpmath.quad(
            lambda v: 2 * (mpmath.sinh(v) + 1) ** 2 * mpmath.exp(-mpmath.cosh(v) - v) / mass,
            [0, 1, 6],
        )
    assert abs(sp.N(M.metric[0, 0] * s**2, 20) - location) < 1e-13
    # Gamma^(0)_{mu mu, s} = -d_s g_mumu / 2, delta included.
    gamma = M.connection(0).christoffel_first[0, 0, 1]
    assert abs(sp.N(gamma * s**3, 20) - location) < 1e-13
    assert "delta" in str(M.certificate)


@pytest.mark.slow
def test_expectations_of_users() -> None:
    family = location_scale(TWO_QUADRATICS)
    sample, location, scale = family.sample[0], *family.parameters
    record = family.expectation(1 / (1 + ((sample - location) / scale) ** 2))
    # Partial fractions: int 1/((1+x^2)^2 (4+x^2)) = pi/2 (1/3 - ... ) by mpmath.
    with mpmath.workdps(25):
        number = mpmath.quad(
            lambda v: 6 / mpmath.pi / (1 + v**2) ** 2 / (4 + v**2), [-mpmath.inf, 0, mpmath.inf]
        )
    assert record.value.is_Rational
    assert abs(sp.N(record.value, 20) - number) < 1e-13
    squared = family.expect((sample - location) ** 2)
    assert squared == 2 * scale**2


def test_nothing_is_identified_by_chance() -> None:
    generator = random.Random(5)
    numbers = [CONTEXT.mpf(generator.getrandbits(450)) / 2**448 for _ in range(15)]
    numbers += [CONTEXT.exp(v) for v in numbers[:5]]
    numbers += [
        CONTEXT.e, CONTEXT.besselj(0, 1), CONTEXT.gamma(CONTEXT.mpf(1) / 3), CONTEXT.sin(1),
        CONTEXT.exp(CONTEXT.euler), CONTEXT.zeta(7), CONTEXT.erf(1), CONTEXT.log(7),
        CONTEXT.mpf(2) ** (CONTEXT.mpf(1) / 3), CONTEXT.pi**CONTEXT.e,
    ]  # fmt: skip
    for number in numbers:
        assert identify(number, [1 / sp.pi, sp.sqrt(2)]) is None


def test_a_relation_must_hold_beyond_the_digits_of_the_search() -> None:
    near = CONTEXT.euler / 3 + CONTEXT.pi**2 / 7
    assert identify(near) == sp.EulerGamma / 3 + sp.pi**2 / 7
    assert identify(near + CONTEXT.mpf(10) ** -95) is None


def test_large_integers_are_not_believed() -> None:
    value = CONTEXT.mpf(10**31 + 7) / 3**70 + CONTEXT.pi / 10**29
    assert identify(value) is None


def test_no_orbit_with_shape_or_bounded_support() -> None:
    assert orbit_of(sm.families.gamma().declaration) is None
    assert orbit_of(sm.families.beta().declaration) is None
    assert orbit_of(sm.families.inverse_gaussian().declaration) is None
