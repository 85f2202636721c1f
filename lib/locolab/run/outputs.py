"""Executed notebooks: what went wrong in one, and the copy without times and machine paths."""

from __future__ import annotations

import re
from typing import Any

from locolab.run.notebooks import is_parameters

INJECTED = "injected-parameters"
WIDGET = "application/vnd.jupyter.widget-view+json"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def error_of(content: Any) -> dict[str, Any]:
    """Return cell, name, text and line of the error in an executed notebook.

    Where no cell holds an error that it should not, name and text are empty and the cell is the last one that
    started: the kernel died, or was killed, in it.
    """
    for cell in content.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", []):
                where = _arrow(output.get("traceback", []))
                return {"cell": cell.id, "name": output.ename, "text": output.evalue, "where": where}
    started = [cell.id for cell in content.cells if cell.metadata.get("papermill", {}).get("start_time")]
    return {"cell": started[-1] if started else "", "name": "", "text": "", "where": ""}


def last_words(log: str, code: int) -> tuple[str, str]:
    """Return name and text of the error that ended a notebook's process, from its log and exit code.

    >>> last_words("Traceback ...\\nnbclient.exceptions.DeadKernelError: Kernel died\\n", 1)
    ('DeadKernelError', 'Kernel died (out of memory?)')
    """
    if "No space left on device" in log:
        return "DiskFullError", "no space left on the disk of the results"
    if code < 0:
        return "Killed", f"its process was ended by signal {-code}"
    found = re.findall(r"^[\w.]*?(\w*(?:Error|Exception)): (.*)$", log, re.MULTILINE)
    name, text = found[-1] if found else ("Ended", f"its process ended with code {code}")
    return name, text + " (out of memory?)" * (name == "DeadKernelError")


def tidy(content: Any) -> None:
    """Remove times, absolute paths and papermill's markers from a notebook, and name its injected cell.

    Widgets go too: without a kernel a viewer shows a progress bar as it began.
    """
    content.metadata.pop("papermill", None)
    content.metadata.pop("widgets", None)
    content.cells = [
        cell for cell in content.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])
    ]
    for cell in content.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if INJECTED in cell.metadata.get("tags", []):
            cell.id = INJECTED
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]


def refresh(executed: Any, source: Any) -> bool:
    """Return whether the text of an executed notebook changed when brought up to its source.

    Both have the same code cells in the same order, comments aside; outputs stay, words are the source's.
    A source that was given other code cells in the meantime changes nothing: the next run executes it.
    """
    injected = [cell for cell in executed.cells if cell.id == INJECTED]
    done = [cell for cell in executed.cells if cell.cell_type == "code" and cell.id != INJECTED]
    if [cell.id for cell in done] != [cell.id for cell in source.cells if cell.cell_type == "code"]:
        return False
    ran, cells = iter(done), []
    for cell in source.cells:
        if cell.cell_type == "code":
            old = next(ran)
            cell.outputs, cell.execution_count = old.outputs, old.execution_count
        cells.append(cell)
        if cell.cell_type == "code" and is_parameters(cell):
            cells += injected
    changed = [_text(cell) for cell in cells] != [_text(cell) for cell in executed.cells]
    executed.cells = cells
    return changed


def _text(cell: Any) -> tuple[str, str]:
    return cell.id, cell.source


def _arrow(traceback: list[str]) -> str:
    """Return where the traceback points in the notebook's own code, without colours; empty if nowhere."""
    found = re.search(r"^-+> *(\d+ .*)$", _ANSI.sub("", "\n".join(traceback)), re.MULTILINE)
    return f"at line {found[1].strip()}" if found else ""
