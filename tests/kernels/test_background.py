"""The first geodesic of an installation, and what families compile after it."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

PROGRAM = """
from numba.core import event
import statmani as sm
from statmani.kernels.background import _OTHERS, _known
from statmani.kernels.cache import is_stored
from statmani.kernels.compiled import REQUESTS

class Names(event.Listener):
    found = set()
    def on_start(self, e):
        self.found.add(e.data["dispatcher"].py_func.__name__)
    def on_end(self, e):
        pass

names = Names()
path = sm.geodesic(sm.families.normal(), [0.0, 1.0], [1.0, 0.0])
print(path(1.0)[0], all(is_stored(_known(name)) for name in (*_OTHERS, "initial")))
event.register("numba:compile", names)
for family in (sm.families.beta(), sm.families.gamma(), sm.families.inverse_gaussian()):
    sm.geodesic(family, [1.5, 2.0], [0.2, 0.1])
print(*sorted(names.found))
"""


def test_families_compile_their_own_tensors_only(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=dict(os.environ, STATMANI_CACHE_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    place, stored = first.split()
    # sqrt(2) tanh(1 / sqrt(2))
    assert float(place) == pytest.approx(0.8610571715805477, rel=1e-9)
    assert stored == "True"
    assert set(second.split()) <= {"advance", "chart", "field", "inverse"}
