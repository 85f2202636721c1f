"""Chapter 11's figures: bands at the article's ends, bars on their sides, and what is a model says so."""

import numpy as np
import pandas as pd
import pytest

from locolab.economy import demand, subsidy
from locolab.economy.intervals import Bounds
from locolab.report.figures import who_pays as figures


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def bands():
    rows = []
    for premium in (1.6, 3.5):
        for left in np.linspace(1, 0, 21):
            found = subsidy.relative_price(Bounds(premium, premium), Bounds(22, 40), float(left))
            rows.append((left, premium, found.low, found.high))
    return pd.DataFrame(rows, columns=["remaining", "premium", "low", "high"])


def curves():
    left = np.linspace(1, 0, 21)
    parts = []
    for elasticity in (0.0, 1.0):
        price = demand.break_even_price(30.0, left, elasticity)
        volume = demand.volume_left(price, elasticity)
        parts.append(
            pd.DataFrame({"elasticity": elasticity, "remaining": left, "price": price, "volume": volume})
        )
    return pd.concat(parts)


QUARTILES = [0.1, 0.2, 0.4, 0.8, 1.2]
SPREADS = pd.DataFrame(
    [(left, quantity, *QUARTILES) for quantity in ("price", "volume") for left in ("1/2", "none")],
    columns=["left", "quantity", *figures.QUANTILES],
)
BARS = pd.DataFrame(
    [("elasticity", "0.3", "3", 0.6, 0.15, -0.5), ("premium", "1.6", "3.5", 0.2, 0.3, 0.3)],
    columns=["label", "low_text", "high_text", "at_low", "at_high", "correlation"],
)
NETWORK = pd.DataFrame(
    [("new TAO", 417.0, 417.0, True, "8"), ("outside revenue", 3.0, 15.0, False, "228 to 1,140")],
    columns=["label", "low", "high", "issued", "note"],
)
DOLLAR = pd.DataFrame({"label": ["22:1", "40:1"], "customers": [1 / 23, 1 / 41]})


def test_the_bands_run_from_todays_price_to_the_premium():
    figure = figures.break_even(bands(), "a title")
    axes = figure.axes[0]
    assert axes.get_xlim() == (1, 0)
    assert axes.get_yscale() == "log"
    lines = {tuple(np.round([line.get_ydata()[0], line.get_ydata()[-1]], 3)) for line in axes.lines[:4]}
    assert lines == {(0.039, 1.6), (0.07, 1.6), (0.085, 3.5), (0.152, 3.5)}
    shown = texts(figure)
    assert {"premium 1.6x", "premium 3.5x", "the competitor's price", "today", "half"} <= set(shown)


@pytest.mark.parametrize(
    "figure",
    [
        lambda: figures.break_even(bands(), "a title"),
        lambda: figures.users(curves(), "a title"),
        lambda: figures.draws(SPREADS, "a title"),
        lambda: figures.tornado(BARS, "a title"),
    ],
    ids=["break-even", "users", "draws", "tornado"],
)
def test_what_is_a_model_says_so_inside_the_figure(figure):
    assert any("model, not forecast" in text for text in texts(figure()))


def test_users_have_one_line_for_each_elasticity_in_both_panels():
    price, volume = figures.users(curves(), "a title").axes
    at_half = [line.get_ydata()[10] for line in price.lines[:2]]
    assert at_half == pytest.approx([16.0, 31 / 16])
    assert [line.get_ydata()[10] for line in volume.lines[:2]] == pytest.approx([1.0, 16 / 31])


def test_draws_show_five_quantiles():
    price, volume = figures.draws(SPREADS, "a title").axes
    wide, middle, median = price.lines[:3]
    assert (list(wide.get_ydata()), list(middle.get_ydata())) == ([0.1, 1.2], [0.2, 0.8])
    assert list(median.get_ydata()) == [0.4]
    assert [label.get_text() for label in volume.get_xticklabels()] == ["1/2", "none"]


def test_a_tornados_ends_stand_on_their_own_sides():
    figure = figures.tornado(BARS, "a title")
    left, right = figure.axes
    sides = {text.get_text(): text.get_horizontalalignment() for text in left.texts[:4]}
    assert sides == {"0.3": "left", "3": "right", "1.6": "right", "3.5": "left"}
    assert [bar.get_width() for bar in right.patches] == [-0.5, 0.3]


def test_the_network_tells_issued_from_taken_by_shape():
    figure = figures.network(NETWORK, "a title")
    marks = [line.get_marker() for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert marks == ["D", "o"]
    assert "228 to 1,140" in texts(figure)


def test_a_dollar_is_split_without_rest():
    figure = figures.dollar(DOLLAR, "a title")
    widths = np.array([bar.get_width() for bar in figure.axes[0].patches]).reshape(2, 2)
    assert widths.sum(axis=0) == pytest.approx([1, 1])
    assert "4.3%" in texts(figure)


@pytest.mark.parametrize(
    ("draw", "frame", "column"),
    [
        (figures.dollar, DOLLAR, "customers"),
        (figures.break_even, bands(), "high"),
        (figures.network, NETWORK, "note"),
        (figures.users, curves(), "volume"),
        (figures.draws, SPREADS, "p50"),
        (figures.tornado, BARS, "correlation"),
    ],
)
def test_a_table_without_its_columns_is_refused(draw, frame, column):
    with pytest.raises(ValueError, match=f"lacks {column}"):
        draw(frame.drop(columns=column), "a title")
