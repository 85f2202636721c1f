"""What a notebook found for a claim, as one small JSON file that later notebooks and the scorecard read."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from locolab.files import results_dir
from locolab.report.claims import Outcome
from locolab.report.saving import write_json


@dataclasses.dataclass(frozen=True)
class Checked(Outcome):
    """An outcome with the notebook that reached it."""

    notebook: str = ""

    def write(self) -> Path:
        """Return the file this was written to: results/PROFILE/NOTEBOOK/claims/CLAIM.json, without times."""
        path = results_dir(self.profile) / self.notebook / "claims" / f"{self.id}.json"
        write_json(path, self.to_dict())
        return path

    def _ipython_display_(self) -> None:
        """Show nothing at the end of a cell: whoever checked has shown its line."""


def read_outcomes(profile: str, notebook: str = "*") -> dict[str, Checked]:
    """Return the outcomes of a profile (of one notebook) by claim id; none is an empty dict.

    Raises ValueError for a file that is no outcome, naming it.
    """
    found: dict[str, Checked] = {}
    for path in sorted(results_dir(profile).glob(f"{notebook}/claims/*.json")):
        try:
            outcome = Checked.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path} is no outcome ({error}); delete it and run its notebook") from error
        found[outcome.id] = outcome
    return found
