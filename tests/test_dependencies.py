"""The lists of dependencies agree with each other, with the imports, and with what is installed."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from locolab.files import ROOT
from locolab.run import lockcheck

PYPROJECT = ROOT / "pyproject.toml"
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [Requirement(line) for line in [*PROJECT["dependencies"], *EXTRAS["dev"], *EXTRAS["ray"]]]

# Declared without being imported by our own code, and what for.
NOT_IMPORTED = {
    "flask": "moto's server",
    "flask-cors": "moto's server",
    "gguf": "transformers reads the pretrained control's weights with it",
    "import-linter": "run_all.sh test",
    "ipykernel": "the kernel that executes notebooks",
    "ipywidgets": "the cells in which a reader changes one thing",
    "jupyterlab": "run_all.sh lab",
    "mypy": "run_all.sh test",
    "nbstripout": "run_all.sh test",
    "pandas-stubs": "mypy",
    "pyarrow": "pandas writes parquet with it",
    "pytest-timeout": "pyproject.toml sets its limit",
    "pytest-xdist": "run_all.sh test",
    "ruff": "run_all.sh test",
    "seaborn": "statistical figures in notebooks",
    "types-psutil": "mypy",
    "types-pyyaml": "mypy",
    "types-tqdm": "mypy",
}


def locked() -> dict[str, list[Requirement]]:
    """The lock's lines by name; a name has several where markers part them."""
    lines: dict[str, list[Requirement]] = {}
    for line in LOCK.splitlines():
        if text := line.partition("#")[0].strip():
            requirement = Requirement(text)
            lines.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return lines


def imported() -> set[str]:
    """Distributions that our own sources, tests and notebooks import, by canonical name."""
    sources = [
        path.read_text(encoding="utf-8")
        for folder in ("lib", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        sources += [re.sub(r"(?m)^\s*[%!].*", "", text) for text in code]
    modules = {name.partition(".")[0] for source in sources for name in import_names(source)}
    known = importlib.metadata.packages_distributions()
    shared = {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}
    helpers = {path.stem for path in (ROOT / "tests").glob("*.py")}
    ours = set(sys.stdlib_module_names) | {"locolab"} | shared | helpers
    return {canonicalize_name(known.get(module, [module])[0]) for module in modules - ours}


def import_names(source: str) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def test_every_import_is_declared() -> None:
    assert imported() <= {canonicalize_name(each.name) for each in DIRECT}


def test_every_declaration_is_imported_or_has_another_use() -> None:
    declared = {canonicalize_name(each.name) for each in DIRECT}
    assert declared - imported() <= set(NOT_IMPORTED) <= declared


def test_every_direct_dependency_has_a_reason_on_its_line() -> None:
    lists = PYPROJECT.read_text().partition("\ndependencies = [")[2].partition("[[tool.")[0]
    lines = [line for line in lists.splitlines() if line.startswith('  "')]
    assert len(lines) == len(DIRECT)
    assert [line for line in lines if not re.search(r'", +# .{5,}', line)] == []


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_the_lock_holds_every_direct_dependency_within_its_bounds(requirement: Requirement) -> None:
    lines = locked()[canonicalize_name(requirement.name)]
    for line in lines:
        (pin,) = line.specifier
        assert pin.version in requirement.specifier


def test_the_lock_pins_exactly_and_leaves_the_build_of_torch_open() -> None:
    for name, lines in locked().items():
        assert not name.startswith(("nvidia", "cuda")), name
        for line in lines:
            (pin,) = line.specifier
            assert pin.operator == "==", line
            assert not re.search(r"[*+]", pin.version), line
    assert "--hash" not in LOCK
    assert [str(line) for line in locked()["torch"]] == ["torch==2.13.0"]


def test_the_lock_says_how_it_is_made() -> None:
    assert "uv pip compile --universal --python-version 3.11 --extra dev --extra ray" in LOCK.splitlines()[1]


def test_environment_yml_adds_only_python_and_the_checkout() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert conda["dependencies"] == [
        f"python {PROJECT['requires-python']}",
        "pip",
        {"pip": ["-r requirements.lock", "-e ."]},
    ]


def test_run_all_and_the_lock_check_accept_the_same_pythons_as_the_project() -> None:
    allowed = SpecifierSet(PROJECT["requires-python"])
    minors = {minor for minor in range(30) if f"3.{minor}" in allowed}
    assert minors == set(range(lockcheck.OLDEST[1], lockcheck.TOO_NEW[1]))
    assert (
        f"{lockcheck.OLDEST} <= sys.version_info[:2] < {lockcheck.TOO_NEW}"
        in (ROOT / "run_all.sh").read_text()
    )


def test_this_environment_holds_the_lock_and_nothing_contradicts() -> None:
    assert lockcheck.differences(LOCK) == []
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_lock_check_tells_differences() -> None:
    numpy = importlib.metadata.version("numpy")
    lock = f"numpy==0.1  # via x\nno-such-thing==1\npandas==9 ; sys_platform == 'nowhere'\nscipy=={numpy}+cpu"
    assert lockcheck.differences(lock)[:2] == [
        f"numpy: 0.1 is locked, {numpy} is installed",
        "no-such-thing: 1 is locked, nothing is installed",
    ]
    assert lockcheck.differences(f"numpy=={numpy}\n") == []


def test_lock_check_finds_a_local_build_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "2.13.0+cpu")
    assert lockcheck.differences("torch==2.13.0") == []
    assert lockcheck.differences("torch==2.13") != []


def test_lock_check_knows_which_checkout_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lockcheck, "differences", lambda text: [])
    monkeypatch.setattr(lockcheck, "checkout", lambda: ROOT)
    assert lockcheck.main() == 0
    monkeypatch.setattr(lockcheck, "checkout", lambda: None)
    assert lockcheck.main() == 4
    monkeypatch.setattr(lockcheck, "checkout", lambda: Path("/another"))
    assert lockcheck.main() == 1
    assert "installed from /another" in capsys.readouterr().out
