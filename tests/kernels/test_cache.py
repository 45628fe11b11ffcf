"""The kernel cache: second processes, edits, damage, no writable folder, concurrency."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import statmani.kernels.cache as cache

PROGRAM = """
import sys
from statmani.kernels.cache import load
body = "def f(x, out):\\n    out[0] = trigamma(x[0])\\n"
module = load("test", ("special.py",), lambda: body, [("f", "types.void(VECTOR, VECTOR)")])
import numpy as np
out = np.empty(1)
module.f(np.array([1.0]), out)
print(repr(float(out[0])), sum(module.f.stats.cache_hits.values()),
      sum(module.f.stats.cache_misses.values()))
"""
TRIGAMMA_ONE = 1.6449340668482264


def _environment(folder):
    environment = dict(os.environ, STATMANI_CACHE_DIR=str(folder))
    environment.pop("NUMBA_CACHE_DIR", None)
    return environment


def _run(folder, path=None):
    environment = _environment(folder)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=path,  # the current folder comes first on the path of "python -c"
        capture_output=True,
        text=True,
        check=True,
    )
    value, hits, misses = done.stdout.split()
    assert "Warning" not in done.stderr
    return float(value), int(hits), int(misses)


def test_second_process_compiles_nothing_and_damage_is_survived(tmp_path):
    assert _run(tmp_path) == (pytest.approx(TRIGAMMA_ONE, rel=1e-15), 0, 1)
    assert _run(tmp_path)[1:] == (1, 0)
    files = [p for p in tmp_path.rglob("statmani_kernel_*") if p.is_file()]
    assert {p.suffix for p in files} == {".py", ".json", ".nbi", ".nbc"}
    for path in files:
        path.write_bytes(path.read_bytes()[:40])
    value, hits, misses = _run(tmp_path)
    assert (hits, misses) == (0, 1)
    assert value == pytest.approx(TRIGAMMA_ONE, rel=1e-15)
    assert _run(tmp_path)[1:] == (1, 0)


def test_stored_code_is_read_without_what_compiling_needs(tmp_path):
    after = """
print("numba.np.linalg" in sys.modules)
from numba import njit
print(njit(lambda a, b: np.dot(a, b))(np.ones(3), np.ones(3)))
"""
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM + after],
            env=_environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(done.stdout.splitlines()[1:])
    # A user's own function, compiled later in the same process, finds all of numba.
    assert found == [["True", "3.0"], ["False", "3.0"]]


def test_flipped_machine_code_is_not_run(tmp_path):
    _run(tmp_path)
    codes = list(tmp_path.rglob("*.nbc"))
    # The kernel's own and that of the special function that it calls.
    assert len(codes) == 2
    for code in codes:
        content = bytearray(code.read_bytes())
        for at in range(len(content) // 2, len(content) // 2 + 64):
            content[at] ^= 0xFF
        code.write_bytes(bytes(content))
    value, hits, misses = _run(tmp_path)
    assert (hits, misses) == (0, 1)
    assert value == pytest.approx(TRIGAMMA_ONE, rel=1e-15)


def test_edited_intrinsic_changes_the_result(tmp_path):
    """A copy of the package with another trigamma shares the cache folder."""
    _run(tmp_path / "cache")
    package = Path(cache.__file__).parents[1]
    copy = tmp_path / "edited" / "statmani"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    polygammas = copy / "kernels" / "polygammas.py"
    text = polygammas.read_text("utf-8")
    old = "return i * (1.0 + 0.5 * i + _tail_1(r)) + low\n"
    assert text.count(old) == 1
    polygammas.write_text(text.replace(old, "return 100.0 + low\n"), "utf-8")
    value, hits, misses = _run(tmp_path / "cache", tmp_path / "edited")
    assert value > 100.0
    assert (hits, misses) == (0, 1)


def test_any_file_of_the_package_changes_the_name(tmp_path, monkeypatch):
    before = cache.module_name("request")
    assert before == cache.module_name("request") != cache.module_name("other request")
    copy = tmp_path / "contract.py"
    files = cache._package_files()
    text = (Path(cache.__file__).parent / "contract.py").read_text("utf-8")
    copy.write_text(text + "# edited\n", "utf-8")
    replaced = [copy if p.name == "contract.py" else p for p in files]
    monkeypatch.setattr(cache, "_package_files", lambda: replaced)
    assert cache.module_name("request") != before


def test_without_writable_folder_everything_is_in_memory(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    value, hits, _ = _run(blocked)
    assert value == pytest.approx(TRIGAMMA_ONE, rel=1e-15)
    assert hits == 0
    assert blocked.read_text() == "no folder"


def test_eight_processes_at_once_agree(tmp_path):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env=_environment(tmp_path),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for process in started:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert float(out.split()[0]) == pytest.approx(TRIGAMMA_ONE, rel=1e-15)
    assert _run(tmp_path)[1:] == (1, 0)


@pytest.mark.parametrize("changed", ["numba", "llvmlite", "numpy"])
def test_other_versions_of_libraries_change_the_name(changed, monkeypatch):
    from importlib import metadata

    before = cache.module_name("request")
    original = metadata.version
    monkeypatch.setattr(
        metadata, "version", lambda name: "0.0.1" if name == changed else original(name)
    )
    cache._platform_key.cache_clear()
    try:
        assert cache.module_name("request") != before
    finally:
        cache._platform_key.cache_clear()


@pytest.mark.slow
def test_another_version_of_the_package_has_another_folder(tmp_path, monkeypatch):
    _run(tmp_path)
    program = PROGRAM.replace(
        "import sys\n", "import sys, statmani\nstatmani.__version__ = '9.9'\n", 1
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split()[1:] == ["0", "1"]
    assert {p.name for p in (tmp_path / "statmani-cache").iterdir()} >= {"9.9"}


def test_rules_of_derivation_change_the_name(monkeypatch, tmp_path):
    """What a kernel computes also depends on the algebra that made its source."""
    before = cache.module_name("request")
    names = {p.name for p in cache._package_files()}
    assert {"derivatives.py", "ring.py", "chart.py", "domain.py"} <= names
    copy = tmp_path / "derivatives.py"
    original = Path(cache.__file__).parents[1] / "derivatives.py"
    copy.write_text(original.read_text("utf-8") + "# edited\n", "utf-8")
    files = [copy if p == original else p for p in cache._package_files()]
    monkeypatch.setattr(cache, "_package_files", lambda: files)
    assert cache.module_name("request") != before


@pytest.mark.slow
def test_a_cleared_cache_is_filled_again(tmp_path):
    _run(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "statmani", "cache", "clear"],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "removed" in done.stdout
    assert not [p for p in tmp_path.rglob("statmani_kernel_*") if p.is_file()]
    assert _run(tmp_path)[1:] == (0, 1)


def test_a_folder_without_permission_to_write(tmp_path):
    """As root every folder can be written, so the home is a folder that cannot hold files."""
    environment = _environment(tmp_path)
    for name in ("STATMANI_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        environment.pop(name, None)
    environment["HOME"] = "/proc/1" if Path("/proc/1").exists() else os.devnull
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True
    )
    assert float(done.stdout.split()[0]) == pytest.approx(TRIGAMMA_ONE, rel=1e-15)
