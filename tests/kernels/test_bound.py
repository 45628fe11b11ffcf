"""Functions with bound arguments and calls by name, against the functions themselves."""

import gc

import numpy as np
import pytest

from statmani.kernels import special
from statmani.kernels.bound import bound
from statmani.kernels.library import SIGNATURES, linked, named, request


@pytest.fixture(scope="module")
def jit():
    numba = pytest.importorskip("numba")
    vector = numba.types.float64[::1]
    field = numba.types.FunctionType(numba.types.void(vector, vector))
    return numba, vector, field


def _call(jit, function, x):
    numba, vector, field = jit

    @numba.njit(numba.types.void(field, vector, vector))
    def call(f, x, out):
        f(x, out)

    out = np.zeros(3)
    call(function, np.array(x), out)
    return out


def test_tables_functions_and_numbers_are_bound(jit):
    numba, vector, field = jit
    types = numba.types

    @numba.njit(types.void(vector, vector))
    def double(x, out):
        out[0] = 2.0 * x[0]

    table = types.int64[:, ::1]
    signature = types.void(
        field, table, vector, types.float64, types.int64[::1], types.int64, vector, vector
    )

    @numba.njit(signature)
    def driver(before, table, row, number, sizes, shift, x, out):
        before(x, out)
        out[0] += number * row[2]
        out[1] = table[1, 2] + 10 * table.shape[0] + 100 * table.shape[1]
        out[2] = sizes[1] + sizes.size + shift

    tables = [np.arange(6).reshape(2, 3), np.array([1.0, 2.0, 3.0]), 0.5, np.array([7, 8]), -4]
    once = bound(driver, [double, *tables])
    twice = bound(driver, [once, *tables])
    # What is bound lives as long as the result.
    del tables, double, driver
    gc.collect()
    assert _call(jit, once, [10.0]).tolist() == [21.5, 325.0, 6.0]
    assert _call(jit, twice, [10.0]).tolist() == [23.0, 325.0, 6.0]


@pytest.mark.parametrize("name", ["trigamma", "polygamma", "polygamma_12", "bessel_ratio_jet"])
def test_linked_functions_are_those_of_python(jit, name):
    numba = jit[0]
    file = "bessel.py" if "bessel" in name else "polygammas.py"
    call = linked(file, name)
    assert linked(file, name) is call
    given = {"polygamma": (4, 0.3), "bessel_ratio_jet": (2, 7.5)}.get(name, (0.3,))

    if len(given) == 1:
        value = numba.njit(lambda a: call(a))(*given)
    else:
        value = numba.njit(lambda a, b: call(a, b))(*given)
    expected = getattr(special, name)(*given)
    assert value == pytest.approx(expected, rel=1e-14)


def test_every_special_function_has_a_signature():
    own = {"log_sum_exp", "softplus"}
    assert {*special.__all__} - own == {*SIGNATURES}
    for name in SIGNATURES:
        file = getattr(special, name).__module__.rpartition(".")[2] + ".py"
        assert request(file, name).exports == ((name, SIGNATURES[name]),)


def test_the_same_name_is_the_same_call(jit):
    numba = jit[0]

    @numba.njit(numba.types.float64(numba.types.float64))
    def half(x):
        return 0.5 * x

    call = named(half)
    assert named(half) is call
    assert numba.njit(lambda x: call(x) + 1.0)(3) == 2.5
