"""Tables stay readable: words wrap to the left, numbers stay right, two dollars are no formula."""

import re

import pandas as pd
import pytest

from locolab.report import show

LONG = "from $3 million to $15 million, by a calculation <that> is not given"


@pytest.fixture
def shown(monkeypatch):
    """Return the list of what a table displays, as text."""
    texts = []
    monkeypatch.setattr(show, "display", lambda item: texts.append(item.data))
    return texts


def test_words_wrap_to_the_left_and_numbers_stay_right(shown):
    show.table(pd.DataFrame({"verdict": ["depends"], "statement": [LONG], "value": [0.5]}), "Rows")
    looks = re.findall(r'<td style="(.*?)">', shown[0])
    assert [look.split(";")[0] for look in looks] == [
        "text-align: left",
        "text-align: left",
        "text-align: right",
    ]
    assert [look.endswith("nowrap") for look in looks] == [True, False, False]


def test_text_is_shown_as_it_is(shown):
    show.table(pd.DataFrame({"statement": [LONG]}), "5 < 6")
    assert 'class="tex2jax_ignore mathjax_ignore"' in shown[0]
    assert "&lt;that&gt;" in shown[0]
    assert ">5 &lt; 6</caption>" in shown[0]
    assert "<style" not in shown[0]


def test_lines_in_a_cell_stay_apart(shown):
    show.table(pd.DataFrame({"measured": ["one\ntwo"]}))
    assert "one<br>two" in shown[0]


def test_a_folded_table_shows_its_caption(shown):
    show.table(pd.DataFrame({"a": [1]}), "Many rows", fold=True)
    assert shown[0].startswith("<details><summary>Many rows</summary>")
    assert "<caption" not in shown[0]


def test_an_empty_table_says_so(shown):
    show.table(pd.DataFrame({"a": []}), "Rows")
    show.table(pd.DataFrame({"a": []}))
    assert shown == ["*Rows: none*", "*none*"]
