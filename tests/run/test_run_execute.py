"""One notebook in a process of its own: what it leaves, and that nothing of it outlives its end."""

import json
import time

import nbformat

from locolab.run import execute, notebooks, state

SLEEP = """import os, pathlib, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("pids").write_text(f"{os.getpid()} {worker.pid}")
time.sleep(600)"""


def test_the_copy_holds_parameters_and_outputs_but_no_times_or_paths(make, results):
    notebook = notebooks.read(make("03_memory"))
    done = execute.execute(notebook, "smoke", {"rounds": 1, "profile": "smoke"}, 60)
    assert done.error == {}
    assert done.seconds > 0
    assert done.peak_bytes > 50e6  # an interpreter with papermill alone is more
    text = state.executed_path("smoke", "03_memory").read_text()
    copy = nbformat.reads(text, as_version=4)
    assert [cell.id for cell in copy.cells] == ["title", "parameters", "injected-parameters", "cell-0"]
    assert copy.cells[-1].outputs[0].text == "03_memory 1\n"
    assert str(notebook.path.parent) not in text
    assert "papermill" not in text
    assert json.loads((results / "smoke/03_memory/data.json").read_text())["rounds"] == 1


def test_a_failing_cell_is_named_and_the_cells_after_it_do_not_run(make, results):
    path = make("03_memory", "x = 1", "1 / 0", "open('after', 'w')")
    done = execute.execute(notebooks.read(path), "smoke", {}, 60)
    assert done.error == {
        "cell": "cell-1",
        "name": "ZeroDivisionError",
        "text": "division by zero",
        "where": "at line 1 1 / 0",
    }
    assert state.executed_path("smoke", "03_memory").exists()
    assert not (path.parent / "after").exists()


def test_a_dead_kernel_is_an_error_of_its_cell(make, results):
    path = make("03_memory", "import os\nos._exit(9)")
    done = execute.execute(notebooks.read(path), "smoke", {}, 60)
    assert (done.error["cell"], done.error["name"]) == ("cell-0", "DeadKernelError")


def test_at_the_limit_everything_it_started_is_killed(make, results, gone, monkeypatch):
    path = make("03_memory", SLEEP)
    pids, clock = path.parent / "pids", time.monotonic

    def later():  # the limit passes when the cell has started its worker, however slow the machine is
        return clock() + 1000 * (pids.exists() and len(pids.read_text().split()) == 2)

    monkeypatch.setattr(execute.time, "monotonic", later)
    done = execute.execute(notebooks.read(path), "smoke", {}, 500)
    monkeypatch.undo()
    assert done.error["name"] == "TimeLimit"
    assert done.error["cell"] == "cell-0"
    assert "500 s" in done.error["text"]
    gone(pids.read_text())


def test_a_child_that_leaves_no_notebook_points_at_its_log(make, results):
    notebook = notebooks.read(make("03_memory"))
    notebook.path.write_text("{")
    done = execute.execute(notebook, "smoke", {}, 60)
    assert done.error["name"] == "NotJSONError"
    assert str(results / "smoke/.state/03_memory.log") in done.error["where"]
