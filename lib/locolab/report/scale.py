"""The scale card: how large our run is beside the one the article is about."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import pandas as pd

from locolab import model

# arXiv 2603.08163v2, sections 4.1 to 4.4; the number of rounds follows from the figures beside it.
THEIR_PEERS, THEIR_CONTRIBUTORS, THEIR_LOCAL_STEPS, THEIR_TOKENS = 20, 16.9, 30, 1.1e12
THEIR_TOKENS_PER_STEP = 192 * 2048
SUFFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def scale_table(
    preset: str | None = None,
    n_peers: int | None = None,
    rounds: int | None = None,
    local_steps: int | None = None,
    tokens: float | None = None,
    **more: tuple[str, str],
) -> pd.DataFrame:
    """Return a table with one row per given quantity and the columns quantity, ours, theirs.

    `preset` names the model whose parameters are counted; `tokens` are those of one arm, all peers together.
    `more` adds rows: ``payload=("50 KiB", "2.6 GiB")``. Theirs is Covenant-72B (arXiv 2603.08163, section 4).

    >>> print(scale_table("nano", n_peers=4, rounds=53).to_string(index=False))
      quantity   ours       theirs
    parameters 0.403M        72.7B
         peers      4        <= 20
        rounds     53 about 5,500
    """
    rows = [
        ("parameters", preset and short(_parameters(preset)), short(_parameters("covenant_72b"))),
        ("peers", n_peers and str(n_peers), f"<= {THEIR_PEERS}"),
        ("rounds", rounds and f"{rounds:,}", f"about {their_rounds():,}"),
        ("inner steps a round", local_steps and str(local_steps), str(THEIR_LOCAL_STEPS)),
        ("tokens", tokens and short(tokens), short(THEIR_TOKENS)),
        *((name.replace("_", " "), ours, theirs) for name, (ours, theirs) in more.items()),
    ]
    return pd.DataFrame([row for row in rows if row[1]], columns=["quantity", "ours", "theirs"])


def their_rounds() -> int:
    """Return about how many rounds Covenant-72B took, to the hundred: tokens over tokens a round.

    >>> their_rounds()
    5500
    """
    a_round = THEIR_CONTRIBUTORS * THEIR_LOCAL_STEPS * THEIR_TOKENS_PER_STEP
    return round(THEIR_TOKENS / a_round / 100) * 100


def short(n: float) -> str:
    """Return a count in at most three significant digits with its suffix.

    >>> [short(n) for n in (398_000, 401_000, 72_747_327_488, 1.1e12, 53)]
    ['0.398M', '0.401M', '72.7B', '1.1T', '53']
    """
    if n < 1e3:
        return f"{n:g}"
    size, suffix = next((s, name) for s, name in SUFFIXES if n >= s * (0.1 if name == "M" else 1))
    return f"{n / size:.3g}{suffix}"


@functools.cache
def _parameters(preset: str) -> int:
    presets: Mapping[str, model.ModelSpec] = model.PRESETS
    if preset not in presets:
        raise ValueError(f"no model preset {preset!r}; known: {', '.join(presets)}")
    return model.count_parameters(presets[preset])
