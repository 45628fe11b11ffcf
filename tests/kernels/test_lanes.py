"""Functions of lanes against mpmath, and what a field may contain."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from numba import njit, types
from numba.extending import intrinsic

import statmani as sm
from statmani.kernels.fields import field_source
from statmani.kernels.lane_acceleration import contracted, operations, solved
from statmani.kernels.lane_fields import keeps_digits, lane_fields
from statmani.kernels.lane_functions import FUNCTIONS
from statmani.kernels.lanes import Lane, Lanes

WIDTH = 8
mp = mpmath.MPContext()
mp.dps = 40
BIG = 10.0 ** np.linspace(-8, 8, 161)


def compiled(function):
    """A function of rows of eight doubles, made from one of lanes."""

    @intrinsic
    def row(_, block):
        def build(context, builder, signature, arguments):
            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            lanes = Lanes(builder, WIDTH)
            lanes.store(function(lanes.load(array.data, 0)), array.data, 0)
            return context.get_dummy_value()

        return types.void(block), build

    @njit(types.void(types.float64[:, ::1]))
    def fill(block):
        row(block)

    def call(values):
        padded = np.resize(np.asarray(values, float), (-(-len(values) // WIDTH), WIDTH))
        result = [block.copy() for block in padded]
        for block in result:
            fill(block.reshape(1, WIDTH))
        return np.concatenate(result)[: len(values)]

    return call


def signed(values):
    return np.concatenate([-values[::-1], values])


@pytest.mark.parametrize(
    ("name", "reference", "points", "bound"),
    [
        ("math.exp", mp.exp, signed(10.0 ** np.linspace(-9, 2.84, 120)), 4e-16),
        ("math.exp", mp.exp, np.linspace(-0.35, 0.35, 97), 2.3e-16),
        ("math.expm1", mp.expm1, signed(10.0 ** np.linspace(-12, 2.84, 120)), 6e-16),
        ("math.tanh", mp.tanh, signed(10.0 ** np.linspace(-12, 2, 100)), 1e-15),
        ("math.sinh", mp.sinh, signed(10.0 ** np.linspace(-12, 2.8, 100)), 2e-15),
        ("math.cosh", mp.cosh, signed(10.0 ** np.linspace(-3, 2.8, 100)), 1e-15),
        ("math.log", mp.log, 10.0 ** np.linspace(-300, 300, 401), 3e-16),
        ("math.log", mp.log, 1 + signed(10.0 ** np.linspace(-12, -0.4, 80)), 1e-15),
        ("math.log1p", mp.log1p, 10.0 ** np.linspace(-14, 8, 100), 8e-16),
        ("math.sqrt", mp.sqrt, 10.0 ** np.linspace(-300, 300, 40), 2.3e-16),
        ("digamma", mp.digamma, 10.0 ** np.linspace(0.5, 8, 60), 2e-15),
        ("trigamma", lambda x: mp.psi(1, x), BIG, 1e-15),
        ("tetragamma", lambda x: mp.psi(2, x), BIG, 1.5e-15),
        ("pentagamma", lambda x: mp.psi(3, x), BIG, 2e-15),
        ("trigamma", lambda x: mp.psi(1, x), 10.0 ** np.linspace(10, 150, 40), 1e-15),
        ("tetragamma", lambda x: mp.psi(2, x), 10.0 ** np.linspace(8, 100, 40), 1e-15),
    ],
)
def test_functions(name, reference, points, bound):
    found = compiled(FUNCTIONS[name])(points)
    for x, value in zip(points, found, strict=True):
        exact = reference(mp.mpf(float(x)))
        assert abs(mp.mpf(float(value)) - exact) <= bound * abs(exact), (x, value)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_differences_of_polygammas(order):
    """x tiny beside d, alike, and huge beside it; far out, where nothing is shifted."""
    single = {1: FUNCTIONS["trigamma"], 2: FUNCTIONS["tetragamma"], 3: FUNCTIONS["pentagamma"]}
    value = single[order]
    points = 10.0 ** np.linspace(-7, 9, 33)
    for ratio in (1e-9, 1e-3, 0.4, 3.0, 1e6):

        def fall(x, ratio=ratio):
            d = x * ratio
            y = x + d
            return FUNCTIONS["polygamma_fall"](order, x, y, d, value(x), value(y))

        for x, found in zip(points, compiled(fall)(points), strict=True):
            d = mp.mpf(float(x * ratio))
            exact = mp.psi(order, mp.mpf(float(x))) - mp.psi(order, mp.mpf(float(x)) + d)
            assert abs(mp.mpf(float(found)) - exact) <= 1e-14 * abs(exact), (x, ratio)


def test_ends_of_the_exponential():
    inf, nan = np.inf, np.nan
    found = compiled(FUNCTIONS["math.exp"])([710.0, -800.0, inf, -inf, nan, 0.0, 709.0, -1e300])
    np.testing.assert_array_equal(found[[0, 1, 2, 3, 4, 5, 7]], [inf, 0, inf, 0, nan, 1, 0])
    assert np.isfinite(found[6])
    found = compiled(FUNCTIONS["math.log"])([0.0, -1.0, nan, inf, 1.0])
    np.testing.assert_array_equal(found, [nan, nan, nan, nan, 0.0])


def test_exponentials_of_both_signs_share_their_work():
    points = np.concatenate(
        [signed(10.0 ** np.linspace(-9, 2.849, 90)), np.linspace(-0.4, 0.4, 60)]
    )
    for name, exact in (("math.exp", mp.exp), ("math.expm1", mp.expm1)):
        function = FUNCTIONS[name]
        # The work for x is there when -x is asked for.
        found = compiled(lambda x, f=function: (f(x), f(-x))[1])(points)
        for x, value in zip(points, found, strict=True):
            wanted = exact(-mp.mpf(float(x)))
            assert abs(mp.mpf(float(value)) - wanted) <= 6e-16 * abs(wanted), x
    inf, nan = np.inf, np.nan
    found = compiled(lambda x: (FUNCTIONS["math.exp"](x), FUNCTIONS["math.exp"](-x))[1])(
        [710.0, -800.0, inf, -inf, nan, 0.0, 1e300, -1e300]
    )
    np.testing.assert_array_equal(found, [0, inf, 0, inf, nan, 1, 0, inf])


def test_lanes_do_not_mix():
    call = compiled(FUNCTIONS["trigamma"])
    together = call([3.5, np.nan, np.inf, 1e-300, 7.0, -1.0, 0.0, 2.5])
    for place, x in ((0, 3.5), (4, 7.0), (7, 2.5)):
        assert call([x] * WIDTH)[place] == together[place]


def test_what_a_neighbour_needs_changes_nothing():
    """Differences of polygammas compute closeness only where some lane is close."""
    value = FUNCTIONS["tetragamma"]

    def fall(d: Lane) -> Lane:
        x = d.lanes.constant(2.0)
        y = x + d
        found = FUNCTIONS["polygamma_fall"](2, x, y, d, value(x), value(y))
        # What the skipped code made must not be taken for made.
        return found + FUNCTIONS["polygamma_fall"](2, y, y + d, d, value(y), value(y + d))

    call = compiled(fall)
    points = np.array([3.0, 1e-6, 5.0, 40.0, 1e-3, 7.0, 0.2, 9.0])
    together = call(points)
    for place, d in enumerate(points):
        assert call([d] * WIDTH)[place] == together[place]
        exact = mp.psi(2, 2) - mp.psi(2, 2 + 2 * mp.mpf(float(d)))
        assert abs(mp.mpf(float(together[place])) - exact) <= 2e-14 * abs(exact)


def test_sixteenth_root():
    points = 10.0 ** np.linspace(-30, 30, 241)
    found = compiled(lambda x: x.lanes.sixteenth_root(x))(points)
    np.testing.assert_allclose(found, points ** (-1 / 16), rtol=0.01)
    assert compiled(lambda x: x.lanes.sixteenth_root(x))([0.0])[0] > 1e15


def test_constants_fold_and_powers():
    def function(x: Lane) -> Lane:
        zero = x.lanes.constant(0.0)
        nothing = (x * zero + 0.0) - zero
        assert nothing.number == 0
        assert (x - x).number == 0
        assert (x * 1.0) is x
        return (x**-3 + 2.0 * x**0.5) / (1.0 - x) + nothing

    points = np.array([0.25, 0.5, 2.0, 3.0, 7.0])
    expected = (points**-3.0 + 2 * points**0.5) / (1 - points)
    np.testing.assert_allclose(compiled(function)(points), expected, rtol=1e-15)


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("out[0] = x[0]*x[1] + 2.0", 2),
        ("out[0] = math.exp(x[0])", 30),
        ("out[0] = x[0]**-2", 1),
        ("out[0] = x[0]**1.5", 1),
        ("out[0] = x[0]**0.3", None),
        ("out[0] = besseli(0.0, x[0])", None),
        ("out[0] = (1.0 if x[0] > 0.0 else 2.0)", None),
    ],
)
def test_what_has_straight_code(line, count):
    assert operations(f"def field(x, out):\n    {line}\n") == count


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["a = math.exp(x[0])", "out[0] = 1.0 + 2.0*a/3.0"], True),
        (["a = math.exp(x[0])", "out[0] = (-1.0) - 2.0*a"], True),
        (["a = math.exp(x[0])", "out[0] = 1.0 - a"], False),
        (["a = math.exp(x[0])", "b = -a", "out[0] = a + b*a"], False),
        (["out[0] = 1.0 + x[0]"], False),
        (["a = x[0]", "out[0] = 1.0 + a*a"], True),
        (["a = x[0]", "out[0] = 1.0 + a**3"], False),
        (["a = x[0]", "out[0] = 1.0 + a**4"], True),
        (["a = 3.1415926 + (-1.0)", "out[0] = a*x[0]"], True),
        (["a = math.expm1(x[0])", "out[0] = a*a + 1.0"], True),
        (["a = math.expm1(x[0] - x[1])", "out[0] = a + 1.0"], False),
        (["a = math.exp(x[0])", "out[0] = trigamma(1.0 + a) + a"], True),
        (["a = math.exp(x[0])", "out[0] = trigamma(1.0 - a)"], False),
        (["out[0] = math.log(x[0])"], False),
    ],
)
def test_what_cannot_cancel(lines, kept):
    assert keeps_digits("def f(x, out):\n" + "".join(f"    {line}\n" for line in lines)) is kept


@pytest.mark.parametrize("name", ["normal", "inverse_gaussian", "bivariate_normal", "logistic"])
@pytest.mark.parametrize("alpha", [None, 0.7])
def test_contracted_and_solved_accelerations_agree(name, alpha):
    manifold = getattr(sm.families, name)().manifold()
    n = manifold.dim
    _, symbols = lane_fields(manifold, alpha is None)
    assert symbols
    field = field_source(manifold, 1, True)

    def along(line: Lane, solve: bool) -> Lane:
        x = [0.3 * line + 0.1 * i for i in range(n)]
        v = [0.5 * line - 0.7 * i + 0.2 for i in range(n)]
        a = None if alpha is None else line.lanes.constant(alpha)
        found = solved(field, x, v, a)[0] if solve else contracted(symbols, x, v, a)
        total = line.lanes.constant(0.0)
        for k, component in enumerate(found):
            total = total + (1 + k) ** 0.5 * component
        return total

    points = np.linspace(-2, 2, WIDTH)
    first, second = (compiled(lambda x, s=s: along(x, s))(points) for s in (False, True))
    np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12)
    assert np.ptp(first) > 1e-3
