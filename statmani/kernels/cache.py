"""Generated modules: written once, compiled once, found again by every later process.

A module's name is a hash of its content or request, of every file that decides what it computes,
and of the versions of Python, numba, llvmlite and of the processor, because numba itself does not
notice edits in functions that a cached function calls. The file is written atomically, verified
by its own checksum, and imported by path under its name. Damaged machine code is found by
checksums that lie beside it. Without a writable cache folder everything is compiled in memory.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib.machinery
import importlib.util
import json
import os
import pickle
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import final

from statmani.storage import cache_directory, write_atomic

__all__ = ["Request", "expect", "fingerprint", "fulfil", "is_stored", "load", "module_name"]

_LOCK = threading.RLock()
_LOADED: dict[str, ModuleType] = {}
_EXPECTED: dict[str, Callable[[], bool]] = {}
_DAMAGED = (EOFError, pickle.UnpicklingError, OSError)
# What this file imports is not copied.
_SPECIAL = "special.py"
_HEADER = """import math
import numpy as np
from numba import njit, types
from statmani.kernels.library import linked, named
from statmani.kernels.stored import stored
VECTOR = types.float64[::1]
ROWS = types.float64[:, ::1]
BLOCK = types.float64[:, :, ::1]
FIELD = types.FunctionType(types.void(VECTOR, VECTOR))
"""


def _package_files() -> list[Path]:
    # Kernels, and what makes the expressions that they compute.
    package = Path(__file__).parents[1]
    folders = ("algebra", "geometry", "kernels")
    found = [path for name in folders for path in (package / name).glob("*.py")]
    found += [package / f"{name}.py" for name in ("constraints", "derivatives", "domain", "zeta")]
    return sorted(found)


@lru_cache(maxsize=1024)
def _file_digest(path: Path, changed: int, size: int) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


@lru_cache(maxsize=1)
def _platform_key() -> str:
    from importlib.metadata import version

    from llvmlite import binding

    features = binding.get_host_cpu_features().flatten()
    parts = (
        platform.python_implementation(),
        platform.python_version(),
        version("numba"),
        version("llvmlite"),
        version("numpy"),
        binding.get_host_cpu_name(),
        features,
        sys.platform,
    )
    return "\n".join(parts)


def fingerprint() -> str:
    """Hash of everything but the request that decides what machine code comes out."""
    digest = hashlib.sha256(_platform_key().encode())
    for path in _package_files():
        known = path.stat()
        digest.update(path.name.encode() + b"\0")
        digest.update(_file_digest(path, known.st_mtime_ns, known.st_size))
    return digest.hexdigest()


def module_name(request: str) -> str:
    """Name of the generated module for a request."""
    digest = hashlib.sha256((fingerprint() + "\n" + request).encode()).hexdigest()
    return f"statmani_kernel_{digest[:40]}"


def _is_left_out(node: ast.stmt) -> bool:
    # Docstrings, exports, and imports of what is copied as well.
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("statmani"):
        return True
    return isinstance(node, ast.Assign) and _bound(node) == {"__all__"}


def _bound(node: ast.stmt) -> set[str]:
    """Names that a statement of a module binds, or fills in place; none for imports."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Subscript) and isinstance(inner.ctx, ast.Store):
            inner = inner.value
        elif not (isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)):
            continue
        if isinstance(inner, ast.Name):
            found.add(inner.id)
    return found


def _links(file: str, imported: ast.ImportFrom) -> list[ast.stmt]:
    """Statements that bind special functions, which are compiled apart."""
    lines = (f"{alias.name} = linked({file!r}, {alias.name!r})" for alias in imported.names)
    return ast.parse("\n".join(lines)).body


def _statements(files: Sequence[str], seen: set[str]) -> list[ast.stmt]:
    """Statements of files of this package, after those of files that they import from."""
    result: list[ast.stmt] = []
    for name in files:
        if name in seen:
            continue
        seen.add(name)
        tree = ast.parse((Path(__file__).parent / name).read_text("utf-8"))
        for node in tree.body:
            package, _, module = (getattr(node, "module", None) or "").rpartition(".")
            if isinstance(node, ast.ImportFrom) and package == "statmani.kernels":
                if name == _SPECIAL:
                    result += _links(f"{module}.py", node)
                else:
                    result += _statements([f"{module}.py"], seen)
        result += [node for node in tree.body if not _is_left_out(node)]
    return result


def _needed(statements: list[ast.stmt], body: str, exported: set[str]) -> list[ast.stmt]:
    """What generated code uses of copied statements, in order."""
    uses: dict[str, set[str]] = {}
    for node in statements:
        names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for name in _bound(node):
            uses.setdefault(name, set()).update(names)
    reached = set(exported)
    waiting = [n.id for n in ast.walk(ast.parse(body)) if isinstance(n, ast.Name)] + [*exported]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting += uses.pop(name, set())
    return [node for node in statements if not _bound(node) or _bound(node) & reached]


def _text(request: Request, cached: bool) -> str:
    body = request.body()
    exported = {name for name, _ in request.exports}
    copied = _needed(_statements(request.files, set()), body, exported)
    parts = [_HEADER, ast.unparse(ast.Module(body=copied, type_ignores=[])), body]
    options = 'error_model="numpy", nogil=True'
    apart = [name for name, _ in request.apart]
    for node in copied:
        if isinstance(node, ast.FunctionDef) and node.name not in {*exported, *apart}:
            parts.append(f"{node.name} = njit({options})({node.name})")
    compiler = "stored" if cached else "njit"
    for name, signature in request.apart:
        parts.append(f"{name} = named({compiler}({signature}, {options})({name}))")
    for name, signature in request.exports:
        parts.append(f"{name} = {compiler}({signature}, {options})({name})")
    text = "\n".join(parts) + "\n"
    return f"# {hashlib.sha256(text.encode()).hexdigest()}\n{text}"


class _Loader(importlib.machinery.SourceFileLoader):
    """Reads verified text, never a byte-code file that may be damaged."""

    def __init__(self, fullname: str, path: str, text: str) -> None:
        super().__init__(fullname, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._text.encode(), self.path)

    def get_source(self, fullname: str) -> str:
        return self._text


def _verified(path: Path) -> str | None:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    first, _, rest = text.partition("\n")
    if first != f"# {hashlib.sha256(rest.encode()).hexdigest()}":
        return None
    return text


def _execute(name: str, path: str, text: str) -> ModuleType:
    loader = _Loader(name, path, text)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"no import specification for the generated module {name}")
    module = importlib.util.module_from_spec(spec)
    # numba pickles references by module name, so the name must resolve during execution.
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _machine_code(folder: Path, name: str) -> list[Path]:
    # Folders of thousands of files are usual, and patterns of pathlib take long there.
    found = sorted(file for file in os.listdir(folder) if file.startswith(f"{name}."))
    return [folder / file for file in found if file.endswith((".nbi", ".nbc"))]


def _checksums(folder: Path, name: str) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _machine_code(folder, name)
    }


def _discard(folder: Path, name: str) -> None:
    for path in _machine_code(folder, name):
        path.unlink(missing_ok=True)


def _verify_machine_code(folder: Path, name: str, manifest: Path) -> bool:
    """Whether compiled code is there and undamaged; damaged code is removed."""
    try:
        expected = json.loads(manifest.read_text("utf-8"))
        present = _checksums(folder, name)
    except (OSError, ValueError):
        expected, present = None, {}
    if expected is not None and expected == present and present:
        return True
    with contextlib.suppress(OSError):
        _discard(folder, name)
    return False


def _say(notice: str) -> None:
    if notice and sys.stderr is not None and sys.stderr.isatty():
        print(notice, file=sys.stderr, flush=True)


@final
@dataclass(frozen=True)
class Request:
    """A module to be had.

    Attributes
    ----------
    content : str
        Identifies what `body` would return.
    files : tuple of str
        Files of this package to copy in front, in order.
    exports : tuple of (name, signature)
        Functions compiled at once for a numba signature, given as source.
    body : callable
        Returns the generated source; called only when no valid file exists.
    notice : str
        Line for the terminal when compilation is needed.
    apart : tuple of (name, signature)
        Copied functions that others only call: each is optimised once, not again in its callers.
    """

    content: str
    files: tuple[str, ...]
    exports: tuple[tuple[str, str], ...]
    body: Callable[[], str] = str
    notice: str = ""
    apart: tuple[tuple[str, str], ...] = ()

    @cached_property
    def name(self) -> str:
        """Name of the generated module."""
        exported = (f"{name}{signature}" for name, signature in (*self.exports, *self.apart))
        return module_name("\n".join((self.content, *self.files, *exported)))


def load(
    content: str,
    files: Sequence[str],
    body: Callable[[], str],
    exports: Sequence[tuple[str, str]],
    notice: str = "",
) -> ModuleType:
    """The compiled module of a :class:`Request`, from memory, from disk, or freshly made."""
    return fulfil(Request(content, tuple(files), tuple(exports), body, notice))


def fulfil(request: Request) -> ModuleType:
    """The compiled module of a request, from memory, from disk, or freshly made."""
    name = request.name
    with _LOCK:
        if name in _LOADED:
            return _LOADED[name]
        _await(name)
        module = _from_disk(request)
        if module is None:
            _say(request.notice)
            text = _text(request, cached=False)
            module = _execute(name, f"<{name}>", text)
        _LOADED[name] = module
        return module


def _manifest(name: str) -> Path | None:
    root = cache_directory()
    return None if root is None else root / "kernels" / f"{name}.json"


def is_stored(request: Request) -> bool:
    """Whether compiled code seems to be there; only loading verifies it."""
    manifest = _manifest(request.name)
    return manifest is not None and manifest.exists()


def expect(request: Request, alive: Callable[[], bool]) -> None:
    """Let :func:`load` wait for a module that another process makes, as long as it is alive."""
    _EXPECTED[request.name] = alive


def _await(name: str) -> None:
    alive = _EXPECTED.pop(name, None)
    manifest = _manifest(name)
    while alive is not None and manifest is not None and not manifest.exists() and alive():
        time.sleep(0.02)


def _from_disk(request: Request) -> ModuleType | None:
    name = request.name
    manifest = _manifest(name)
    if manifest is None:
        return None
    folder = manifest.parent
    path = folder / f"{name}.py"
    compiled = folder / "__pycache__"
    try:
        compiled.mkdir(parents=True, exist_ok=True)
        text = _verified(path)
        if text is None:
            text = _text(request, cached=True)
            write_atomic(path, text)
    except OSError:
        return None
    if not _verify_machine_code(compiled, name, manifest):
        _say(request.notice)
    try:
        module = _execute(name, str(path), text)
    except _DAMAGED:
        # Another process may have left a damaged file; once more without any.
        try:
            _discard(compiled, name)
            module = _execute(name, str(path), text)
        except _DAMAGED:
            return None
    try:
        sums = json.dumps(_checksums(compiled, name), sort_keys=True)
        if not manifest.exists() or manifest.read_text("utf-8") != sums:
            write_atomic(manifest, sums)
    except OSError:
        pass
    return module
