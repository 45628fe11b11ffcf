"""Importing statmani is cheap: what is heavy loads when it is first needed."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("numba", "llvmlite", "scipy.special", "scipy.stats", "sympy.stats", "matplotlib", "flint")


def test_heavy_packages_are_not_imported() -> None:
    # sympy itself imports flint when it uses it for its ground types.
    program = (
        "import sys, sympy, numpy\n"
        "before = set(sys.modules)\n"
        "import statmani\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])\n"
        "statmani.families.names()\n"
        "statmani.Circle\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.split("\n")[:2] == ["[]", "[]"]


def test_the_typed_marker_and_the_public_names_are_there() -> None:
    from importlib.resources import files

    import statmani

    assert files("statmani").joinpath("py.typed").is_file()
    missing = [name for name in statmani.__all__ if getattr(statmani, name, None) is None]
    assert missing == []
