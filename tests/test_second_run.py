"""A second report comes from the caches: nothing is derived and nothing is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from numba.core import event
from statmani.cli import main
from statmani.expectation import store

derived = []
original = store.derive
store.derive = lambda *a, **k: derived.append(1) or original(*a, **k)
with event.install_recorder("numba:compile") as recorder:
    status = main(["report", "weibull", "--force", "--quiet"])
starts = [e for _, e in recorder.buffer if e.is_start]
print(status, len(derived), len(starts))
"""


@pytest.mark.slow
def test_the_second_report_neither_derives_nor_compiles(tmp_path: Path) -> None:
    environment = {**os.environ, "STATMANI_CACHE_DIR": str(tmp_path / "cache")}
    counts, files = [], []
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env=environment,
        )
        counts.append([int(number) for number in result.stdout.split()])
        text = (tmp_path / "weibull.tex").read_text()
        files.append([line for line in text.splitlines() if "loaded from the cache" not in line])
    (status, derived, compilations), second = counts
    assert (status, derived) == (0, 1)
    assert compilations > 0
    assert second == [0, 0, 0]
    # The note about the cache adds a line break to the line before it.
    strip = [[line.removesuffix("\\\\") for line in lines] for lines in files]
    assert strip[0] == strip[1]
