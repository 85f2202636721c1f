"""The whole suite at profile smoke, through the command line, without a network; twice."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import psutil
import pytest

from locolab.corpus import packages
from locolab.files import ROOT
from locolab.report.ledger import load_ledger
from locolab.run.notebooks import LAST, discover

GUARD = Path(__file__).parent / "guard"
COMMAND = (sys.executable, "-m", "locolab", "run", "--profile", "smoke")
SUITE_MINUTES = 6
"""Budget of the suite at smoke on two idle cores."""

pytestmark = [pytest.mark.smoke, pytest.mark.timeout(1800)]


def guarded(folder: Path) -> dict[str, str]:
    """Return the environment of a run whose results lie in `folder` and that cannot reach another machine."""
    variables = {
        **os.environ,
        "LOCOLAB_RESULTS": str(folder),
        "LOCOLAB_NETWORK_LOG": str(folder / "network.log"),
        "PYTHONPATH": str(GUARD),
    }
    variables.pop("LOCOLAB_CACHE", None)
    return variables


def run(folder: Path, *options: str) -> SimpleNamespace:
    """Return code, output, seconds and processor seconds of the smoke run."""
    command = [*COMMAND, *options]
    began, before = time.monotonic(), psutil.Process().cpu_times()
    done = subprocess.run(command, env=guarded(folder), cwd=ROOT, capture_output=True, text=True, check=False)
    after = psutil.Process().cpu_times()
    computed = sum(getattr(after, f) - getattr(before, f) for f in ("children_user", "children_system"))
    return SimpleNamespace(
        code=done.returncode,
        text=done.stdout + done.stderr,
        seconds=time.monotonic() - began,
        computed=computed,
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the finished smoke run and the folder of its results; without set-up it fails, not skips."""
    missing = packages.verify()
    assert not missing, "the data packages are not there; run ./run_all.sh setup first:\n" + "\n".join(
        missing
    )
    folder = tmp_path_factory.mktemp("smoke")
    done = run(folder)
    assert done.code == 0, done.text
    return SimpleNamespace(folder=folder, base=folder / "smoke", **vars(done))


def executed(smoke: Any) -> dict[str, Any]:
    return {name: nbformat.read(smoke.base / f"{name}.ipynb", as_version=4) for name in discover()}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def test_every_notebook_leaves_its_files(smoke):
    for name, notebook in discover().items():
        assert (smoke.base / f"{name}.ipynb").exists()
        record = json.loads((smoke.base / name / "run.json").read_text())
        assert record["profile"] == "smoke"
        for figure in record["figures"]:
            for suffix in ("svg", "png", "csv", "txt"):
                assert (smoke.base / name / "figures" / f"{figure}.{suffix}").stat().st_size > 0
        if notebook.number not in LAST:
            assert record["claims"], f"{name} checks no claim"
    assert (smoke.base / "RESULTS.md").stat().st_size > 0


def test_summary_and_junit_agree_with_the_ledger(smoke):
    summary = json.loads((smoke.base / "summary.json").read_text())
    assert {state["status"] for state in summary["notebooks"].values()} == {"ok"}
    assert summary["exit_code"] == 0
    due = {row.id for row in load_ledger().values() if row.gate and row.notebook in summary["notebooks"]}
    assert {gate["claim"] for gate in summary["gates"]} == {
        name for name in due if load_ledger()[name].status != "not-yet"
    }
    suite = ET.parse(smoke.base / "junit.xml").getroot()
    assert suite.attrib["failures"] == "0"
    assert len(suite) == len(summary["notebooks"]) + len(summary["gates"])


def test_nothing_reached_for_the_network(smoke):
    assert not (smoke.folder / "network.log").exists(), (smoke.folder / "network.log").read_text()


def test_outputs_have_no_noise(smoke):
    for name, content in executed(smoke).items():
        for cell in content.cells:
            for output in cell.get("outputs", []):
                assert output.get("name") != "stderr", f"{name} [{cell.id}]: {output.text}"
                assert not re.search(r"\w+Warning:", json.dumps(output)), f"{name} [{cell.id}]: {output}"


def test_outputs_have_no_paths_of_this_machine(smoke):
    path = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|usr|opt|var|Users)/[\w./-]+")
    for name, content in executed(smoke).items():
        for cell in content.cells:
            outputs = cell.get("outputs", [])
            texts = json.dumps([each for each in outputs if "image/png" not in each.get("data", {})])
            found = [word for word in path.findall(texts) if str(smoke.folder) not in word]
            assert not found, f"{name} [{cell.id}]: {found}"
    assert not path.search((smoke.base / "RESULTS.md").read_text())


def test_smoke_states_no_finding(smoke):
    ledger = load_ledger()
    for file in smoke.base.glob("*/claims/*.json"):
        outcome = json.loads(file.read_text())
        assert outcome["verdict"] == "-" or not ledger[outcome["id"]].stochastic, file.name


def test_it_stays_within_its_budget(smoke):
    """Notebooks run one after the other, each on one core: processor time is an idle machine's wall time."""
    assert smoke.computed < SUITE_MINUTES * 60, f"{smoke.computed:.0f} s of processor time"


def test_a_second_run_executes_nothing(smoke):
    before = {path: path.stat().st_mtime_ns for path in smoke.base.glob("*.ipynb")}
    again = run(smoke.folder)
    assert again.code == 0, again.text
    assert again.text.count("up to date") == len(discover())
    assert {path: path.stat().st_mtime_ns for path in smoke.base.glob("*.ipynb")} == before
    assert again.seconds < 60


def test_killed_in_a_training_it_goes_on_to_the_same_bytes(smoke, tmp_path):
    command = [*COMMAND, "--only", "02"]
    end = time.monotonic() + 120
    with subprocess.Popen(command, env=guarded(tmp_path), cwd=ROOT, stdout=subprocess.DEVNULL) as runner:
        while not list(tmp_path.glob("cache/runs/*/metrics.jsonl")):
            assert runner.poll() is None, "it ended before its first training did"
            assert time.monotonic() < end, "no training ended"
            time.sleep(0.02)
        runner.kill()
    assert not list(tmp_path.glob("smoke/*/run.json"))
    done = run(tmp_path, "--only", "02")
    assert done.code == 0, done.text
    for folder in ("smoke/02_local_steps/claims", "smoke/02_local_steps/figures"):
        assert contents(tmp_path / folder) == contents(smoke.folder / folder) != {}
    metrics = {path.parent.name: path.read_bytes() for path in tmp_path.glob("cache/runs/*/metrics.jsonl")}
    unbroken = smoke.folder / "cache/runs"
    assert metrics == {name: (unbroken / name / "metrics.jsonl").read_bytes() for name in metrics} != {}


def test_the_guard_refuses_other_machines_and_lets_this_one_through(tmp_path):
    code = (
        "import socket\n"
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(server.getsockname()).close()\n"
        "lookup = lambda: socket.getaddrinfo('pypi.org', 443)\n"
        "connect = lambda: socket.create_connection(('192.0.2.1', 9))\n"
        "for reach in (lookup, connect):\n"
        "    try: reach()\n"
        "    except OSError as error: print(type(error).__name__)\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=guarded(tmp_path), capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["NetworkBlockedError", "NetworkBlockedError"]
    assert (tmp_path / "network.log").read_text().split() == ["pypi.org", "192.0.2.1"]
