"""Whether the running Python has what requirements.lock names: what run_all.sh asks before all else.

Run by path (``python -I lib/locolab/run/lockcheck.py``), so it imports nothing of locolab.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

ROOT = Path(__file__).resolve().parents[3]
OLDEST, TOO_NEW = (3, 11), (3, 13)


def pins(text: str) -> dict[str, str]:
    """Return {name: version} of the lock's lines whose markers hold on this machine.

    >>> pins("numpy==2.4.6  # via torch\\nappnope==1.0.0 ; sys_platform == 'nowhere'\\n")
    {'numpy': '2.4.6'}
    """
    from packaging.requirements import Requirement  # absent from a new environment, hence not at the top

    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    wanted = (Requirement(line) for line in lines if line)
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each in wanted
        if each.marker is None or each.marker.evaluate()
    }


def differences(text: str) -> list[str]:
    """Return one line for each pinned package that is absent or has another version.

    A local part of an installed version (``2.13.0+cpu``) is a build of the same release and does not count.
    """
    try:
        wanted = pins(text)
    except ImportError:
        return ["packaging: absent (an environment without it holds little of the lock)"]
    found = {name: _installed(name) for name in wanted}
    return [
        f"{name}: {version} is locked, {found[name] or 'nothing'} is installed"
        for name, version in wanted.items()
        if (found[name] or "").partition("+")[0] != version
    ]


def checkout() -> Path | None:
    """Return the folder that `locolab` is installed from in editable mode, None where it is not."""
    try:
        direct_url = importlib.metadata.distribution("locolab").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return None
    record = json.loads(direct_url or "{}")
    if not record.get("dir_info", {}).get("editable"):
        return None
    return Path(url2pathname(urlsplit(record["url"]).path)).resolve()


def main() -> int:
    """Return 0 where this environment holds the lock and this checkout's locolab, 4 where only it is absent.

    Else returns 1. Prints one line for every difference.
    """
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        print(f"python: 3.11 or 3.12 is needed, {sys.version.split()[0]} runs here")
        return 1
    lines = differences((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    source = checkout()
    if source is None and not lines:
        print("locolab: not installed")
        return 4
    if source not in (None, ROOT):
        lines.append(f"locolab: installed from {source}, this is {ROOT}")
    print("\n".join(lines))
    return 1 if lines else 0


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


if __name__ == "__main__":
    sys.exit(main())
