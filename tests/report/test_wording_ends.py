"""Sentences about final losses, one per word, whatever the sign."""

import pytest

from locolab.report.claims import Outcome
from locolab.report.wording import ends, headline, sentence


@pytest.mark.parametrize(
    ("word", "value", "expected"),
    [
        ("beats", -0.125, "SparseLoCo ends 0.12 nats/token below DiLoCo, at H = 15"),
        ("matches", 0.01, "SparseLoCo ends within 0.05 nats/token of DiLoCo, at H = 15"),
        ("trails", 0.375, "SparseLoCo ends 0.38 nats/token above DiLoCo, at H = 15"),
        (
            "inconclusive",
            0.1,
            "SparseLoCo ends -0.20 to +0.40 nats/token from DiLoCo (n = 5): which is lower stays open",
        ),
    ],
)
def test_every_word_has_its_text(word, value, expected):
    outcome = Outcome("ours.a", "holds-small", "ran", "fast", value, -0.2, 0.4, 5, word=word, margin=0.05)
    texts = ends("SparseLoCo", "DiLoCo", ", at H = {H}")
    assert sentence(outcome, texts, H=15) == headline(outcome, texts, "neutral", H=15) == expected


def test_a_smoke_run_has_no_finding():
    outcome = Outcome("ours.a", "-", "ran", "smoke", 1.0, word="trails")
    assert headline(outcome, ends("SparseLoCo", "DiLoCo"), "neutral") == "neutral"
