"""Files that statmani keeps for itself: one cache folder, written atomically.

No other module asks where files go. The folder is a cache in the strict sense: it may be deleted
at any time, by anybody, and only costs time. It carries a ``CACHEDIR.TAG``, so that backup tools
skip it and :func:`clear_cache` can tell a folder of statmani's from one that is not.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "CacheUsage",
    "cache_directory",
    "cache_root",
    "cache_usage",
    "clear_cache",
    "write_atomic",
]

_FOLDER = "statmani-cache"
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This folder is a cache of statmani; it may be deleted at any time.\n"
)
_REPLACE_ATTEMPTS = 8


class CacheUsage(NamedTuple):
    """Number of files and of bytes in the cache.

    Examples
    --------
    >>> from statmani.storage import CacheUsage
    >>> print(CacheUsage(files=3, size=2048))
    3 files, 2.0 kB
    """

    files: int
    size: int

    def __str__(self) -> str:
        noun = "file" if self.files == 1 else "files"
        return f"{self.files} {noun}, {self.size / 1024:.1f} kB"


@lru_cache(maxsize=1)
def _version() -> str:
    # Not from the distribution's metadata: importing their reader takes longer than a load.
    return str(vars(sys.modules["statmani"])["__version__"])


def cache_root() -> Path | None:
    """Return the folder that holds the caches of all versions, whether it exists or not.

    The parent is the first that is set of the environment variables ``STATMANI_CACHE_DIR``,
    ``XDG_CACHE_HOME`` and ``LOCALAPPDATA``, else ``.cache`` in the home folder.

    Returns
    -------
    pathlib.Path or None
        None when there is not even a home folder.

    Examples
    --------
    >>> from statmani.storage import cache_root
    >>> cache_root().name
    'statmani-cache'
    """
    for variable in ("STATMANI_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        value = os.environ.get(variable, "")
        if value:
            return Path(value).absolute() / _FOLDER
    try:
        return Path.home() / ".cache" / _FOLDER
    except RuntimeError:
        return None


def cache_directory() -> Path | None:
    """Return the existing, writable cache folder of this version of statmani.

    The environment is read at every call, so a change of ``STATMANI_CACHE_DIR`` acts at once.
    There is no fallback to a folder that others can write to, because compiled kernels are
    loaded from here.

    Returns
    -------
    pathlib.Path or None
        None when the folder cannot be created or written; callers then work without a cache.

    Examples
    --------
    >>> from statmani.storage import cache_directory
    >>> folder = cache_directory()
    >>> folder is None or folder.is_dir()
    True
    """
    root = cache_root()
    if root is None:
        return None
    folder = root / _version()
    try:
        if not (root / _TAG).is_file():
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(root / _TAG, _TAG_TEXT)
        folder.mkdir(mode=0o700, exist_ok=True)
        probe = folder / _temporary_name("probe")
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError:
        return None
    return folder


def _temporary_name(name: str) -> str:
    return f".{name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"


def write_atomic(path: str | Path, data: bytes | str) -> None:
    """Write a file so that every reader sees the old or the new content, never a part.

    Parameters
    ----------
    path : path-like
        The file; its folder must exist. An existing file is replaced.
    data : bytes or str
        The content; text is encoded as UTF-8 with the line ends as given.

    Raises
    ------
    OSError
        The folder does not exist or is not writable, or the disk is full.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from statmani.storage import write_atomic
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomic(pathlib.Path(folder) / "a.txt", "alpha")
    ...     (pathlib.Path(folder) / "a.txt").read_text()
    'alpha'
    """
    target = Path(path)
    content = data.encode("utf-8") if isinstance(data, str) else data
    temporary = target.with_name(_temporary_name(target.name))
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
        _replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _replace(source: Path, target: Path) -> None:
    # Where open files are locked, a reader in another process makes a replacement fail for the
    # few microseconds of its read.
    for attempt in range(_REPLACE_ATTEMPTS):
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if attempt == _REPLACE_ATTEMPTS - 1:
                raise
            time.sleep(0.002 * 2**attempt)


def cache_usage() -> CacheUsage:
    """Count the files and bytes that the caches of all versions hold.

    Examples
    --------
    >>> from statmani.storage import cache_usage
    >>> cache_usage().files >= 0
    True
    """
    root = cache_root()
    if root is None or not (root / _TAG).is_file():
        return CacheUsage(0, 0)
    files = size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            if Path(folder) == root and name == _TAG:
                continue
            try:
                size += (Path(folder) / name).stat().st_size
            except FileNotFoundError:
                continue
            files += 1
    return CacheUsage(files, size)


def clear_cache() -> CacheUsage:
    """Delete the caches of all versions and return what was freed.

    Other processes may go on using the cache meanwhile: what they miss, they compute again. Only
    a folder with statmani's own tag is deleted.

    Returns
    -------
    CacheUsage
        Files and bytes that are gone. A file that another process holds open, where that
        forbids its deletion, is left and not counted.

    Examples
    --------
    >>> import os, tempfile
    >>> from unittest import mock
    >>> from statmani.storage import cache_directory, clear_cache, write_atomic
    >>> with (
    ...     tempfile.TemporaryDirectory() as folder,
    ...     mock.patch.dict(os.environ, STATMANI_CACHE_DIR=folder),
    ... ):
    ...     write_atomic(cache_directory() / "a.json", "{}")
    ...     clear_cache().files
    1
    """
    root = cache_root()
    before = cache_usage()
    if root is None or not (root / _TAG).is_file():
        return before
    for entry in root.iterdir():
        if entry.name == _TAG:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
    after = cache_usage()
    return CacheUsage(before.files - after.files, before.size - after.size)
