"""The ledger itself: what its rows say, together."""

import re

import pytest

from locolab.corpus import facts
from locolab.report.claims import Measured, judge, load_ledger
from locolab.report.rows import RULES
from locolab.report.vocabulary import SECTIONS

LEDGER = load_ledger()
SPINE = (
    "01_article_audit",
    "02_local_steps",
    "03_sparsify_and_remember",
    "04_two_bits_on_the_wire",
    "05_train_together",
    "06_bandwidth_and_utilisation",
    "07_gauntlet",
    "09_mmlu",
    "12_scale_out",
    "11_who_pays",
    "10_subnet_economy",
    "08_churn_and_adversaries",
)
NEEDED = {
    "09_mmlu": """article.comparable-to-llama ours.mmlu-constant-letter ours.mmlu-contamination
        ours.mmlu-gap-over-questions ours.facts-taught ours.facts-held-out ours.facts-sparseloco-vs-dp
        ours.facts-diloco-vs-dp ours.facts-bits-vs-dp ours.mmlu-letter-moves ours.facts-unstated
        ours.control-above-chance ours.control-mmlu-cloze ours.facts-larger-taught ours.facts-larger-held-out
        ours.facts-larger-dp ours.facts-larger-vs-dp ours.continued-facts""",
    "07_gauntlet": """article.gauntlet-on-chain article.gauntlet-checks-each article.loss-score
        article.assigned-data-check article.only-highest-selected paper.raw-scores-noisy ours.tie-keeps-mean
        ours.trained-draw-evidence ours.wrong-data-control ours.noise-left-out ours.average-tells-pool
        ours.average-tells-trained ours.gathered-share ours.one-update-bound ours.scoring-cost-72b
        ours.scoring-cost ours.overlap-cost""",
    "05_train_together": """article.dp-syncs-every-step paper.mean-over-peers paper.sparseloco-matches-diloco
        paper.feedback-replaces-momentum paper.sparse-aggregation-improves ours.sparseloco-vs-dp
        ours.sparseloco-vs-published-diloco ours.sparseloco-per-byte ours.gap-shrinks-with-rounds
        ours.larger-model-vs-dp ours.larger-model-vs-diloco ours.topk-trains-better-than-random
        ours.feedback-trains-better ours.two-bits-train-as-well ours.contributor-mean-trains-as-well
        ours.model-learned""",
    "12_scale_out": """article.completely-decentralized ours.engine-same-bytes ours.kill-costs-others
        ours.join-within-two ours.replay-bit-for-bit ours.no-list-no-round ours.round-overhead
        ours.payloads-reach-dense""",
    "01_article_audit": """article.tao-share article.table-units article.two-market-caps article.fdv
        article.ps-20x article.revenue-twice article.dewatered-ps-low article.dewatered-ps-high
        article.staking-rate-high article.volume-ratio article.hundreds-of-millions
        article.density-and-ratio ours.table-exceeds-sector ours.turnover-below-sector""",
    "02_local_steps": """paper.local-steps-save ours.published-outer-settings ours.averaging-vs-dp
        article.local-steps-30""",
    "03_sparsify_and_remember": """article.topk-density paper.error-feedback-conserves ours.feedback-cosine
        ours.topk-vs-random paper.feedback-approximates-momentum article.error-feedback""",
    "04_two_bits_on_the_wire": """article.compression-146x paper.position-bound-7.36
        article.hundred-mb-to-one article.two-bit-quantisation ours.packed-ratio ours.templar-ratio
        ours.ccloco-ratio ours.entropy-bits paper.parameters-72b ours.payload-72b
        ours.public-quantiser-error paper.bound-overhead ours.thrifty-ratio ours.thrifty-error
        ours.thrifty-in-training ours.thrifty-loss""",
    "06_bandwidth_and_utilisation": """article.utilisation-94.5 article.seventy-seconds
        article.bandwidth-bottleneck-broken article.frees-from-infiniband article.consumer-grade
        article.compress-and-upload paper.utilisation-8b paper.utilisation-intellect-1
        paper.twelve-seconds-8b ours.link-model-error ours.utilisation-one-link
        ours.utilisation-eight-links ours.round-trips-count ours.upload-window ours.time-that-enters
        ours.download-share ours.break-even-72b""",
    "08_churn_and_adversaries": """article.dozens-of-nodes article.solves-slacking paper.median-norm
        paper.sybil-exponent ours.sign-flip-none ours.sign-flip-bounds ours.sign-flip-full
        ours.mixture-full ours.recall-of-seven ours.precision-of-seven ours.honest-kept ours.slackers-pay
        ours.public-rules-spare-seats ours.public-rules-checks-exclude ours.public-rules-scarce-seats""",
    "10_subnet_economy": """article.poi-rewards-quality article.supply-cap-21m article.feedback-loop
        article.super-leverage article.supply-squeeze article.supply-side-tightening ours.inflow-for-444
        ours.withdrawable-after-444 ours.loop-down ours.flow-shut-off ours.yuma-half ours.copier-pay
        ours.best-peer-pay""",
    "11_who_pays": """ours.implied-price ours.below-competitor ours.price-after-half ours.above-at-quarter
        ours.halving-and-subsidy ours.emission-against-revenue ours.ratio-fits-revenue ours.subsidy-measure
        ours.half-the-volume ours.elasticity-first""",
    "13_scorecard": "ours.coverage",
}


def test_the_three_sections_are_apart_and_make_up_the_whole():
    assert sum(len(LEDGER.section(name)) for name in SECTIONS) == len(LEDGER)
    assert all(claim.id.startswith(f"{claim.section}.") for claim in LEDGER.values())


@pytest.mark.parametrize("notebook", NEEDED)
def test_the_rows_that_notebooks_settle_now_are_there_and_wait_for_nothing(notebook):
    for name in NEEDED[notebook].split():
        assert (LEDGER[name].notebook, LEDGER[name].status) == (notebook, "not-run")


def test_rows_of_notebooks_still_to_be_written_say_so():
    for claim in LEDGER.values():
        if claim.notebook and claim.check.rule != "none" and claim.status == "not-run":
            assert claim.notebook in (*SPINE, "13_scorecard"), claim.id


def test_the_control_is_held_against_what_spelling_gives():
    row = LEDGER["ours.control-above-chance"]
    assert row.check.value == pytest.approx(facts.floors(facts.questions())["spelling"], abs=5e-5)


def test_every_rule_is_in_use():
    assert {claim.check.rule for claim in LEDGER.values()} == set(RULES)


def test_every_deterministic_row_of_the_present_notebooks_gates():
    for claim in LEDGER.values():
        if claim.status == "not-run" and claim.check.rule != "none":
            assert claim.gate != claim.stochastic, claim.id


@pytest.mark.parametrize("claim", [c for c in LEDGER.values() if c.readings], ids=lambda c: c.id)
def test_the_readings_as_the_ledger_has_them_give_the_verdict_it_expects(claim):
    numbers = {r.id: float(r.gives) for r in claim.readings if not isinstance(r.gives, str)}
    outcome = judge(claim, Measured(readings=numbers if claim.check.each else None), "fast")
    assert [r["verdict"] for r in outcome.readings] == [r.verdict for r in claim.readings]
    assert outcome.verdict == claim.expected_verdict


@pytest.mark.parametrize(
    "claim",
    [
        c
        for c in LEDGER.values()
        if c.expected is not None and c.expected_verdict and c.check.rule in ("equal", "at-least", "at-most")
    ],
    ids=lambda c: c.id,
)
def test_the_expected_number_gives_the_expected_verdict(claim):
    assert judge(claim, Measured(claim.expected), "fast").verdict == claim.expected_verdict


def test_what_does_not_agree_says_what_would_change_it():
    for claim in LEDGER.values():
        settled = claim.kind == "opinion" or claim.expected_verdict in ("adds-up", "reproduced")
        assert settled or claim.would_change, claim.id


def test_a_source_is_named_where_the_article_is_held_against_one():
    for claim in LEDGER.section("article").values():
        if claim.faithful in ("as-source", "differs-from-source"):
            assert claim.source, claim.id


def test_quotes_are_few():
    assert sum(len(claim.quote.split()) for claim in LEDGER.values()) <= 400


PROSE = ("statement", "note", "would_change", "value", "unit")


def texts(claim):
    yield from ((name, getattr(claim, name)) for name in PROSE)
    yield "check.of", claim.check.of
    yield from ((r.id, f"{r.condition} {r.gives}") for r in claim.readings)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            r"price target|we recommend|good (buy|investment)|should (buy|sell|hold)|will (rise|fall) to",
            "advice",
        ),
        (
            r"\b(debunk\w*|expos(e|ed|ing)|fak(e|ed|es)|lies?|lied|wrong|bug|false|scam|fraud\w*)\b",
            "judgement",
        ),
        (r"Clark|Jensen|Huang|Chamath", "a person's name"),
        (r"/work|/tmp|/root", "a path of one machine"),
    ],
)
def test_our_words_are_fair(words, why):
    for claim in LEDGER.values():
        for name, text in texts(claim):
            found = re.search(words, str(text), re.IGNORECASE)
            assert not found, f"{claim.id}, {name}: {found[0]!r} is {why}"


def test_no_statement_is_longer_than_two_lines_of_a_table():
    assert max(len(claim.statement) for claim in LEDGER.values()) <= 200
