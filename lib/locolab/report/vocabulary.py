"""The words a ledger row may use, and which of them go together."""

from __future__ import annotations

SECTIONS = ("article", "paper", "ours")
"""The three parts of the ledger; they are never summed together."""

STATUSES = ("not-run", "not-yet")
"""What a row waits for: a run, or a check still to be written. A run makes it ran, recorded or error."""

FAITHFUL = ("as-source", "differs-from-source", "no-source-given", "source-not-read")
"""Whether the article says what its source says, apart from whether that holds."""

NOT_TESTABLE_REASONS = ("external-data", "prediction", "opinion", "private", "needs-scale")

PROFILES = ("smoke", "fast", "full")

SCALES = ("exact", "small")
"""`exact`: the same quantity under the same conditions; `small`: a training or simulation at ours."""

NO_VERDICT = "-"
"""What a stochastic row has in the smoke profile, and every row before its notebook ran."""

SMOKE = "smoke run: shape only"
"""What stands in the smoke profile where a finding would."""

_RUN = frozenset(
    {"reproduced", "holds-small", "not-seen-small", "contradicted", "depends", "inconclusive", "not-testable"}
)

KIND_VERDICTS: dict[str, frozenset[str]] = {
    "arithmetic": frozenset({"adds-up", "does-not-add-up", "depends", "inconclusive"}),
    "mechanism": _RUN,
    "measured": _RUN,
    "projected": frozenset(
        {"adds-up", "does-not-add-up", "contradicted", "depends", "inconclusive", "not-testable"}
    ),
    "external": frozenset({"not-testable"}),
    "opinion": frozenset({"not-testable"}),
}
"""The verdicts a row of each kind may end in.

Arithmetic on printed figures says nothing about whether they are true, hence its own pair of words; what
only somebody else's records or taste can settle is not testable here.
"""

KINDS = tuple(KIND_VERDICTS)
MEANINGS = {
    "adds-up": "the printed figures fit each other within their rounding; nothing is said about their truth",
    "reproduced": "the same quantity under the same conditions came out here",
    "holds-small": "seen in trainings of our size; neither confirms nor refutes the large run",
    "depends": "its readings part; each is printed, none is picked",
    "inconclusive": "it ran, and the interval leaves both sides of the rule open",
    "not-seen-small": "not seen in trainings of our size; neither confirms nor refutes the large run",
    "does-not-add-up": "the printed figures do not fit each other within their rounding",
    "contradicted": "the stated conditions exclude the stated value, by arithmetic or by running named code",
    "not-testable": "rests on outside records, private data, opinion, prediction, or scale that we lack",
}
"""What each verdict says, in a line."""

VERDICTS = tuple(MEANINGS)


def allowed_verdicts(kind: str, scale: str) -> frozenset[str]:
    """Return the verdicts a row may have; a small-scale training is never `contradicted` or `reproduced`.

    >>> sorted(allowed_verdicts("opinion", "exact"))
    ['not-testable']
    >>> "contradicted" in allowed_verdicts("measured", "small")
    False
    """
    excluded = {"contradicted", "reproduced"} if scale == "small" else {"holds-small", "not-seen-small"}
    return KIND_VERDICTS[kind] - excluded


def default_sides(kind: str, scale: str) -> tuple[str, str]:
    """Return the verdicts of a row whose rule holds, and of one whose rule does not.

    >>> default_sides("arithmetic", "exact")
    ('adds-up', 'does-not-add-up')
    """
    if scale == "small":
        return "holds-small", "not-seen-small"
    if kind == "arithmetic":
        return "adds-up", "does-not-add-up"
    if kind == "projected":
        return "adds-up", "contradicted"
    return "reproduced", "contradicted"
