"""Figures of peers who come and go and of several names: what is drawn where, what is refused."""

import pandas as pd
import pytest

from locolab.report.figures import crowd

TITLE = "a title"
SHARES = pd.DataFrame(
    [
        (panel, scheme, names, 0.1 * names)
        for panel in ("steps", "parts")
        for scheme in crowd.SCHEMES
        for names in ((1, 2, 4) if panel == "steps" else (1, 4))
    ],
    columns=["panel", "scheme", "names", "share"],
)


def test_a_strip_has_a_bar_for_every_round_that_a_peer_is_there():
    rows = [(0, 7, "contributing"), (0, 9, "cut"), (1, 3, "silent"), (1, 7, "reserve")]
    axes = crowd.strip(pd.DataFrame(rows, columns=["round", "peer", "state"]), TITLE).axes[0]
    bars = {(round(bar.get_x() + 0.5), round(bar.get_y() + 0.4)) for bar in axes.patches}
    assert bars == {(0, 0), (0, 1), (1, 2), (1, 0)}  # peers 7, 9, 3 in the order in which they came
    assert len(axes.get_legend().get_texts()) == 4


def test_final_losses_have_a_place_for_every_arm_and_a_dot_for_every_seed():
    frame = pd.DataFrame(
        [(arm, seed, 2.0 + seed) for arm in ("full", "steady") for seed in range(3)],
        columns=["arm", "seed", "validation_loss"],
    )
    axes = crowd.final_losses(frame, TITLE).axes[0]
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert labels == [crowd.ARMS["steady"].label, crowd.ARMS["full"].label]
    assert sum(len(line.get_ydata()) for line in axes.lines if line.get_marker() == ".") == 6


def test_a_panel_for_each_way_and_one_entry_for_each_scheme():
    figure = crowd.sybil_shares(SHARES, TITLE, 1 / 6)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["steps", "parts"]
    assert [len(axes.get_xticks()) for axes in figure.axes] == [3, 3]
    assert len(figure.legends[0].get_texts()) == 2
    assert len(crowd.sybil_shares(SHARES[SHARES["panel"] == "steps"], TITLE, 1 / 6).axes) == 1


@pytest.mark.parametrize("draw", [crowd.strip, crowd.final_losses])
def test_a_table_of_something_else_is_refused(draw):
    with pytest.raises(ValueError, match="lacks"):
        draw(SHARES, TITLE)
