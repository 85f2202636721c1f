"""Every rule of the ledger at its boundaries."""

import dataclasses
import itertools
import json

import pytest

from locolab.report.claims import (
    Check,
    Claim,
    ClaimError,
    Measured,
    Outcome,
    Reading,
    gate_fails,
    judge,
    standing,
)
from locolab.report.statistics import Comparison, Interval, compare
from locolab.report.vocabulary import KIND_VERDICTS, KINDS, allowed_verdicts, default_sides


def row(check, kind="measured", scale="exact", value="", readings=()):
    places = ("here",)
    return Claim("ours.row", "ours", places, "...", kind, check, value, "x", scale=scale, readings=readings)


@pytest.mark.parametrize(
    ("unit", "printed"), [("year", "2025 year; equal 2025;"), ("x", "2,025 x; equal 2,025;")]
)
def test_a_year_is_printed_without_a_comma(unit, printed):
    claim = dataclasses.replace(row(Check("equal", value=2025)), unit=unit)
    assert judge(claim, Measured(2025), "fast").text.startswith(printed)


def verdict(claim, *args, profile="fast", **measured):
    return judge(claim, Measured(*args, **measured), profile).verdict


@pytest.mark.parametrize(
    ("printed", "measured", "expected"),
    [
        ("19.6%", {"value": 19.55}, "adds-up"),
        ("19.6%", {"value": 19.65}, "adds-up"),
        ("19.6%", {"value": 19.6501}, "does-not-add-up"),
        ("19.6%", {"value": 19.7, "low": 19.64, "high": 19.76}, "adds-up"),  # the intervals meet
        ("19.6%", {"value": 19.7, "low": 19.66, "high": 19.76}, "does-not-add-up"),
        ("over 440%", {"value": 440}, "adds-up"),
        ("over 440%", {"value": 439.9}, "does-not-add-up"),
        ("less than 1MB", {"value": 1.01}, "does-not-add-up"),
    ],
)
def test_rounds_to_asks_whether_the_rounding_intervals_meet(printed, measured, expected):
    assert verdict(row(Check("rounds-to"), "arithmetic", value=printed), **measured) == expected


@pytest.mark.parametrize(
    ("rule", "measured", "expected"),
    [
        ("at-least", {"value": 10}, "reproduced"),
        ("at-least", {"value": 9.999}, "contradicted"),
        ("at-least", {"value": 10.5, "low": 10, "high": 11}, "reproduced"),
        ("at-least", {"value": 10.5, "low": 9.9, "high": 11}, "inconclusive"),
        ("at-least", {"value": 9, "low": 8, "high": 9.9}, "contradicted"),
        ("at-most", {"value": 10}, "reproduced"),
        ("at-most", {"value": 10.001}, "contradicted"),
        ("at-most", {"value": 9.5, "low": 9, "high": 10.1}, "inconclusive"),
        ("equal", {"value": 10}, "reproduced"),
        ("equal", {"value": 10.0000001}, "contradicted"),
    ],
)
def test_a_bound_belongs_to_its_side_and_an_interval_across_it_decides_nothing(rule, measured, expected):
    assert verdict(row(Check(rule, value=10)), **measured) == expected


def test_an_equal_rule_has_absolute_and_relative_tolerance():
    claim = row(Check("equal", value=100, abs=1, rel=0.01))
    assert verdict(claim, 102) == "reproduced"
    assert verdict(claim, 102.1) == "contradicted"
    assert verdict(claim, 101, low=100, high=103) == "inconclusive"


def test_the_bound_of_a_rule_may_differ_by_profile():
    claim = row(Check("at-least", value={"smoke": 1, "fast": 10, "full": 100}))
    found = [verdict(claim, 10, profile=p) for p in ("smoke", "fast", "full")]
    assert found == ["reproduced", "reproduced", "contradicted"]


def difference(low, high, margin, lower_is_better=True):
    """Return the comparison of an interval, its word as `statistics.compare` decides it."""
    interval = Interval((low + high) / 2, low, high, 3)
    bare = Comparison("inconclusive", interval, margin, lower_is_better)
    word = "matches" if bare.matches else "beats" if bare.beats else "trails" if bare.trails else bare.word
    return Comparison(word, interval, margin, lower_is_better)


@pytest.mark.parametrize(
    ("expects", "low", "high", "expected"),
    [
        ("beats", -0.9, -0.2, "holds-small"),
        ("beats", -0.04, -0.01, "holds-small"),  # sure, if small: it excludes 0
        ("beats", 0.2, 0.9, "not-seen-small"),
        ("beats", -0.9, 0.2, "inconclusive"),
        ("matches", -0.09, 0.09, "holds-small"),
        ("matches", -0.9, -0.2, "not-seen-small"),
        ("matches", -0.11, 0.09, "inconclusive"),
        ("trails", 0.2, 0.9, "holds-small"),
        ("trails", -0.05, 0.05, "not-seen-small"),
        ("not-worse", -0.9, 0.09, "holds-small"),  # inconclusive as a comparison, yet surely not worse
        ("not-worse", 0.01, 0.09, "holds-small"),
        ("not-worse", 0.01, 0.2, "not-seen-small"),
        ("not-worse", -0.01, 0.2, "inconclusive"),
    ],
)
def test_a_paired_rule_follows_the_interval_of_the_difference(expects, low, high, expected):
    claim = row(Check("paired", expects=expects, margin=0.1), scale="small")
    assert verdict(claim, comparison=difference(low, high, 0.1)) == expected


def test_a_paired_rule_takes_what_compare_returns_and_shows_its_interval():
    claim = row(Check("paired", expects="beats", margin="baseline-sd", better="higher"), scale="small")
    compared = compare([0.9, 0.91, 0.92], [0.5, 0.52, 0.51], lower_is_better=False)
    outcome = judge(claim, Measured(comparison=compared), "fast")
    assert (outcome.verdict, outcome.word, outcome.n) == ("holds-small", "beats", 3)
    assert (outcome.value, outcome.low, outcome.high) == (
        compared.interval.mean,
        compared.interval.low,
        compared.interval.high,
    )


@pytest.mark.parametrize(
    ("check", "comparison", "message"),
    [
        (Check("paired", expects="beats", margin=0.2), difference(-1, -0.5, 0.1), "the row's margin is 0.2"),
        (
            Check("paired", expects="beats", margin=0.1, better="higher"),
            difference(-1, -0.5, 0.1),
            "the row says higher is better",
        ),
        (Check("paired", expects="beats", margin=0.1), None, "needs a comparison"),
    ],
)
def test_a_margin_or_direction_changed_after_the_row_was_written_is_refused(check, comparison, message):
    with pytest.raises(ClaimError, match=message):
        verdict(row(check, scale="small"), comparison=comparison)


READINGS = (
    Reading("fp32", "against fp32", 146.3, "reproduced", "yes"),
    Reading("bf16", "against bf16", 73.1, "contradicted", "silent"),
)


def test_readings_that_disagree_depend_and_ones_that_agree_give_their_verdict():
    claim = row(Check("readings", each=Check("at-least", value=146)), readings=READINGS)
    assert verdict(claim, readings={"fp32": 146.3, "bf16": 73.1}) == "depends"
    assert verdict(claim, readings={"fp32": 146.3, "bf16": 150}) == "reproduced"
    assert verdict(claim, readings={"fp32": 14, "bf16": 15}) == "contradicted"


def test_every_reading_is_kept_with_what_was_measured():
    claim = row(Check("readings", each=Check("at-least", value=146)), readings=READINGS)
    outcome = judge(claim, Measured(readings={"fp32": 146.2857, "bf16": 73.14}), "fast")
    assert [(r["id"], r["gives"], r["verdict"]) for r in outcome.readings] == [
        ("fp32", 146.2857, "reproduced"),
        ("bf16", 73.14, "contradicted"),
    ]


def test_readings_that_are_texts_keep_the_verdict_of_the_ledger():
    texts = (
        Reading("a", "if a", "one way", "reproduced", "yes"),
        Reading("b", "if b", "other", "reproduced", "no"),
    )
    assert verdict(row(Check("readings"), "mechanism", readings=texts)) == "reproduced"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fp32": 146.3}, "needs a number for its reading 'bf16'"),
        ({"fp32": 146.3, "bf16": 73.1, "fp8": 36}, r"has no reading \['fp8'\]"),
    ],
)
def test_a_missing_or_unknown_reading_is_refused(given, message):
    claim = row(Check("readings", each=Check("at-least", value=146)), readings=READINGS)
    with pytest.raises(ClaimError, match=message):
        verdict(claim, readings=given)


@pytest.mark.parametrize(
    ("measured", "message"),
    [
        ({}, "needs a value"),
        ({"value": float("nan")}, "not an interval of numbers"),
        ({"value": 1, "low": 2, "high": 1}, "not an interval of numbers"),
        ({"value": 1, "low": float("nan"), "high": 1}, "not an interval of numbers"),
        ({"value": 5, "low": 1, "high": 2}, "outside its own interval"),
    ],
)
def test_what_is_no_number_gets_no_verdict(measured, message):
    with pytest.raises(ClaimError, match=message):
        verdict(row(Check("at-least", value=1)), **measured)


def test_an_unknown_profile_is_refused():
    with pytest.raises(ClaimError, match="no profile 'quick'; profiles: smoke, fast, full"):
        verdict(row(Check("at-least", value=1)), 1, profile="quick")


def test_smoke_judges_formats_but_not_trainings():
    small = row(Check("at-least", value=10), scale="small")
    outcome = judge(small, Measured(3.0), "smoke")
    assert (outcome.verdict, outcome.status, outcome.text) == ("-", "ran", "smoke run: shape only")
    assert verdict(row(Check("at-least", value=10)), 3.0, profile="smoke") == "contradicted"


@pytest.mark.parametrize("kind", ["mechanism", "measured"])
def test_a_small_training_is_never_contradicted_or_reproduced(kind):
    checks = [Check("at-least", value=0), Check("at-most", value=0), Check("equal", value=0)]
    found = {
        verdict(row(check, kind, "small"), x) for check, x in itertools.product(checks, (-1.0, 0.0, 1.0))
    }
    assert found == {"holds-small", "not-seen-small"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KIND_VERDICTS[kind] != {"not-testable"}])
def test_default_verdicts_are_allowed_for_their_kind(kind):
    assert set(default_sides(kind, "exact")) <= allowed_verdicts(kind, "exact")


@pytest.mark.parametrize("kind", ["external", "opinion"])
def test_what_only_others_records_or_taste_settle_is_not_testable(kind):
    assert allowed_verdicts(kind, "exact") == {"not-testable"}


def test_the_verdicts_of_both_sides_can_be_named():
    claim = row(Check("at-least", value=1, passes="holds-small", fails="not-seen-small"))
    assert [verdict(claim, x) for x in (0, 2)] == ["not-seen-small", "holds-small"]


def test_opinions_are_not_testable_whatever_was_measured():
    outcome = judge(row(Check("none", reason="opinion"), "opinion"), Measured(1.0), "fast")
    assert outcome.verdict == "not-testable"
    assert "opinion" in outcome.text


def test_before_a_run_only_rows_that_no_run_can_settle_have_a_verdict():
    assert standing(row(Check("none", reason="prediction"), "opinion")).verdict == "not-testable"
    before = standing(row(Check("at-least", value=1)))
    assert (before.verdict, before.status) == ("-", "not-run")


def test_recorded_results_are_marked_as_such():
    assert judge(row(Check("at-least", value=1)), Measured(2, recorded=True), "fast").status == "recorded"


@pytest.mark.parametrize(
    ("old", "new", "fails"),
    [
        ("reproduced", "contradicted", True),
        ("depends", "reproduced", True),
        ("reproduced", "inconclusive", True),
        ("reproduced", "reproduced", False),
        ("reproduced", "-", False),
        (None, "contradicted", False),
    ],
)
def test_a_gate_fails_exactly_when_a_verdict_differs_from_the_expected_one(old, new, fails):
    assert gate_fails(old, new) is fails


def test_an_outcome_survives_json_and_has_no_time_in_it():
    claim = row(Check("readings", each=Check("at-least", value=146)), readings=READINGS)
    outcome = judge(claim, Measured(readings={"fp32": 146.3, "bf16": 73.1}, note="ten seeds"), "fast")
    again = Outcome.from_dict(json.loads(json.dumps(outcome.to_dict())))
    assert again == outcome
    assert not {"time", "date", "seconds"} & set(outcome.to_dict())


def test_the_line_of_an_outcome_names_value_interval_seeds_rule_and_verdict():
    outcome = judge(row(Check("at-least", value=10)), Measured(10.5, 10.1, 10.9, 5), "fast")
    assert outcome.text == "10.5 x [10.1, 10.9] n = 5; at least 10; reproduced"
