"""The cache folder: where it is, atomic writes, many processes, deletion."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from statmani.storage import (
    cache_directory,
    cache_root,
    cache_usage,
    clear_cache,
    write_atomic,
)


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_variable_is_honoured_and_versions_are_apart(base: Path) -> None:
    folder = cache_directory()
    assert folder is not None and folder.is_dir()
    assert folder.parent == base / "statmani-cache"
    assert list(folder.iterdir()) == []


def test_the_order_of_the_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("STATMANI_CACHE_DIR", raising=False)
    assert cache_root() == tmp_path / "local" / "statmani-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "statmani-cache"
    monkeypatch.setenv("STATMANI_CACHE_DIR", "")
    assert cache_root() == tmp_path / "xdg" / "statmani-cache"
    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own" / "statmani-cache"


def test_an_unusable_folder_means_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("STATMANI_CACHE_DIR", str(tmp_path / "file"))
    assert cache_directory() is None
    assert tuple(clear_cache()) == (0, 0)


def test_a_failed_write_leaves_the_old_content_and_no_rubbish(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = cache_directory()
    assert folder is not None
    write_atomic(folder / "a.json", "old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        write_atomic(folder / "a.json", b"new")
    assert [path.name for path in folder.iterdir()] == ["a.json"]
    assert (folder / "a.json").read_text() == "old"


def test_a_locked_target_is_tried_again(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cache_directory()
    assert folder is not None
    failures = iter([PermissionError(), PermissionError()])
    replace = os.replace

    def sometimes(source: Path, target: Path) -> None:
        for failure in failures:
            raise failure
        replace(source, target)

    monkeypatch.setattr(os, "replace", sometimes)
    write_atomic(folder / "a.json", "text")
    assert (folder / "a.json").read_text() == "text"


def test_readers_never_see_a_part(base: Path) -> None:
    folder = cache_directory()
    assert folder is not None
    target = folder / "a.bin"
    contents = [bytes([65 + n]) * 200_000 for n in range(4)]
    write_atomic(target, contents[0])

    def write(content: bytes) -> None:
        for _ in range(20):
            write_atomic(target, content)

    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(write, content) for content in contents]
        while not all(job.done() for job in jobs):
            assert target.read_bytes() in contents
        for job in jobs:
            job.result()


def test_processes_can_start_on_the_same_empty_folder(base: Path) -> None:
    code = "from statmani.storage import cache_directory; print(cache_directory())"
    environment = {**os.environ, "STATMANI_CACHE_DIR": str(base)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    answers = {process.communicate()[0].strip() for process in processes}
    assert answers == {str(cache_directory())}


def test_clearing_removes_all_versions_and_counts(base: Path) -> None:
    folder = cache_directory()
    assert folder is not None
    (folder / "kernels").mkdir()
    write_atomic(folder / "kernels" / "a.py", "x" * 1000)
    other = folder.parent / "0.0.0"
    other.mkdir()
    write_atomic(other / "b.json", "y" * 24)
    assert str(cache_usage()) == "2 files, 1.0 kB"
    assert tuple(clear_cache()) == (2, 1024)
    assert tuple(cache_usage()) == (0, 0)
    assert not folder.exists() and not other.exists()


def test_a_folder_without_the_tag_is_never_cleared(base: Path) -> None:
    precious = base / "statmani-cache" / "thesis.tex"
    precious.parent.mkdir(parents=True)
    precious.write_text("ten years")
    assert tuple(clear_cache()) == (0, 0)
    assert precious.read_text() == "ten years"
