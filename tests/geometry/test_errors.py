"""Bad input is refused with a message that names what, where, the value and the remedy."""

from __future__ import annotations

import re

import pytest
import sympy as sp
from sympy import I, Interval, S, nan, oo, symbols

from statmani.errors import InvalidArgument, InvalidManifold
from statmani.geometry.manifold import StatisticalManifold, as_manifold

x, y = symbols("x y", positive=True)
u, v = symbols("u v", real=True)
FLAT = [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((x, y), [[1, 0]]), "metric has 1 entries, not 2. Give metric with shape (2, 2)"),
        (((x, y), [[1, 0], [0]]), "metric at [1] has 1 entries, not 2"),
        (((x, y), sp.eye(3)), "metric has shape (3, 3). Give metric with shape (2, 2)"),
        (((x, y), 7), "metric is 7, not a sequence"),
        (
            ((x, y), [[1, x], [y, 1]]),
            "not symmetric: entry [0, 1] (x, y) is x, entry [1, 0] (y, x)",
        ),
        (
            ((x, y), [[x**2, x * y], [x * y, y**2]]),
            "degenerate: its determinant is identically zero",
        ),
        (((x, y), [[1, 0], [0, sp.sin(x) ** 2 + sp.cos(x) ** 2 - 1]]), "degenerate"),
        (((x, y), [[nan, 0], [0, 1]]), "metric[0, 0] (x, x) is nan, which contains nan"),
        (((x, y), [[1, 0], [0, oo]]), "metric[1, 1] (y, y) is oo, which contains oo"),
        (((x, y), [[1 + I, 0], [0, 1]]), "metric[0, 0] (x, x) is 1 + I, which contains I"),
        (((x, y), [["1", 0], [0, 1]]), "metric[0, 0] (x, x) is '1' (str). Give a number"),
        (((x, y), [[1 / (x - x**1), 0], [0, 1]]), "which contains zoo"),
        (((x, y), [[sp.sqrt(-x), 0], [0, 1]]), "contains I"),
        (((x, y), [[sp.log(-1 - x), 0], [0, 1]]), "is not real. Check the entries"),
        (((x, y), FLAT, [[1, 2], [3, 4]]), "skewness at [0, 0] is 1, not a sequence"),
        (((x, y), FLAT, {(0, 5, 0): 1}), "skewness has the key (0, 5, 0). Keys are three indices"),
        (((x, y), FLAT, {(0, 0, 1): 1, (0, 1, 0): 2}), "not totally symmetric: entry [0, 0, 1]"),
        (((x, y), FLAT, {(0, 0, 1): nan}), "skewness[0, 0, 1] (x, x, y) is nan"),
    ],
)
def test_tensors(arguments, message):
    with pytest.raises(InvalidManifold, match=re.escape(message)):
        StatisticalManifold(*arguments)


@pytest.mark.parametrize("coordinates", [(), (x, x), (x, 2), ("x", "y"), {}, (x, sp.Symbol("w"))])
def test_coordinates(coordinates):
    with pytest.raises(InvalidManifold, match="coordinates"):
        StatisticalManifold(coordinates, FLAT)


@pytest.fixture(scope="module")
def plane():
    return StatisticalManifold((u, y), [[1 / y**2, 0], [0, 1 / y**2]])


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        (1j, "alpha = 1j is no real number. Give a real number, or a Symbol"),
        (I, "alpha = I is not a finite real number"),
        (float("nan"), "alpha = nan is not finite"),
        (oo, "alpha = oo is not a finite real number"),
        ("1", "alpha = '1' is no real number"),
        (None, "alpha = None is no real number"),
        (True, "alpha = True is no real number"),
        (u, "alpha = u is a coordinate of the manifold"),
        (2 * v, "alpha = 2*v is an expression in symbols"),
        (sp.Symbol("w", imaginary=True), "alpha = w is declared not real"),
    ],
)
def test_alpha(alpha, message, plane):
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        plane.connection(alpha)


def test_alpha_may_be_a_dummy_named_like_a_coordinate(plane):
    order = sp.Dummy("u", real=True)
    M = StatisticalManifold((u, y), plane.metric, {(0, 0, 0): u * y})
    assert M.connection(order).christoffel_first[0, 0, 0] == -order * u * y / 2


@pytest.mark.parametrize(
    ("mapping", "coordinates", "error", "message"),
    [
        ({u: v}, (v, y), InvalidArgument, "lacks the old coordinate(s) y. Give an expression"),
        ({u: v, y: y, x: v}, (v, y), InvalidArgument, "mapping has x, no coordinate"),
        ({u: v, y: y}, (v,), InvalidArgument, "1 new coordinate(s) for a manifold of dimension 2"),
        ({u: u + v, y: y}, (v, y), InvalidArgument, "contains the old coordinate(s) u"),
        ({u: v, y: sp.exp(v)}, (v, x), InvalidManifold, "singular Jacobian everywhere"),
        ({u: v**2, y: y}, (v, y), InvalidManifold, "different signs at"),
        ({u: v, y: u}, (v, u), InvalidManifold, "leaves the domain"),
        ({u: v, y: nan}, (v, y), InvalidManifold, "mapping[y] is nan"),
    ],
)
def test_maps(mapping, coordinates, error, message, plane):
    with pytest.raises(error, match=re.escape(message)):
        plane.reparametrize(mapping, coordinates)


def test_submanifold_needs_fewer_coordinates(plane):
    with pytest.raises(InvalidArgument, match="Give fewer, or use reparametrize"):
        plane.submanifold({u: u, y: y}, (u, y))


def test_vectors_and_components(plane):
    with pytest.raises(InvalidArgument, match="u has 3 components, the manifold has dimension 2"):
        plane.levi_civita.sectional_curvature((1, 0, 0), (0, 1))
    with pytest.raises(InvalidArgument, match="span no plane"):
        plane.levi_civita.sectional_curvature((1, u), (2, 2 * u))
    tensor = plane.levi_civita.christoffel
    with pytest.raises(InvalidArgument, match="3 integers are needed for shape"):
        tensor[0, 1]
    with pytest.raises(InvalidArgument, match="is no integer"):
        tensor[0, 1, "y"]
    with pytest.raises(IndexError, match="2 is outside the range of size 2"):
        tensor[0, 2, 0]
    with pytest.raises(InvalidArgument, match=r"y has no value\. Give every symbol"):
        tensor.evalf(20, at={u: 1})
    with pytest.raises(InvalidArgument, match="at: y = q is no real number"):
        tensor.evalf(20, at={u: 1, y: sp.Symbol("q")})


def test_as_manifold(plane):
    class Holder:
        def manifold(self):
            return plane

    assert as_manifold(plane) is plane
    assert as_manifold(Holder()) is plane
    for bad in (3, "normal", None, StatisticalManifold):
        with pytest.raises(InvalidArgument, match="expected a StatisticalManifold or a Family"):
            as_manifold(bad)


def test_not_real_constant_is_refused():
    w = sp.Symbol("w", imaginary=True)
    with pytest.raises(InvalidManifold, match="w is declared not real"):
        StatisticalManifold({u: S.Reals, y: Interval(0, 1)}, [[w, 0], [0, 1]])


@pytest.mark.parametrize("bad", ["ab", ["1", "0"], [None, 1], [[1], [0]]])
def test_vectors_are_never_read_from_text(bad: object) -> None:
    coordinates = (sp.Symbol("s", positive=True), sp.Symbol("r", real=True))
    half_plane = StatisticalManifold(coordinates, sp.eye(2))
    with pytest.raises(InvalidArgument, match=r"u\[0\] = .* is no number or sympy expression"):
        half_plane.levi_civita.sectional_curvature(bad, (0, 1))


def test_values_are_never_read_from_text() -> None:
    s = sp.Symbol("s", positive=True)
    M = StatisticalManifold((s,), [[1 / s]], [[[s]]])
    with pytest.raises(InvalidArgument, match="at: s = '1' is no real number"):
        M.skewness.evalf(15, at={s: "1"})
    assert M.skewness.evalf(15, at={s: 0.1})[0, 0, 0] == sp.Float("0.1", 15)


def test_digits_and_points_of_evalf() -> None:
    s = sp.Symbol("s", positive=True)
    M = StatisticalManifold((s,), [[1 / s]], [[[s]]])
    for digits in (0, -3, 2.5, "x", True):
        with pytest.raises(InvalidArgument, match=r"digits: .* is no positive integer"):
            M.skewness.evalf(digits, at={s: 1})
    with pytest.raises(InvalidArgument, match=r"at: expected a mapping Symbol -> number, got 'x'"):
        M.skewness.evalf(10, at="x")
