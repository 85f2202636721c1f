"""Chapter 01's figures: every figure has its place, every relation its mark, every row its interval."""

import math

import pytest

from locolab.report import style
from locolab.report.audit import DOES_NOT, table
from locolab.report.figures import audit as figures
from locolab.report.ledger import load_ledger
from locolab.report.relations import FIGURES, RELATIONS


def texts(figure):
    figure.draw_without_rendering()
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_graph_shows_every_figure_once_and_a_mark_for_every_relation():
    figure = figures.graph(RELATIONS, FIGURES.values(), "a title")
    shown = texts(figure)
    boxes = {f.part_of or f.name for each in RELATIONS for f in (each.states, *each.inputs)}
    assert len(shown) == 2 * len(boxes)
    assert "~\\$3.42B" in shown
    marks = [line.get_marker() for line in figure.axes[0].lines]
    expected = [style.VERDICTS[each.verdict].marker for each in RELATIONS]
    assert sorted(marks) == sorted(expected)


def test_boxes_do_not_overlap_and_lanes_run_between_them():
    places = list(figures.PLACES.values())
    for i, (x, y) in enumerate(places):
        assert all(x != u or abs(y - v) >= figures.HIGH for u, v in places[:i])
    for start, lanes in figures.LANES.items():
        for column, row in lanes.items():
            rows = [v for u, v in places if u == column]
            assert min(abs(row - v) for v in rows) > figures.HIGH / 2, (start, column)


def test_a_relation_past_a_column_needs_a_lane():
    for each in RELATIONS:
        column = figures.PLACES[each.states.part_of or each.states.name][0]
        for given in each.inputs:
            name = given.part_of or given.name
            between = range(figures.PLACES[name][0] + 1, column)
            assert set(between) <= set(figures.LANES.get(name, {})), (each.name, name)


def test_contradictions_draw_the_printed_and_the_computed_interval():
    frame = table(RELATIONS, load_ledger())
    figure = figures.contradictions(frame, "a title")
    axes = figure.axes[0]
    assert len(axes.lines) == 3 * len(frame)
    stated, computed, mark = axes.lines[3:6]  # the second row: 34.3 against 3.43
    assert list(stated.get_xdata()) == pytest.approx([math.log(34.25 / 34.3), math.log(34.35 / 34.3)])
    assert list(computed.get_xdata()) == pytest.approx([math.log(3.425 / 34.3), math.log(3.435 / 34.3)])
    assert mark.get_marker() == style.VERDICTS[DOES_NOT].marker
    assert "34.3" in axes.get_yticklabels()[1].get_text()
    assert texts(figure)[1] == "cap of section 1, in billions: 3.43"


def test_open_sides_end_at_the_axis_and_other_chapters_are_named():
    frame = table(RELATIONS, load_ledger())
    figure = figures.contradictions(frame, "a title")
    ends = [abs(x) for line in figure.axes[0].lines for x in line.get_xdata()]
    assert max(ends) == pytest.approx(math.log(figures.LIMIT))
    assert any(text.endswith("(ch. 04)") for text in texts(figure))


def test_a_table_without_its_columns_is_refused():
    frame = table(RELATIONS, load_ledger())
    with pytest.raises(ValueError, match="lacks anchor"):
        figures.contradictions(frame.drop(columns="anchor"), "a title")
