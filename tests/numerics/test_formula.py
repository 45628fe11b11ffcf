"""Closed forms of distances that were discovered, against published ones."""

from __future__ import annotations

import cmath
import pickle
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from exact_spaces import HALF_PLANES, distance_and_log, mp

import statmani as sm
from statmani.geometry.hessian_equation import _coefficients
from statmani.numerics import closed
from statmani.numerics.closed import closed_distance

x, y, phi = sp.symbols("x y phi", real=True)
r, s, c = sp.symbols("r s c", positive=True)
POSITIVE = sp.Interval.open(0, sp.oo)


def value(M: object, p, q) -> float:
    """The expression at two points, by sympy's own arithmetic with 30 digits."""
    found = sm.distance_formula(M)
    start = dict(zip(found.start, map(sp.Rational, p), strict=True))
    end = dict(zip(found.end, map(sp.Rational, q), strict=True))
    return float(found.expression.xreplace(start | end).evalf(30))


def disc(scale=2) -> sm.StatisticalManifold:
    """The wrapped Cauchy family's disc, in polar coordinates."""
    domain = {r: sp.Interval.open(0, 1), phi: sm.Circle}
    return sm.StatisticalManifold(domain, scale * sp.diag(1, r**2) / (1 - r**2) ** 2)


def covariances() -> sm.StatisticalManifold:
    """Bivariate normals with fixed means."""
    u, v, w = sp.symbols("u v w")
    sigma = sp.Matrix([[u, w], [w, v]])
    basis = [sigma.inv() * sigma.diff(t) for t in (u, v, w)]
    root = sp.sqrt(u * v)
    domain = {u: POSITIVE, v: POSITIVE, w: sp.Interval.open(-root, root)}
    return sm.StatisticalManifold(
        domain, sp.Matrix(3, 3, lambda i, j: sp.cancel((basis[i] * basis[j]).trace() / 2))
    )


class TestPublishedValues:
    def test_normal(self):
        # Atkinson and Mitchell (1981).
        assert value(sm.families.normal(), (0, 1), (1, 1)) == pytest.approx(
            0.9802581434685472, rel=1e-15
        )

    def test_several_normals_with_one_variance(self):
        family = sm.families.isotropic_normal2()
        # In K = -1/4: mu/2 and sigma of the half-space, d = 2 arcosh(1 + |change|^2 / (2 s t)).
        expected = 2 * np.arccosh(1 + (0.25 * (3**2 + 1) + 4) / (2 * 1 * 3))
        assert value(family, (0, 1, 1), (3, 2, 3)) == pytest.approx(expected, rel=1e-14)

    def test_multinomial(self):
        # Rao (1945): twice the angle of the roots.
        p, q = ("1/2", "1/3", "1/12"), ("1/10", "1/5", "3/10")
        full = [[float(sp.Rational(t)) for t in z] for z in (p, q)]
        for z in full:
            z.append(1 - sum(z))
        expected = 2 * np.arccos(np.sqrt(full).prod(axis=0).sum())
        assert value(sm.families.categorical(4), p, q) == pytest.approx(expected, rel=1e-14)

    @pytest.mark.parametrize(
        ("name", "p", "q", "expected"),
        [
            ("poisson", 2, 7, 2 * (np.sqrt(7) - np.sqrt(2))),
            ("exponential_rate", 2, 7, np.log(3.5)),
            ("bernoulli", "1/5", "7/10", 2 * (np.arcsin(0.7**0.5) - np.arcsin(0.2**0.5))),
            ("geometric", "1/5", "7/10", 2 * (np.arctanh(0.8**0.5) - np.arctanh(0.3**0.5))),
        ],
    )
    def test_one_parameter(self, name, p, q, expected):
        assert value(getattr(sm.families, name)(), [p], [q]) == pytest.approx(expected, rel=1e-13)

    def test_disc(self):
        p, q = (0.3, 0.5), (0.8, 2.9)
        z, w = (cmath.rect(*t) for t in (p, q))
        expected = 2**0.5 * np.arctanh(abs((z - w) / (1 - z.conjugate() * w)))
        assert sm.distance(disc(), p, q) == pytest.approx(expected, rel=1e-14)
        assert value(disc(), p, q) == pytest.approx(expected, rel=1e-14)

    def test_covariances_are_a_product_that_their_coordinates_hide(self):
        M = covariances()
        assert [part.dim for part in sm.distance_formula(M).parts] in ([1, 2], [2, 1])
        p, q = (2.0, 0.5, 0.3), (0.4, 3.0, -0.9)
        first, second = (np.array([[a, b], [b, d]]) for a, d, b in (p, q))
        roots = np.log(np.linalg.eigvals(np.linalg.solve(first, second)).real)
        assert sm.distance(M, p, q) == pytest.approx(np.sqrt((roots**2).sum() / 2), rel=1e-13)

    def test_product_of_unlike_parts(self):
        M = sm.StatisticalManifold(
            {x: sp.S.Reals, s: POSITIVE, r: POSITIVE}, sp.diag(1 / s**2, 2 / s**2, 1 / r)
        )
        expected = np.hypot(0.9802581434685472, 2 * (np.sqrt(5) - np.sqrt(3)))
        assert value(M, (0, 1, 3), (1, 1, 5)) == pytest.approx(expected, rel=1e-14)

    def test_sphere_up_to_its_poles(self):
        M = sm.StatisticalManifold(
            {y: sp.Interval.open(0, sp.pi), phi: sm.Circle}, 3 * sp.diag(1, sp.sin(y) ** 2)
        )
        (near, far) = (0.001, 0.2), (np.pi - 0.002, 0.2 + np.pi)
        assert sm.distance(M, near, far) == pytest.approx(3**0.5 * (np.pi - 0.001), rel=1e-14)

    @pytest.mark.parametrize(
        ("second", "domain"),
        [
            # x occurs in the metric with either sign.
            (y + x**3 / 3, sp.S.Reals),
            # x occurs in a sum with y only.
            (y + x * y + x * y**2 / 2, POSITIVE),
        ],
    )
    def test_planes_in_skew_coordinates(self, second, domain):
        jacobian = sp.Matrix([x, second]).jacobian((x, y))
        M = sm.StatisticalManifold({x: domain, y: domain}, (jacobian.T * jacobian).expand())
        p, q = {x: 2, y: 1}, {x: sp.Rational(1, 3), y: sp.Rational(1, 2)}
        expected = np.hypot(5 / 3, float(second.subs(p) - second.subs(q)))
        assert value(M, p.values(), q.values()) == pytest.approx(expected, rel=1e-14)

    def test_strip_along_a_line(self):
        # x = tanh of the distance to a line of the hyperbolic plane, y the place along it.
        M = sm.StatisticalManifold(
            {x: sp.Interval.open(-1, 1), y: sp.S.Reals},
            sp.diag(1 / (1 - x**2) ** 2, 1 / (1 - x**2)),
        )
        (a, b), (p, q) = (0.3, -0.4), (-0.6, 1.1)
        root = np.sqrt((1 - a**2) * (1 - p**2))
        expected = np.arccosh((np.cosh(b - q) - a * p) / root)
        assert sm.distance(M, (a, b), (p, q)) == pytest.approx(expected, rel=1e-13)
        assert sm.distance_formula(M).curvature == -1

    def test_circle(self):
        M = sm.StatisticalManifold({phi: sm.Circle}, [[4]])
        assert sm.distance(M, [3.0], [-3.0]) == pytest.approx(2 * (2 * np.pi - 6), rel=1e-14)

    def test_constants_stay_symbols(self):
        M = sm.StatisticalManifold({r: POSITIVE}, [[c**2 / r**2]])
        found = sm.distance_formula(M)
        (start,), (end,) = found.start, found.end
        assert found.expression.subs({start: 1, end: sp.E}) == c


class TestNumbers:
    @pytest.mark.parametrize("name", sorted(HALF_PLANES))
    def test_far_and_near_pairs_at_fifty_digits(self, name, manifolds):
        rng = np.random.default_rng(4)
        p, q = np.exp(rng.uniform(np.log(1e-3), np.log(1e3), (2, 25, 2)))
        if name in ("normal", "cauchy"):
            p[:, 0], q[:, 0] = rng.uniform(-100, 100, (2, 25))
        near = p * (1 + 10.0 ** rng.uniform(-14, -2, (25, 1)) * rng.normal(size=(25, 2)))
        p, q = np.concatenate([p, p]), np.concatenate([q, near])
        assert closed_distance(manifolds[name]) is not None
        found = sm.distance(manifolds[name], p, q, full_output=True)
        for k in range(len(p)):
            exact, _ = distance_and_log(name, p[k], q[k])
            wrong = abs(mp.mpf(float(found.value[k])) - exact)
            assert wrong <= found.error[k]
            assert found.error[k] <= 1e-11 * exact

    def test_errors_of_near_pairs_are_those_of_rounding(self, manifolds):
        p = np.array([[0.1, 0.2], [30.0, 4.0]])
        _, error, good = closed_distance(manifolds["normal"]).settled(p, p * (1 + 1e-14), 1e-12)
        assert good.all()
        assert (error < 1e-27).all()

    def test_equal_points(self, manifolds):
        found = sm.distance(manifolds["categorical"], [0.2, 0.3], [0.2, 0.3], full_output=True)
        assert (found.value, found.error) == (0.0, 0.0)

    def test_simplex_near_its_boundary(self):
        M = sm.families.categorical(4).manifold()
        p, q = [1e-9, 0.4, 0.3], [0.5, 1e-9, 1e-9]
        full = [[mp.mpf(float(t)) for t in z] for z in (p, q)]
        for z in full:
            z.append(1 - mp.fsum(z))
        exact = 2 * mp.acos(mp.fsum(mp.sqrt(a * b) for a, b in zip(*full, strict=True)))
        assert sm.distance(M, p, q) == pytest.approx(float(exact), rel=1e-14)

    def test_matrix_and_pairs_agree(self, manifolds, random_points):
        points = random_points("weibull", 12, 6)
        matrix = sm.pairwise_distances(manifolds["weibull"], points)
        pairs = sm.distance(manifolds["weibull"], points[:, None], points)
        assert np.array_equal(np.triu(matrix, 1), np.triu(pairs, 1))
        assert np.array_equal(matrix, matrix.T)

    @pytest.mark.parametrize("name", ["normal", "inverse_gaussian", "categorical"])
    def test_logarithms_and_geodesics_have_this_length(self, name, manifolds, random_points):
        M = manifolds[name]
        p, q = random_points(name, 4, 8), random_points(name, 4, 9)
        expected = sm.distance(M, p, q)
        v, g = sm.log(M, p, q), sm.evaluate(M, "metric", p)
        assert np.sqrt(np.einsum("ki,kij,kj->k", v, g, v)) == pytest.approx(expected, rel=1e-8)
        assert sm.geodesic(M, p, end=q).length == pytest.approx(expected, rel=1e-9)


class TestDomains:
    """A formula is the distance only where the image of the domain is convex and covered once."""

    def half_plane(self, mean, deviation) -> sm.StatisticalManifold:
        return sm.StatisticalManifold({x: mean, s: deviation}, sp.diag(1, 2) / s**2)

    def polar(self, radius, angle, factor=1) -> sm.StatisticalManifold:
        return sm.StatisticalManifold({r: radius, phi: angle}, sp.diag(1, factor * r**2))

    def test_convex_parts(self):
        line = sp.S.Reals
        half = self.half_plane(POSITIVE, POSITIVE)
        sector = self.polar(POSITIVE, sp.Interval.open(0, 2))
        wedge = sm.StatisticalManifold({x: line, y: sp.Interval.open(x, sp.oo)}, sp.eye(2))
        plane = self.polar(POSITIVE, sm.Circle)
        for M in (half, sector, wedge, plane, disc()):
            assert sm.distance_formula(M).certificate.is_distance
        # Across the origin, which the chart lacks: the infimum.
        assert sm.distance(plane, [1, 0], [2, np.pi]) == pytest.approx(3, rel=1e-14)

    @pytest.mark.parametrize(
        ("radius", "angle"),
        [
            (POSITIVE, sp.Interval.open(0, 4)),
            (POSITIVE, sp.Interval.open(0, 2 * sp.pi)),
            (sp.Interval.open(1, sp.oo), sm.Circle),
        ],
    )
    def test_parts_that_are_not_convex(self, radius, angle):
        found = sm.distance_formula(self.polar(radius, angle))
        assert not found.certificate.is_distance
        assert "convex at" in found.certificate.obstacle
        assert "a lower bound: the image of the domain" in str(found.certificate)

    def test_below_a_horocycle(self):
        M = self.half_plane(sp.S.Reals, sp.Interval.open(0, 5))
        assert not sm.distance_formula(M).certificate.is_distance
        assert closed_distance(M) is None
        # The geodesic of the half-plane rises above the bound.
        with pytest.raises(sm.NoConvergence):
            sm.distance(M, [-20, 4], [20, 4])

    def test_coverings(self):
        with pytest.raises(sm.NoClosedForm, match="not periodic in phi"):
            sm.distance_formula(self.polar(POSITIVE, sm.Circle, sp.Rational(1, 4)))
        twice = sm.distance_formula(self.polar(POSITIVE, sm.Circle, 4))
        assert twice.certificate.obstacle == "the map to the model space is not one-to-one in phi"


class TestErrors:
    def test_curvature_that_is_not_constant(self):
        with pytest.raises(
            sm.NoClosedForm,
            match=r"no closed form of the distance was found: the factor of k, theta has no "
            r"constant curvature\. distance computes it as a number",
        ):
            sm.distance_formula(sm.families.gamma())

    def test_functions_that_are_not_found(self):
        # A circle's angle that is no elementary function of the coordinate.
        M = sm.StatisticalManifold({r: POSITIVE, s: POSITIVE}, sp.diag(1 + r**4, 1))
        with pytest.raises(sm.NoClosedForm, match="the factor of r has the constant curvature 0"):
            sm.distance_formula(M)

    def test_open_families(self):
        with pytest.raises(sm.NoClosedForm, match="the metric has no closed form"):
            sm.distance_formula(sm.families.negbin())

    def test_a_wrong_model_is_refused(self, monkeypatch):
        def wrong(piece):
            found = model_space(piece)
            return replace(found, weights=tuple(2 * w for w in found.weights))

        model_space = closed.model_space
        monkeypatch.setattr(closed, "model_space", wrong)
        M = sm.StatisticalManifold({x: sp.S.Reals, s: POSITIVE}, sp.diag(1, 2) / s**2)
        with pytest.raises(sm.CertificateError, match="the closed form gives"):
            sm.distance_formula(M)


def test_the_record():
    found = sm.distance_formula(sm.families.normal())
    assert found.space == "hyperbolic space of dimension 2 and curvature -1/2"
    assert found.curvature == sp.Rational(-1, 2)
    assert found.certificate.pairs == 6
    assert found.certificate.deviation < 1e-10
    assert found.certificate.isometry == "verified exactly"
    assert "hyperbolic" in str(found) and "{\\mu}'" in found._repr_latex_()
    assert pickle.loads(pickle.dumps(found)) == found
    assert sm.distance_formula(sm.families.normal().manifold()).expression == found.expression


def test_primed_names_do_not_clash():
    a, b = sp.symbols("a aprime", positive=True)
    found = sm.distance_formula(sm.StatisticalManifold((a, b), sp.diag(1, 1)))
    assert [s.name for s in found.end] == ["aprimeprime", "aprimeprimeprime"]


def test_coefficients_of_functions_with_different_denominators():
    ring = sm.StatisticalManifold({r: POSITIVE}, [[1 / r]]).ring
    functions = (1 / r, 1 / (1 + r), 1 / r + 1 / (1 + r))
    assert _coefficients(ring, [[ring.convert(e)] for e in functions]) == [-1, -1, 1]
    assert _coefficients(ring, [[ring.convert(e)] for e in functions[:2]]) is None
