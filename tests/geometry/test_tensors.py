"""Covariant derivatives and contractions of curvature, against numbers and published values."""

from __future__ import annotations

import pickle
from itertools import product
from typing import Any

import pytest
import sympy as sp
from sympy import ImmutableMatrix, Integer, Rational, S, symbols

import statmani as sm
from statmani.algebra.numeric import new_context, value_of
from statmani.errors import InvalidArgument
from statmani.geometry.manifold import StatisticalManifold
from statmani.geometry.matrices import square_matrix

ALPHA = symbols("alpha")
TINY = sp.Float(10) ** -25


def family(name: str, *sizes: int) -> StatisticalManifold:
    return getattr(sm.families, name)(*sizes).manifold()


def numbers(expr, at):
    context = new_context(60)
    point = {s: value_of(sp.sympify(v), {}, context) for s, v in at.items()}
    return value_of(sp.sympify(expr), point, context)


def geometry_at(numeric_geometry, manifold, point, alpha):
    return numeric_geometry(manifold.coordinates, manifold.metric, manifold.skewness, point, alpha)


FAMILIES = [
    *(("gamma",), ("weibull",)),
    ("categorical", 3),
    *(
        pytest.param(f, marks=pytest.mark.slow)
        for f in (("dirichlet", 3), ("student_t",), ("gumbel",), ("inverse_gaussian",), ("beta",))
    ),
]


@pytest.mark.parametrize("spec", FAMILIES, ids=lambda s: s[0])
def test_the_contractions_agree_with_numbers(spec, numeric_geometry) -> None:
    """Einstein, Kretschmann and Weyl from R = d Gamma + Gamma Gamma by differences."""
    M = family(*spec)
    n = range(M.dim)
    point = [Rational(k + 2, 7) for k in n]
    at = dict(zip(M.coordinates, point, strict=True))
    for alpha in (0, Rational(2, 3)):
        numeric = geometry_at(numeric_geometry, M, point, alpha)
        mixed = numeric.riemann()
        g = numeric.g(numeric.point)
        h = g**-1
        low = {
            (l, k, i, j): sum(g[l, m] * mixed[m, k, i, j] for m in n)
            for l, k, i, j in product(n, n, n, n)
        }
        ricci = {(k, j): sum(mixed[l, k, l, j] for l in n) for k, j in product(n, n)}
        scalar = sum(h[k, j] * ricci[k, j] for k, j in product(n, n))
        up = {
            (l, k, i, j): sum(
                h[l, a] * h[k, b] * h[i, c] * h[j, d] * low[a, b, c, d]
                for a, b, c, d in product(n, n, n, n)
            )
            for l, k, i, j in product(n, n, n, n)
        }
        square = sum(up[p] * low[p] for p in low)
        connection = M.connection(alpha)
        assert abs(numbers(connection.kretschmann, at) - square) < TINY * (1 + abs(square))
        symbolic = M.connection(ALPHA).kretschmann
        assert abs(numbers(symbolic, {**at, ALPHA: alpha}) - square) < TINY * (1 + abs(square))
        for k, j in product(n, n):
            expected = ricci[k, j] - scalar / 2 * g[k, j]
            assert abs(numbers(connection.einstein[k, j], at) - expected) < TINY * 100
        if M.dim > 2 and alpha == 0:
            weyl = connection.weyl.evalf(30, at=at)
            for p in low:
                # Contracting W with g^{-1} gives zero, and R - W is made of Ricci alone.
                trace = sum(h[a, b] * weyl[a, p[1], b, p[3]] for a, b in product(n, n))
                assert abs(trace) < TINY * 1000


@pytest.mark.parametrize("name", ["weibull", "rough", "rational"])
def test_derivative_of_a_mixed_tensor(name, models, rough_models, numeric_geometry) -> None:
    """D_k t^i_j from differences of t and the numeric connection."""
    M = {**models, **rough_models}[name]
    n, x = range(M.dim), M.coordinates
    entries = [[(i + 2) * x[j] ** 2 + sp.sqrt(x[0]) * (j - i) for j in n] for i in n]
    point = [Rational(k + 3, 4) for k in n]
    constants = {c: Rational(3, 2) for c in M.constants}
    at = {**dict(zip(x, point, strict=True)), **constants}
    for alpha in (Rational(2, 5),):
        derived = M.connection(alpha).covariant_derivative(entries, "ul").evalf(35, at=at)
        numeric = numeric_geometry(
            x,
            M.metric.subs(constants),
            sp.Array(M.skewness.to_array()).subs(constants),
            point,
            alpha,
        )
        gamma = numeric.second(numeric.point)
        t = {(i, j): numbers(entries[i][j], at) for i, j in product(n, n)}
        for i, j, k in product(n, n, n):
            slope = numbers(sp.diff(entries[i][j], x[k]), at)
            for m in n:
                slope += gamma[(i * M.dim + k) * M.dim + m] * t[m, j]
                slope -= gamma[(m * M.dim + k) * M.dim + j] * t[i, m]
            assert abs(derived[i, j, k] - slope) < TINY * (1 + abs(slope))


def test_the_derivative_of_the_metric_is_alpha_t(models, rough_models) -> None:
    """(D_k g)_ij = alpha T_ijk, and the inverse metric has the opposite sign with raised T."""
    for M in (models["weibull"], rough_models["rational"]):
        C, n = M.connection(ALPHA), range(M.dim)
        derivative = C.covariant_derivative(M.metric, "ll")
        for i, j, k in product(n, n, n):
            assert sp.expand(derivative[i, j, k] - ALPHA * M.skewness[i, j, k]) == 0
        if M.dim > 2:
            continue
        inverse = C.covariant_derivative(M.inverse_metric, "uu")
        at = {x: Rational(k + 2, 3) for k, x in enumerate(M.coordinates)}
        h = M.inverse_metric.subs(at).evalf(40)
        t = M.skewness.evalf(40, at=at)
        raised = sum(h[0, a] * h[1, b] * t[a, b, 0] for a, b in product(n, n))
        slope = sp.diff(sp.expand(inverse[0, 1, 0]), ALPHA).subs(at).evalf(40)
        assert abs(slope + raised) < TINY
        assert C.covariant_derivative(M.volume_element * 0 + 5, "").nonzero() == {}


@pytest.mark.parametrize("name", ["weibull", "rational"])
def test_ricci_and_second_bianchi_identities(name, models, rough_models) -> None:
    """Both fail when an index order or a sign is wrong; neither manifold is conjugate symmetric."""
    M = {**models, **rough_models}[name]
    n, x = range(M.dim), M.coordinates
    at = {**{s: Rational(k + 4, 5) for k, s in enumerate(x)}, ALPHA: Rational(5, 3)}
    C = M.connection(ALPHA)
    field = [x[0] * x[1] ** (i + 1) + i for i in n]
    first = C.covariant_derivative(field, "u")
    second = C.covariant_derivative(first, "ul")
    values = [numbers(f, at) for f in field]
    for l, i, j in [(0, 0, 1), (1, 0, 1), (M.dim - 1, 0, M.dim - 1)]:
        # second[l, j, i] = D_i D_j X^l.
        left = numbers(second[l, j, i], at) - numbers(second[l, i, j], at)
        right = sum(numbers(C.riemann[l, k, i, j], at) * values[k] for k in n)
        assert abs(left - right) < TINY * (1 + abs(right))
    slope = C.covariant_derivative(C.riemann, "ulll")
    l, k, i, j, m = (1, 0, 0, 1, 1) if M.dim == 2 else (0, 1, 0, 1, 2)
    terms = [numbers(slope[p], at) for p in ((l, k, i, j, m), (l, k, j, m, i), (l, k, m, i, j))]
    assert abs(sum(terms)) < TINY * 1000
    assert max(map(abs, terms)) > Rational(1, 10**6)


def kerr():
    t, r, u, phi = symbols("t r u phi", real=True)
    m, a = symbols("M a", positive=True)
    rho2 = r**2 + a**2 * u**2
    delta = r**2 - 2 * m * r + a**2
    cross = -2 * m * a * r * (1 - u**2) / rho2
    angular = (r**2 + a**2 + 2 * m * r * a**2 * (1 - u**2) / rho2) * (1 - u**2)
    metric = [
        [-(1 - 2 * m * r / rho2), 0, 0, cross],
        [0, rho2 / delta, 0, 0],
        [0, 0, rho2 / (1 - u**2), 0],
        [cross, 0, 0, angular],
    ]
    box = {t: sp.S.Reals, r: sp.Interval(0, sp.oo), u: sp.Interval(-1, 1), phi: sp.S.Reals}
    return StatisticalManifold(box, metric), (t, r, u, phi, m, a)


def schwarzschild():
    t, phi = symbols("t phi", real=True)
    r, theta = symbols("r theta", positive=True)
    m = symbols("M", positive=True)
    f = 1 - 2 * m / r
    box = {
        t: sp.S.Reals,
        r: sp.Interval.open(2 * m, sp.oo),
        theta: sp.Interval.open(0, sp.pi),
        phi: sp.S.Reals,
    }
    metric = sp.diag(-f, 1 / f, r**2, r**2 * sp.sin(theta) ** 2)
    return StatisticalManifold(box, metric), (t, r, theta, phi, m)


def test_kerr_has_the_published_kretschmann_scalar() -> None:
    # Henry (2000), Astrophysical Journal 535, 350, eq. (18), with u = cos(theta).
    M, (_, r, u, _, m, a) = kerr()
    c = a**2 * u**2
    published = 48 * m**2 * (r**2 - c) * ((r**2 + c) ** 2 - 16 * r**2 * c) / (r**2 + c) ** 6
    assert sp.expand(sp.numer(sp.together(M.levi_civita.kretschmann - published))) == 0
    assert M.levi_civita.einstein == sp.zeros(4, 4)
    assert M.killing((1, 0, 0, 0)).is_killing
    assert M.killing((0, 0, 0, 1)).is_killing
    assert not M.killing((0, 1, 0, 0)).is_conformal


def test_schwarzschild_has_the_published_weyl_tensor() -> None:
    # Misner, Thorne and Wheeler (1973), eq. (31.4), in coordinate components.
    M, (_, r, theta, _, m) = schwarzschild()
    weyl = M.levi_civita.weyl
    assert weyl == M.levi_civita.riemann_lower
    assert weyl[0, 1, 0, 1] == -2 * m / r**3
    assert sp.expand(weyl[2, 3, 2, 3] - 2 * m * r * sp.sin(theta) ** 2) == 0
    assert weyl[1, 2, 1, 2] != 0
    assert M.levi_civita.kretschmann == 48 * m**2 / r**6


def test_weyl_is_conformally_invariant_and_vanishes_in_three_dimensions(rough_models) -> None:
    assert rough_models["rational"].levi_civita.weyl.nonzero() == {}
    assert rough_models["rational"].levi_civita.riemann_lower.nonzero() != {}
    x = symbols("x1:5", positive=True)
    g = sp.Matrix(4, 4, lambda i, j: (2 + x[i] * x[(i + 1) % 4]) if i == j else 0)
    g[0, 3] = g[3, 0] = x[1] / 2
    factor = x[0] ** 2 * x[2]
    one = StatisticalManifold(x, g).levi_civita.weyl
    two = StatisticalManifold(x, factor * g).levi_civita.weyl
    at = {s: Rational(k + 2, 3) for k, s in enumerate(x)}
    for index in ((0, 1, 0, 1), (0, 1, 0, 2), (1, 3, 0, 2), (0, 3, 1, 2), (2, 3, 2, 3)):
        a, b = (numbers(w[index], at) for w in (one, two))
        assert abs(b - factor.subs(at) * a) < TINY
        assert index != (0, 1, 0, 1) or abs(a) > Rational(1, 1000)


def test_spaces_of_constant_curvature() -> None:
    t, h, r = symbols("t H R", real=True)
    space = symbols("x1:4", real=True)
    sitter = StatisticalManifold((t, *space), sp.diag(-1, *[sp.exp(2 * h * t)] * 3))
    assert sitter.levi_civita.constant_curvature == h**2
    assert sitter.levi_civita.weyl.nonzero() == {}
    assert sitter.levi_civita.einstein == -3 * h**2 * sitter.metric
    assert sitter.levi_civita.kretschmann == 24 * h**4
    theta = symbols("theta")
    box = {theta: sp.Interval.open(0, sp.pi), t: sp.S.Reals}
    sphere = StatisticalManifold(box, sp.diag(r**2, r**2 * sp.sin(theta) ** 2))
    assert sphere.levi_civita.constant_curvature == 1 / r**2
    normal, weibull = family("normal"), family("weibull")
    assert normal.connection(ALPHA).constant_curvature == ALPHA**2 / 2 - Rational(1, 2)
    assert normal.connection(1).constant_curvature == 0
    assert weibull.levi_civita.constant_curvature == -6 / sp.pi**2
    assert weibull.connection(1).constant_curvature is None
    assert family("gamma").levi_civita.constant_curvature is None
    assert family("poisson").levi_civita.constant_curvature == 0
    assert family("bivariate_normal").levi_civita.constant_curvature is None


def test_conjugate_symmetry_has_an_exact_verdict_and_a_witness(numeric_geometry) -> None:
    for spec in (("normal",), ("beta",), ("dirichlet", 3), ("cauchy",)):
        assert family(*spec).conjugate_symmetry.holds
    for name in ("gumbel",):
        M = family(name)
        verdict = M.conjugate_symmetry
        assert not verdict
        point = [dict(verdict.point)[x] for x in M.coordinates]
        l, k, i, j = verdict.index
        sides = []
        for alpha in (1, -1):
            numeric = geometry_at(numeric_geometry, M, point, alpha)
            mixed, g = numeric.riemann(), numeric.g(numeric.point)
            sides.append(sum(g[l, m] * mixed[m, k, i, j] for m in range(M.dim)))
        half = (sides[0] - sides[1]) / 2
        assert abs(half - sp.Float(str(verdict.value), 15)) < 1e-13 * abs(half)
        assert f"riemann_lower{[l, k, i, j]}" in str(verdict)


def test_flat_orders_are_solved_exactly(numeric_geometry) -> None:
    assert family("normal").flat_orders == sp.FiniteSet(-1, 1)
    assert family("dirichlet", 3).flat_orders == sp.FiniteSet(-1, 1)
    assert family("weibull").flat_orders == sp.EmptySet
    assert family("poisson").flat_orders == sp.S.Reals
    x, y = symbols("x y", positive=True)
    c = symbols("c", positive=True)
    assert StatisticalManifold((x, y), sp.eye(2)).flat_orders == sp.S.Reals
    plane = sp.eye(2) / y**2
    assert StatisticalManifold((x, y), plane).flat_orders == sp.EmptySet
    # In a half-plane with T = c times the normal family's, R = (1 - (c alpha)^2) R0.
    normal = {(0, 0, 1): 2 * c / y**3, (1, 1, 1): 8 * c / y**3}
    M = StatisticalManifold((x, y), sp.diag(1, 2) / y**2, normal)
    assert M.flat_orders == sp.FiniteSet(-1 / c, 1 / c)
    # Student's t with fixed degrees of freedom: orders that are no -1, 1.
    t = sm.families.student_t()
    nu = t.parameters[1] if str(t.parameters[1]) == "nu" else t.parameters[2]
    fixed = t.fix({nu: 3}).manifold()
    orders = fixed.flat_orders
    assert isinstance(orders, sp.FiniteSet)
    assert len(orders) == 2
    for order, flat in ((max(orders), True), (max(orders) + 1, False)):
        numeric = geometry_at(numeric_geometry, fixed, [1, Rational(3, 2)], order)
        assert (max(abs(v) for v in numeric.riemann().values()) < 1e-25) is flat


def test_killing_fields_of_the_normal_family_and_the_plane() -> None:
    M = family("normal")
    mu, sigma = M.coordinates
    for field in ((1, 0), (mu, sigma), (mu**2 / 2 - sigma**2, mu * sigma)):
        assert M.killing(field).is_killing
    # Location and scale act on the sample, the third isometry of the half-plane does not.
    assert M.killing((1, 0)).preserves_skewness
    assert M.killing((mu, sigma)).preserves_skewness
    assert not M.killing((mu**2 / 2 - sigma**2, mu * sigma)).preserves_skewness
    assert not M.killing((mu, 2 * sigma)).is_conformal
    x, y = symbols("x y", real=True)
    plane = StatisticalManifold((x, y), sp.eye(2))
    assert plane.killing((-y, x)).is_killing
    scaled = plane.killing((x, y))
    assert (scaled.is_homothetic, scaled.factor, scaled.is_killing) == (True, 1, False)
    square = plane.killing((x**2 - y**2, 2 * x * y))
    assert (square.is_conformal, square.is_homothetic, square.factor) == (True, False, 2 * x)
    shear = plane.killing((y, 0))
    assert shear.factor is None
    assert shear.lie_derivative == sp.Matrix([[0, 1], [1, 0]])
    assert "no Killing field: (L_X g)[0, 1] = 1" in str(shear)


def test_the_lie_derivative_is_the_symmetrised_covariant_one(rough_models) -> None:
    M = rough_models["rational"]
    n, x = range(3), M.coordinates
    field = [x[1] * x[2], x[0] ** 2, x[0] - x[1]]
    lie = M.killing(field).lie_derivative
    lowered = [sum(M.metric[i, j] * field[j] for j in n) for i in n]
    slope = M.levi_civita.covariant_derivative(lowered, "l")
    at = {s: Rational(k + 2, 5) for k, s in enumerate(x)}
    for i, j in product(n, n):
        assert abs(numbers(lie[i, j] - slope[i, j] - slope[j, i], at)) < TINY


def test_gradient_hessian_laplacian_divergence() -> None:
    r, phi = symbols("r phi", positive=True)
    polar = StatisticalManifold((r, phi), sp.diag(1, r**2))
    f = r**3 * sp.cos(phi)
    # In the plane the Laplacian of r^3 cos(phi) is 9 r cos(phi) - r cos(phi).
    assert sp.expand(polar.levi_civita.laplacian(f) - 8 * r * sp.cos(phi)) == 0
    assert polar.gradient(f) == (3 * r**2 * sp.cos(phi), -r * sp.sin(phi))
    assert polar.levi_civita.divergence(polar.gradient(f)) == polar.levi_civita.laplacian(f)
    M = family("weibull")
    k, lam = M.coordinates
    f = k * lam**2
    C = M.connection(ALPHA)
    hessian = C.hessian(f)
    slope = C.covariant_derivative([f.diff(k), f.diff(lam)], "ll"[:1])
    volume = M.volume_element
    at = {k: Rational(3, 2), lam: Rational(5, 4), ALPHA: Rational(1, 3)}
    for i, j in product(range(2), repeat=2):
        assert abs(numbers(hessian[i, j] - slope[i, j], at)) < TINY
    flow = sum(sp.diff(volume * v, s) for v, s in zip((k * lam, lam), (k, lam), strict=True))
    assert abs(numbers(M.levi_civita.divergence((k * lam, lam)) - flow / volume, at)) < TINY


def test_fields_with_finer_roots_than_the_metric() -> None:
    x, y = symbols("x y", real=True)
    M = StatisticalManifold((x, y), [[sp.exp(x), 0], [0, 1 + y**2]])
    gradient = M.gradient(sp.exp(x / 3))
    assert abs(numbers(gradient[0] - sp.exp(-2 * x / 3) / 3, {x: 1, y: 1})) < TINY
    assert M.killing((sp.exp(-x / 2), 0)).is_killing


def test_wrong_arguments_say_what_and_where() -> None:
    M = family("normal")
    C = M.levi_civita
    mu = M.coordinates[0]
    cases = [
        (lambda: C.weyl, "dimension 2"),
        (lambda: family("student_t").connection(1).weyl, "not conjugate symmetric"),
        (lambda: C.covariant_derivative(M.metric, "lx"), "variance is 'lx'"),
        (lambda: C.covariant_derivative(M.metric, "lll"), "shape (2, 2)"),
        (lambda: C.covariant_derivative(M.skewness, "ll"), "2 letter(s), the tensor 3"),
        (lambda: C.covariant_derivative([1, 2, 3], "u"), "3 entries, not 2"),
        (lambda: C.covariant_derivative(["mu", 1], "u"), "'mu' (str)"),
        (lambda: C.hessian(sp.I * mu), "contains I"),
        (lambda: C.hessian(1 / (mu - mu * 1)), "contains zoo"),
        (lambda: M.killing((mu,)), "1 component(s), the manifold has dimension 2"),
        (lambda: M.killing(3), "no sequence"),
        (
            lambda: M.connection(ALPHA).covariant_derivative([1 / (1 + ALPHA), 0], "u"),
            "no polynomial in alpha",
        ),
    ]
    for call, text in cases:
        with pytest.raises(InvalidArgument) as caught:
            call()
        assert text in str(caught.value)


@pytest.mark.parametrize(
    "entries",
    [
        [ALPHA, S.Zero, S.Zero, 1 / ALPHA],
        [S.Zero] * 4,
        [Integer(1), S.Zero, Rational(1, 2), S.Zero],
        [Integer(3), Integer(0), Integer(5), Integer(-1)],
    ],
)
def test_matrices_are_those_of_sympy(entries: list[Any]) -> None:
    made, usual = square_matrix(2, entries), ImmutableMatrix(2, 2, entries)
    assert made == usual
    assert hash(made) == hash(usual)
    assert made * usual == usual * made
    assert pickle.loads(pickle.dumps(made)) == usual
    assert list(made) == entries


def test_ricci_may_be_asymmetric_on_one_side_only() -> None:
    p, q = symbols("p q", positive=True)
    D = StatisticalManifold((p, q), [[1, 0], [0, 1]], {(0, 0, 0): q}).connection(ALPHA)
    # R^0_001 = alpha/2 is the only component, so that R^l_1l0 = R^0_100 + R^1_110 vanishes.
    assert D.riemann.nonzero() == {(0, 0, 0, 1): ALPHA / 2, (0, 0, 1, 0): -ALPHA / 2}
    assert D.ricci == ImmutableMatrix([[0, ALPHA / 2], [0, 0]])


def test_every_component_of_ricci_is_a_contraction():
    x, y = sp.symbols("x y", positive=True)
    connection = sm.StatisticalManifold((x, y), [[1 + y, x], [x, 1 + x**2]]).levi_civita
    at = {x: sp.Integer(2), y: sp.Integer(3)}
    for k, j in product(range(2), repeat=2):
        trace = sum(connection.riemann[l, k, l, j] for l in range(2))
        found = connection.ricci[k, j].subs(at)
        assert found == trace.subs(at)
        assert found != 0


def test_the_weyl_tensor_of_a_dually_flat_space_scales_with_the_curvature():
    # R^(alpha) = (1 - alpha^2) R^(0), and so each of its parts.
    M = family("multivariate_normal", 2)
    at = dict(zip(M.coordinates, M.domain.interior_points(1)[0], strict=True))
    middle, half = M.levi_civita.weyl, M.connection(Rational(1, 2)).weyl
    indices = [(0, 1, 0, 1), (0, 2, 0, 2), (2, 3, 2, 3)]
    values = [numbers(middle[index], at) for index in indices]
    assert max(map(abs, values)) > 1e-3
    for index, value in zip(indices, values, strict=True):
        assert abs(numbers(half[index], at) - value * 3 / 4) < TINY
