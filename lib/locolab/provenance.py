"""What made a result: code, versions, device and commit."""

from __future__ import annotations

import ast
import datetime
import functools
import hashlib
import importlib.metadata
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from locolab.files import ROOT

PACKAGE = Path(__file__).resolve().parent
LIBRARIES = ("torch", "transformers", "numpy", "tokenizers")


def code_hash(rooms: Iterable[str]) -> str:
    """Return 16 hex digits that name the code of some rooms; comments and docstrings do not count.

    `rooms` are names below ``locolab``: ``"compress"`` (a folder) or ``"model"`` (a module).
    Raises FileNotFoundError for a room that does not exist.
    """
    digest = hashlib.sha256()
    for path in sorted({p for room in rooms for p in _sources(room)}):
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(_normalised(path, path.stat().st_mtime_ns).encode())
    return digest.hexdigest()[:16]


def versions(names: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Return the installed version of each distribution, ``"-"`` where it is absent."""
    found = {"python": platform.python_version()}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "-"
    return found


@functools.cache
def commit() -> str:
    """Return the checkout's commit (12 hex digits, ``+`` if files differ), ``"-"`` outside git."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no") else "")
    except (OSError, subprocess.SubprocessError):
        return "-"


def processor() -> str:
    """Return the processor's name."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return name


def stamp(command: str) -> dict[str, Any]:
    """Return the provenance of a result: command, commit, device, versions and date (UTC)."""
    return {
        "command": command,
        "commit": commit(),
        "device": processor(),
        "versions": versions(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    }


def _sources(room: str) -> list[Path]:
    base = PACKAGE / room
    if base.is_dir():
        return sorted(base.rglob("*.py"))
    if base.with_suffix(".py").exists():
        return [base.with_suffix(".py")]
    raise FileNotFoundError(f"locolab has no room {room!r}")


@functools.cache
def _normalised(path: Path, _mtime: int) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            value = body[0].value
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                body[0].value = ast.Constant(value="")
    return ast.dump(tree)


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()
