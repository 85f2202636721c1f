"""Errors read from executed notebooks, and what is removed from and brought up in them."""

import copy

import nbformat
import pytest

from locolab.run import outputs

ANSI = "\x1b[32m----> \x1b[39m\x1b[32m2\x1b[39m \x1b[38;5;28;01mraise\x1b[39;00m ValueError('no')\n"


@pytest.fixture
def executed():
    content = nbformat.v4.new_notebook()
    content.metadata["papermill"] = {"output_path": "/somewhere"}
    content.cells = [
        nbformat.v4.new_markdown_cell("# Old title", id="title"),
        nbformat.v4.new_code_cell("rounds: int = 2", id="parameters", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell("rounds = 1", id="x91", metadata={"tags": ["injected-parameters"]}),
        nbformat.v4.new_code_cell(
            "x = 1  # old", id="setup", metadata={"execution": {"iopub.execute_input": "12:00"}}
        ),
    ]
    content.cells[3].outputs = [nbformat.v4.new_output("stream", text="hello")]
    content.cells[3].metadata["papermill"] = {"start_time": None}
    return content


def test_the_error_names_its_cell_and_line(executed):
    rule = "-" * 75
    executed.cells[3].outputs = [
        nbformat.v4.new_output("error", ename="ValueError", evalue="no", traceback=[rule, ANSI])
    ]
    assert outputs.error_of(executed) == {
        "cell": "setup",
        "name": "ValueError",
        "text": "no",
        "where": "at line 2 raise ValueError('no')",
    }


def test_a_dead_kernel_is_blamed_on_the_last_cell_that_started(executed):
    executed.cells[3].metadata["papermill"]["start_time"] = "12:00"
    found = outputs.error_of(executed)
    assert (found["cell"], found["name"]) == ("setup", "")


def test_an_error_that_a_cell_is_meant_to_show_is_none(executed):
    shown = nbformat.v4.new_output("error", ename="ValueError", evalue="shown", traceback=[])
    executed.cells[1].outputs, executed.cells[1].metadata.tags = [shown], ["raises-exception"]
    executed.cells[3].outputs = [nbformat.v4.new_output("error", ename="KeyError", evalue="x", traceback=[])]
    assert outputs.error_of(executed)["name"] == "KeyError"


@pytest.mark.parametrize(
    ("log", "code", "name", "text"),
    [
        ("OSError: [Errno 28] No space left on device", 1, "DiskFullError", "no space left"),
        ("Traceback\nnbformat.reader.NotJSONError: Notebook does not\n", 1, "NotJSONError", "does not"),
        ("INFO", -9, "Killed", "by signal 9"),
        ("INFO", 3, "Ended", "with code 3"),
    ],
)
def test_without_a_cell_the_log_says_what_happened(log, code, name, text):
    found = outputs.last_words(log, code)
    assert found[0] == name
    assert text in found[1]


def test_tidy_removes_times_and_paths(executed):
    marker = nbformat.v4.new_markdown_cell(
        "An Exception ...", metadata={"tags": ["papermill-error-cell-tag"]}
    )
    executed.cells.insert(0, marker)
    outputs.tidy(executed)
    assert [cell.id for cell in executed.cells] == ["title", "parameters", "injected-parameters", "setup"]
    text = nbformat.writes(executed)
    assert "papermill" not in text
    assert "iopub" not in text
    assert executed.cells[3].outputs[0].text == "hello"


def test_refresh_takes_the_words_of_the_source_and_keeps_the_outputs(executed):
    outputs.tidy(executed)
    source = copy.deepcopy(executed)
    source.cells = [source.cells[0], source.cells[1], source.cells[3]]
    source.cells[0].source = "# New title"
    source.cells[2].source, source.cells[2].outputs = "x = 1  # new", []
    source.cells.append(nbformat.v4.new_markdown_cell("More.", id="more"))
    assert outputs.refresh(executed, source)
    assert [cell.id for cell in executed.cells] == [
        "title",
        "parameters",
        "injected-parameters",
        "setup",
        "more",
    ]
    assert executed.cells[0].source == "# New title"
    assert executed.cells[3].source == "x = 1  # new"
    assert executed.cells[3].outputs[0].text == "hello"
    assert not outputs.refresh(executed, source)


def test_a_copy_keeps_no_widgets(executed):
    bar = nbformat.v4.new_output("display_data", {outputs.WIDGET: {"model_id": "1"}, "text/plain": "0%"})
    executed.cells[3].outputs.append(bar)
    executed.metadata["widgets"] = {}
    outputs.tidy(executed)
    assert [output.output_type for output in executed.cells[3].outputs] == ["stream"]
    assert "widgets" not in executed.metadata


def test_a_source_with_other_code_cells_refreshes_nothing(executed):
    outputs.tidy(executed)
    source = copy.deepcopy(executed)
    source.cells = [cell for cell in source.cells if cell.id not in (outputs.INJECTED, "setup")]
    before = copy.deepcopy(executed)
    assert not outputs.refresh(executed, source)
    assert executed == before
