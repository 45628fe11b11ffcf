"""Independent repetitions: tensors, densities, samples, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sympy as sp

import statmani as sm

N = sp.Symbol("n")


@pytest.mark.parametrize("make", [sm.families.normal, sm.families.weibull, sm.families.zip])
def test_tensors_are_multiplied(make) -> None:
    one = make()
    M = one.manifold()
    for count in (N, 3):
        many = one.iid(count).manifold()
        assert (many.metric - count * M.metric).applyfunc(sp.simplify).is_zero_matrix
        for i, j, k in np.ndindex(M.dim, M.dim, M.dim):
            assert sp.simplify(many.skewness[i, j, k] - count * M.skewness[i, j, k]) == 0


def test_a_product_has_the_score_covariance_of_its_own_density() -> None:
    """g of the written-out product straight from its density, by the finite sum."""
    sp.Symbol("p")
    family = sm.families.bernoulli().iid(3)
    (_p,) = family.parameters
    weights = [
        (sp.exp(family.log_density).subs(dict(zip(family.sample, x, strict=False))),
         family.score[0].subs(dict(zip(family.sample, x, strict=False))))
        for x in np.ndindex(2, 2, 2)
    ]  # fmt: skip
    direct = sum(w * s**2 for w, s in weights)
    assert sp.simplify(direct - family.manifold().metric[0, 0]) == 0


def test_density_and_samples_of_a_product() -> None:
    one, three = sm.families.gamma(), sm.families.gamma().iid(3)
    data = np.array([[0.5, 1.0, 2.0], [1.5, 0.1, 0.7]])
    expected = one.log_density_at([2.0, 1.5], data.ravel()).reshape(2, 3).sum(axis=1)
    assert np.allclose(three.log_density_at([2.0, 1.5], data), expected, rtol=1e-14)
    drawn = three.rvs([2.0, 1.5], 5, rng=3)
    assert drawn.shape == (5, 3)
    assert drawn.ravel().tobytes() == one.rvs([2.0, 1.5], 15, rng=3).tobytes()
    assert three.expect(sum(three.sample)) == 3 * one.expect(one.sample[0])


def test_symbolic_count_gets_its_value_by_fix() -> None:
    family = sm.families.poisson().iid(N)
    assert family.constants == (N,)
    assert family.fix({N: 4}) == sm.families.poisson().iid(4)
    assert family.fix({N: 1}) == sm.families.poisson()
    assert family.iid(3).manifold().metric[0, 0] == 3 * N / family.parameters[0]
    assert sm.families.poisson().iid(2).iid(3) == sm.families.poisson().iid(6)
    assert pickle.loads(pickle.dumps(family)) == family
    assert sm.families.poisson().iid(sp.Symbol("m")) != sm.families.poisson()


def test_what_needs_a_value_says_so() -> None:
    family = sm.families.poisson().iid(N)
    for call in (
        lambda: family.rvs([1.0], 3, rng=1),
        lambda: family.log_density_at([1.0], [1]),
        lambda: sm.cramer_rao(family, [1.0], n=5, replications=50, seed=1),
        lambda: family.log_density,
        lambda: family.score,
    ):
        with pytest.raises(sm.InvalidArgument, match=r"n .*(have no value|has no value).*fix"):
            call()


@pytest.mark.parametrize(
    ("n", "message"),
    [
        (0, "n must be an integer of at least 1 or a Symbol, got 0"),
        (2.0, "n must be an integer .* got 2.0"),
        (True, "n must be an integer .* got True"),
        (10**6, "too many to be written out.*symbolic n"),
        (sp.Symbol("lam"), "the symbol lam is used by the family already"),
        (sp.Symbol("n", negative=True), "cannot be a positive integer"),
    ],
)
def test_bad_counts(n: object, message: str) -> None:
    with pytest.raises(sm.InvalidArgument, match=message):
        sm.families.poisson().iid(n)


def test_integers_of_numpy_count_observations() -> None:
    one = sm.families.normal()
    assert one.iid(np.int64(3)).manifold().metric == 3 * one.manifold().metric
