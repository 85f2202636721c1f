"""A tiny notebook through papermill, twice, from another folder: same bytes, alt text, smoke wording."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

CELLS = """
notebook: str = "90_tiny"  # folder of the results
profile: str = "fast"  # which overrides
seed: int = 3  # seed
rounds: int = 4  # rounds
# %%
import pandas as pd
from locolab.report import style
from locolab.report.notebook import start
import locolab.report.notebook as kit
from tests_ledger import LEDGER
kit.load_ledger = lambda: LEDGER
run = start(globals())
# %%
run.scale_card("nano", n_peers=4, rounds=rounds)
# %%
run.check("ours.ratio", 146.0 + rounds)
# %%
run.say("ours.ratio", "The ratio is {value:.0f} {unit}.")
# %%
frame = pd.DataFrame({"round": range(rounds), "loss": [3.0 / (i + 1) for i in range(rounds)]})
figure, axes = style.new_figure()
axes.plot("round", "loss", data=frame)
style.set_title(axes, run.title("ours.ratio", "{value:.0f} x", neutral="loss by round"))
run.figure(figure, "Loss by round, x rounds, y nats, falling from 3 to 0.75.", frame, name="fig-loss")
# %%
run.table(frame, "Loss by round")
run.finish()
"""


@pytest.fixture
def source(tmp_path):
    """Write the notebook, and the small ledger as a module its kernel can import."""
    cells = [nbformat.v4.new_code_cell(text.strip()) for text in CELLS.split("# %%")]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    path = tmp_path / "90_tiny.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)
    ledger = Path(__file__).with_name("conftest.py").read_text()
    (tmp_path / "tests_ledger.py").write_text(ledger)
    return path


def execute(source, results, **parameters):
    """Run the notebook with papermill from another folder; return it and every file it left, by name."""
    out = source.with_name(f"out-{results.name}.ipynb")
    words = [w for name, value in parameters.items() for w in ("-p", name, str(value))]
    environment = {**os.environ, "LOCOLAB_RESULTS": str(results), "PYTHONPATH": str(source.parent)}
    command = [sys.executable, "-m", "papermill", "-k", "python3", "--no-progress-bar", *words, source, out]
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd="/", timeout=120)
    files = {p.relative_to(results).as_posix(): p.read_bytes() for p in results.rglob("*") if p.is_file()}
    return nbformat.read(out, as_version=4), files


def outputs(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_two_executions_leave_the_same_bytes(source, tmp_path):
    first, files = execute(source, tmp_path / "a", rounds=5)
    _, again = execute(source, tmp_path / "b", rounds=5)
    stamped = "fast/90_tiny/run.json"  # holds the date and the commit
    assert {**files, stamped: b""} == {**again, stamped: b""}
    assert set(files) == {
        "fast/90_tiny/run.json",
        "fast/90_tiny/claims/ours.ratio.json",
        *(f"fast/90_tiny/figures/fig-loss.{kind}" for kind in ("svg", "png", "csv", "txt")),
    }
    pictures = [o for o in outputs(first) if "image/png" in o.get("data", {})]
    assert len(pictures) == 1
    assert pictures[0].metadata["image/png"]["alt"].startswith("Loss by round")
    said = [o.data["text/markdown"] for o in outputs(first) if "text/markdown" in o.get("data", {})]
    assert "The ratio is 151 x." in said
    assert not [o for o in outputs(first) if o.get("name") == "stderr"]
    assert not [o for o in outputs(first) if o.output_type == "execute_result"]  # a check has shown its line


def test_smoke_execution_says_shape_only(source, tmp_path):
    executed, files = execute(source, tmp_path / "a", profile="smoke")
    said = [o.data["text/markdown"] for o in outputs(executed) if "text/markdown" in o.get("data", {})]
    assert "smoke run: shape only" in said
    assert "smoke/90_tiny/run.json" in files
