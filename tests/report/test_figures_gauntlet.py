"""Chapter 07's figures."""

import numpy as np
import pandas as pd
import pytest

from locolab.report.figures import gauntlet

TITLE = "a title"
P = {(8, 0.1875): 0.58, (8, 1.0): 0.84, (32, 0.1875): 0.66}
EVIDENCE = pd.DataFrame(
    [(seed, share, n, p + seed / 50) for (n, share), p in P.items() for seed in (0, 1)],
    columns=["seed", "share", "sequences", "p"],
)


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_evidence_has_a_curve_for_each_number_drawn_the_control_and_the_mend():
    figure = gauntlet.evidence_curves(EVIDENCE, EVIDENCE.assign(p=0.5), 0.1875, TITLE)
    names = [text.get_text() for text in figure.legends[0].texts]
    assert names == ["8 sequences", "32 sequences", "trained other data (8 sequences)"]
    assert any("the mend" in text for text in texts(figure.axes[0]))
    assert any(text.startswith("18.75%") for text in texts(figure.axes[0]))


def test_without_the_two_ends_no_mend_is_drawn():
    part = EVIDENCE[EVIDENCE["share"] < 1]
    figure = gauntlet.evidence_curves(part, part, 0.1875, TITLE)
    assert not any("the mend" in text for text in texts(figure.axes[0]))


def test_where_the_average_never_tells_its_curve_ends_and_the_ground_says_so():
    needed = pd.DataFrame({"p": [0.6, 0.8, 0.9], "average": [np.inf, 30, 10], "counting": [250, 25, 9]})
    marks = pd.DataFrame({"label": ["pool"], "p": [0.58]})
    axes = gauntlet.rounds_needed(needed, marks, TITLE).axes[0]
    assert list(axes.lines[0].get_xdata()) == [0.8, 0.9]
    assert any("never tells" in text for text in texts(axes))
    told = gauntlet.rounds_needed(needed.assign(average=[99, 30, 10]), marks, TITLE).axes[0]
    assert not any("never tells" in text for text in texts(told))


def test_the_best_place_is_on_top_and_scores_are_percentages():
    rows = [(at, peer, 0.01, rank, 25.0) for at in (0, 1) for rank, peer in ((1, "all steps"), (2, "noise"))]
    frame = pd.DataFrame(rows, columns=["round", "peer", "raw", "rank", "rating"])
    raw, places, _ = gauntlet.settling(frame, TITLE).axes
    assert list(raw.lines[0].get_ydata()) == [1.0, 1.0]
    assert places.yaxis_inverted()
    assert raw.lines[1].get_linestyle() == "--"


def test_both_schemes_are_drawn_over_the_place():
    paid = pd.DataFrame({"place": [1, 2], "score": [2.0, 1.0], "templar": [0.3, 0.2], "paper": [0.8, 0.2]})
    axes = gauntlet.rewards(paid, TITLE).axes[0]
    assert [list(line.get_ydata()) for line in axes.lines[:2]] == [[0.3, 0.2], [0.8, 0.2]]


@pytest.mark.parametrize("draw", [gauntlet.settling, gauntlet.rewards])
def test_a_table_that_lacks_columns_is_named(draw):
    with pytest.raises(ValueError, match="draws a tidy table"):
        draw(pd.DataFrame({"place": [1]}), TITLE)
