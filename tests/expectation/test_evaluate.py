"""Numbers of compiled expressions, and what a first derivation loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.special
import sympy as sp

import statmani as sm
from statmani.expectation.evaluate import Program

ROOT = Path(sm.__file__).parent.parent


@pytest.mark.parametrize("copies", [1, 1000])
def test_log_gamma_of_few_and_of_many_arguments(copies: int) -> None:
    x = sp.Symbol("x")
    places = np.tile([1e-300, 1e-8, 0.5, 3.0, 171.5, 1e9, 1e307, np.inf, 0.0, -1.0, -2.5], copies)
    (found,) = Program([sp.loggamma(x)], [x]).arrays({}, [places])
    np.testing.assert_allclose(found, scipy.special.gammaln(places), rtol=4e-15, atol=1e-15)


def test_a_closed_family_loads_no_search_and_no_scipy(tmp_path: Path) -> None:
    script = (
        "import sys, statmani as sm\n"
        "M = sm.families.poisson().manifold()\n"
        "print(M.metric[0, 0], *sorted(sys.modules))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "STATMANI_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    metric, *loaded = done.stdout.split()
    assert metric == str(sm.families.poisson().manifold().metric[0, 0])
    names = {"scipy", "statmani.expectation.engine", "statmani.expectation.panels"}
    assert not names & set(loaded)
