"""run_all.sh from outside: a copy in an empty folder, with stand-ins for Python and what it starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from locolab.files import ROOT

TOOLS = "bash awk cat cmp cp df dirname find grep mkdir mv rm sed tail tee touch uname"

# Answers as a Python would, notes every call, and keeps in `state` what its environment holds.
STAND_IN = """#!/bin/bash
echo "$*" >> "$CALLS"
state=$(dirname "$0")/../state
if [ -n "$FAIL_ON" ]; then
  case "$*" in *$FAIL_ON*) echo "$FAIL_SAYS"; exit 1 ;; esac
fi
case "$*" in
  *version_info*) exit "${WRONG_VERSION:-0}" ;;
  *ensurepip*) exit "${NO_VENV:-0}" ;;
  -V) echo Python 3.11.9 ;;
  "-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  "-I "*) case $(cat "$state" 2>/dev/null) in
      whole) exit 0 ;;
      packages) echo "locolab: not installed"; exit 4 ;;
      *) echo "torch: 2.13.0 is locked, nothing is installed"; echo "numpy: absent"; exit 1 ;;
    esac ;;
  *"--requirement requirements.lock") echo packages > "$state" ;;
  *"--editable .") echo whole > "$state" ;;
  "-m locolab data") mkdir -p data/packages ;;
esac
"""


class Checkout:
    """A copy of run_all.sh and of the files it reads, on a PATH that holds little more than coreutils."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "checkout"
        self.bin = folder / "bin"
        self.calls_file = folder / "calls"
        for name in ("run_all.sh", "requirements.lock", "pyproject.toml"):
            self.root.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "data").mkdir()
        (self.root / "notebooks").mkdir()
        shutil.copy(ROOT / "data/requirements.txt", self.root / "data/requirements.txt")
        self.bin.mkdir()
        for name in TOOLS.split():
            (self.bin / name).symlink_to(shutil.which(name) or pytest.skip(f"no {name}"))
        self.program("python3", STAND_IN)
        self.program("uname", '#!/bin/bash\n[ "$1" = -s ] && echo Linux || echo Linux x86_64\n')

    def program(self, name: str, text: str, folder: Path | None = None) -> None:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def environment(self, state: str) -> Path:
        """Return an environment outside the checkout whose Python reports `state`."""
        folder = self.bin.parent / "elsewhere"
        self.program("python", STAND_IN, folder / "bin")
        (folder / "state").write_text(state)
        return folder

    def run(self, *words: str, code: int = 0, **variables: str | Path) -> str:
        """Return what run_all.sh prints, after comparing its exit code; empties the list of calls before."""
        self.calls_file.write_text("")
        environment: Mapping[str, str] = {
            "PATH": str(self.bin),
            "CALLS": str(self.calls_file),
            **{name: str(value) for name, value in variables.items()},
        }
        done = subprocess.run(
            ["bash", str(self.root / "run_all.sh"), *words],
            cwd=self.bin,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    @property
    def calls(self) -> list[str]:
        """What the stand-ins for Python were asked to do, without the questions about themselves."""
        lines = self.calls_file.read_text().splitlines()
        return [line for line in lines if not line.startswith(("-c", "-I", "-V"))]

    @property
    def stamp(self) -> Path:
        return self.root / ".venv/locolab-stamp"


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def installs(calls: list[str]) -> list[str]:
    return [call.partition(" install ")[2] for call in calls if " install " in call]


def test_a_fresh_checkout_is_set_up_once(checkout: Checkout) -> None:
    said = checkout.run("setup")
    assert checkout.calls[0] == "-m venv .venv"
    assert checkout.calls[-1] == "-m locolab data"
    assert [words.split()[-1] for words in installs(checkout.calls)] == [
        "torch==2.13.0+cpu",
        "requirements.lock",
        ".",
    ]
    assert "-m pip check" in checkout.calls
    assert checkout.stamp.exists()
    assert said.count(" s\n") >= 5  # every step says how long it took
    assert "using" not in checkout.run("run")
    assert checkout.calls == ["-m locolab run"]


def test_run_passes_options_on(checkout: Checkout) -> None:
    checkout.run("setup")
    checkout.run("--profile", "smoke", "--only", "03,05")
    assert checkout.calls == ["-m locolab run --profile smoke --only 03,05"]
    checkout.run("record", "a b")
    assert checkout.calls == ["-m locolab record a b"]


def test_a_half_made_environment_is_made_anew(checkout: Checkout) -> None:
    checkout.run("setup", code=3, FAIL_ON="--requirement", FAIL_SAYS="ERROR: killed")
    assert not checkout.stamp.exists()
    leftover = checkout.root / ".venv/leftover"
    leftover.touch()
    assert "making it anew" in checkout.run("setup")
    assert checkout.stamp.exists()
    assert not leftover.exists()


def test_an_environment_without_its_python_is_made_anew(checkout: Checkout) -> None:
    checkout.run("setup")
    (checkout.root / ".venv/bin/python").unlink()
    assert "making it anew" in checkout.run("setup")
    assert "-m venv .venv" in checkout.calls


def test_an_environment_made_in_another_folder_is_made_anew(checkout: Checkout) -> None:
    checkout.run("setup")
    checkout.root = checkout.root.rename(checkout.root.with_name("moved here"))
    assert "making it anew" in checkout.run("setup")
    assert checkout.stamp.read_text().startswith(f"{checkout.root}\n")


def test_a_changed_lock_brings_the_environment_up_to_date(checkout: Checkout) -> None:
    checkout.run("setup")
    with (checkout.root / "requirements.lock").open("a") as lock:
        lock.write("another==1.0\n")
    assert "up to date" in checkout.run("setup")
    assert "-m venv .venv" not in checkout.calls
    assert "--no-deps --requirement requirements.lock" in installs(checkout.calls)
    assert "another==1.0" in checkout.stamp.read_text()


def test_a_package_changed_by_hand_is_put_right(checkout: Checkout) -> None:
    checkout.run("setup")
    (checkout.root / ".venv/state").write_text("packages changed")
    assert "up to date" in checkout.run("setup")
    assert (checkout.root / ".venv/state").read_text() == "whole\n"


def test_an_active_environment_that_holds_the_lock_is_used(checkout: Checkout) -> None:
    active = checkout.environment("whole")
    assert f"using the active environment {active}" in checkout.run("setup", VIRTUAL_ENV=active)
    assert not (checkout.root / ".venv").exists()
    checkout.run("setup", CONDA_PREFIX=active)
    assert not (checkout.root / ".venv").exists()


def test_an_active_environment_that_lacks_only_locolab_gets_it(checkout: Checkout) -> None:
    active = checkout.environment("packages")
    checkout.run("setup", CONDA_PREFIX=active)
    assert len(installs(checkout.calls)) == 1
    assert not (checkout.root / ".venv").exists()


def test_any_other_active_environment_is_left_alone(checkout: Checkout) -> None:
    active = checkout.environment("something else")
    said = checkout.run("setup", CONDA_PREFIX=active)
    assert f"the active environment {active} does not hold requirements.lock" in said
    assert "torch: 2.13.0 is locked, nothing is installed (and 1 more)" in said
    assert checkout.stamp.exists()
    assert (active / "state").read_text() == "something else"


def test_without_a_cpu_build_the_official_index_is_asked_and_then_the_default(checkout: Checkout) -> None:
    said = checkout.run("setup", FAIL_ON="+cpu", FAIL_SAYS="ERROR: No matching distribution")
    first, second, third = installs(checkout.calls)[:3]
    assert first == "--no-deps torch==2.13.0+cpu"
    assert "--timeout 15 --retries 1 --index-url https://download.pytorch.org/whl/cpu" in second
    assert third == "--constraint requirements.lock torch==2.13.0"
    assert "CUDA" in said


def test_with_an_nvidia_gpu_the_default_build_is_taken(checkout: Checkout) -> None:
    checkout.program("nvidia-smi", "#!/bin/bash\n")
    checkout.run("setup")
    assert installs(checkout.calls)[0] == "--constraint requirements.lock torch==2.13.0"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"WRONG_VERSION": "1"}, ["no Python 3.11 or 3.12 found", "conda env create", "LOCOLAB_PYTHON="]),
        ({"NO_VENV": "1"}, ["python3 comes without the module venv", "sudo apt install python3-venv"]),
        ({"LOCOLAB_PYTHON": "nowhere"}, ["no Python 3.11 or 3.12 found (tried: nowhere)"]),
        (
            {"FAIL_ON": "-m venv", "FAIL_SAYS": "Error: x"},
            ["Error: x", "could not make the virtual"],
        ),
        ({"FAIL_ON": "torch", "FAIL_SAYS": "NewConnectionError: x"}, ["cannot be reached", "HTTPS_PROXY"]),
        ({"FAIL_ON": "--req", "FAIL_SAYS": "[Errno 28] No space left on device"}, ["the disk is full"]),
        ({"FAIL_ON": "--req", "FAIL_SAYS": "ERROR: hash"}, ["ERROR: hash", "a half-made .venv is made anew"]),
        ({"FAIL_ON": "pip check", "FAIL_SAYS": "a needs b"}, ["does not hold", "a needs b", "rm -rf .venv"]),
        ({"FAIL_ON": "locolab data", "FAIL_SAYS": "no wheel"}, ["no wheel"]),
    ],
)
def test_failures_say_what_to_do(checkout: Checkout, variables: dict[str, str], words: list[str]) -> None:
    said = checkout.run("setup", code=3, **variables)
    for word in words:
        assert word in said


def test_too_little_disk_is_said_before_anything_is_made(checkout: Checkout) -> None:
    checkout.program("df", "#!/bin/bash\necho head; echo disk 9999999 1 2097152 1% /\n")
    assert "set-up needs 4 GB of disk, and 2 GB are free" in checkout.run("setup", code=3)
    assert not (checkout.root / ".venv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_checkout_is_said(checkout: Checkout) -> None:
    checkout.root.chmod(0o555)
    try:
        assert "cannot be written to" in checkout.run("setup", code=3)
    finally:
        checkout.root.chmod(0o755)


@pytest.mark.parametrize("system", ["Darwin x86_64", "MINGW64_NT-10.0 x86_64"])
def test_platforms_without_a_build_are_said(checkout: Checkout, system: str) -> None:
    checkout.program("uname", f"#!/bin/bash\necho {system}\n")
    said = checkout.run("setup", code=3)
    assert "Intel" in said or "WSL2" in said


def test_data_packages_are_fetched_again_when_their_pins_change(checkout: Checkout) -> None:
    checkout.run("run")
    assert "-m locolab data" in checkout.calls
    with (checkout.root / "data/requirements.txt").open("a") as pins:
        pins.write("# changed\n")
    checkout.run("run")
    assert checkout.calls == ["-m locolab data", "-m locolab run"]


def test_help_and_unknown_commands_set_nothing_up(checkout: Checkout) -> None:
    assert "Usage: ./run_all.sh" in checkout.run("help")
    assert "no command 'tset'" in checkout.run("tset", code=3)
    assert "setup takes no options" in checkout.run("setup", "--jobs", code=3)
    assert not (checkout.root / ".venv").exists()


@pytest.mark.parametrize(("broken", "code"), [("nothing", 0), ("ruff", 1), ("python", 1)])
def test_every_check_runs_and_any_failure_counts(checkout: Checkout, broken: str, code: int) -> None:
    checkout.run("setup")
    for name in ("ruff", "lint-imports", "mypy", "nbstripout"):
        said = f'#!/bin/bash\necho "{name} $*" >> "$CALLS"\nexit {int(name == broken)}\n'
        checkout.program(name, said, checkout.root / ".venv/bin")
    fail_on = "-m pytest" if broken == "python" else ""
    said = checkout.run("test", "--slow", "-k", "a or b", code=code, FAIL_ON=fail_on, FAIL_SAYS="1 failed")
    assert [call.split()[0] for call in checkout.calls] == ["ruff", "ruff", "lint-imports", "mypy", "-m"]
    assert checkout.calls[-1].endswith("-m slow or not slow --durations 15 -k a or b")
    assert ("failed:" in said) == bool(code)
    checkout.run("test", code=int(broken == "ruff"))
    assert "-m not slow --durations" in checkout.calls[-1]


def test_ci_runs_exactly_the_tests() -> None:
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "exec ./run_all.sh test"
    for name in (".ci/run", "run_all.sh"):
        assert os.access(ROOT / name, os.X_OK)


def test_readme_names_commands_and_paths_that_exist(checkout: Checkout) -> None:
    readme = (ROOT / "README.md").read_text()
    usage = checkout.run("help")
    commands = set(re.findall(r"\./run_all\.sh ([a-z]+)", readme))
    assert {"setup", "lab", "test", "claims"} <= commands
    assert all(re.search(rf"\b{command}\b", usage) for command in commands)
    paths = re.findall(r"`([\w./]+)`", readme.partition("## Where things are")[2])
    made_by_a_run = {"results/", "docs/", "RESULTS.md"}
    assert [path for path in paths if path not in made_by_a_run and not (ROOT / path).exists()] == []


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_is_content() -> None:
    subprocess.run(["shellcheck", "run_all.sh", ".ci/run"], cwd=ROOT, check=True)


def test_python3_kernel_is_this_environment_s(tmp_path: Path) -> None:
    """A kernel of that name that the user registered elsewhere does not win: run_all.sh asks for this."""
    mine = tmp_path / "kernels/python3"
    mine.mkdir(parents=True)
    (mine / "kernel.json").write_text(
        '{"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}'
    )
    question = "from jupyter_client.kernelspec import get_kernel_spec as g; print(g('python3').argv[0])"
    environment = {**os.environ, "JUPYTER_DATA_DIR": str(tmp_path), "JUPYTER_PREFER_ENV_PATH": "1"}
    answer = subprocess.run(
        [sys.executable, "-c", question], env=environment, capture_output=True, text=True, check=True
    )
    assert "export JUPYTER_PREFER_ENV_PATH=1" in (ROOT / "run_all.sh").read_text()
    assert answer.stdout.strip() in (sys.executable, "python")
