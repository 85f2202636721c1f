"""Every figure draws the values it was given, keeps its texts inside and apart, and refuses other tables."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text

from locolab.report import style
from locolab.report.figures import (
    feedback,
    local_steps,
    overview,
    settings,
    story,
    together,
    utilisation,
    wire,
)

TITLE = "A finding with a number, 1.23 nats over 3 seeds, long enough to be wrapped onto a second line"
SEEDS, ROUNDS = range(3), range(1, 31, 3)
METHODS = list(style.METHODS)


NOISE = np.random.default_rng(0)


def jitter():
    return NOISE.normal(0, 0.02)


def training():
    rows = [
        (method, seed, r, 10.0 ** (5 - i) * r, 2 + i / 10 + 3 * np.exp(-r / 9) + jitter(), i / 10 + jitter())
        for i, method in enumerate(METHODS) for seed in SEEDS for r in ROUNDS
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "seed", "round", "sent_bytes", "validation_loss", "gap"])


def steps():
    rows = [
        (m, seed, h, 48e6 / h, i * np.log(h) / 9 + jitter())
        for i, m in enumerate(METHODS[1:4]) for h in (5, 15, 30, 60) for seed in SEEDS
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=local_steps.COLUMNS)


def live():
    table = training()
    return table.query("method != 'sparseloco'").assign(
        tokens=table["round"] * 30720, update_norm=table["gap"] + 1
    )


def trials():
    rates = [
        (arm, rate, 1.0, 0.0, 5 + i / 5 + abs(np.log2(rate / 0.002)) / 5)
        for i, arm in enumerate(METHODS[:3]) for rate in (0.001, 0.002, 0.004, 0.008)
    ]  # fmt: skip
    outer = [("diloco_tuned", 0.004, lr, mu, 5 + lr + mu) for lr in (0.7, 1.0) for mu in (0.0, 0.5, 0.9)]
    return pd.DataFrame(rates + outer, columns=local_steps.TRIALS)


def finished():
    others = itertools.product(METHODS[1:], (5, 15, 30))
    rows = [
        (m, seed, h, (1.4e6 if m == "sparseloco" else 2e8) / h, 2 + METHODS.index(m) / 20 + h / 300)
        for m, h in [*others, ("adamw_dp", 15)] for seed in SEEDS
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=together.QUALITY)
    table.loc[table["method"] == "adamw_dp", "sent_bytes"] = 1.1e9
    return table


def lengths():
    rows = [
        (m, seed, n, n / 64 if m == "sparseloco" else float(n), 1 / n + METHODS.index(m) / 20 + jitter())
        for m in ("diloco_tuned", "sparseloco") for n in (38, 75, 150, 300) for seed in SEEDS
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "seed", "rounds", "visits", "gap"])


def paid():
    table = training().query("method in ('adamw_dp', 'diloco_tuned', 'sparseloco')")
    return table.assign(tokens=table["round"] * 15360, days=table["sent_bytes"] / 1e5)


def grid():
    outer = {
        "adamw_dp": [""],
        "diloco_tuned": ["outer (0.7, 0.5)", "outer (1, 0.3)"],
        "sparseloco": ["outer lr 1.4, decay 0.95"],
    }
    rates = (0.0005, 0.001, 0.0015, 0.002, 0.004, 0.006, 0.008, 0.012, 0.016, 0.032)
    rows = [
        (a, s, rate, 3 + abs(np.log2(rate / 0.004)) / 5) for a in outer for s in outer[a] for rate in rates
    ]
    return pd.DataFrame(rows, columns=settings.TRIAL)


def kept():
    runs = itertools.product((4, 64, 256, 4096), (2.0, 1.0), SEEDS)
    rows = [(k, rate, seed, 57 * k, 4 - np.log2(k) / 20 + jitter()) for k, rate, seed in runs]
    return pd.DataFrame(rows, columns=["k", "outer_lr", "seed", "payload_bytes", "validation_loss"])


def knobs():
    arms = {"positions=random": 0.6, "decay=0": 0.1, "bits=1 group=1": 0.02, "values=templar": -0.01}
    rows = [(arm, seed, gap + jitter()) for arm, gap in arms.items() for seed in SEEDS]
    return settings.changed(pd.DataFrame(rows, columns=["arm", "seed", "gap"]), settings.SENT)


def memory(ks=(64,)):
    arms = itertools.product(("magnitude", "random"), (0.0, 0.95, 1.0), ks)
    rows = [
        {
            "round": r, "selection": selection, "decay": decay, "k": k, "seed": seed,
            "cosine": top * (1 - np.exp(-r / 8)) + jitter(), "arrived": top / 2, "remembered": decay / 4,
            "forgotten": 1 - top / 2 - decay / 4, "visited": top * r / 40,
            "feedback_momentum": top + jitter(), "sent_momentum": top / 2,
            "produced_momentum": 0.3, "feedback_unrelated": 0.0,
        }
        for (selection, decay, k), top in zip(arms, itertools.cycle((0.6, 0.9, 0.95, 0.1, 0.8, 0.85)))
        for seed in SEEDS for r in ROUNDS
    ]  # fmt: skip
    return pd.DataFrame(rows)


def memory_or_none():
    return memory().query("decay < 1")


def with_memory():
    return memory().query("decay == 0.95")


def densities():
    return (
        memory((4, 16, 64, 256, 1024)).query("decay == 0.95 and round == round.max()").drop(columns="round")
    )


def formats():
    n = 72_747_327_488
    table = pd.DataFrame(
        [("as coded", 64, 8, 0.1), ("public code", 12, 8, 0.01), ("paper", 12, 2, 0), ("ours", 7.5, 2, 0.06)],
        columns=["format", "positions", "values", "rest"],
    )
    bits = table[["positions", "values", "rest"]].sum(axis=1)
    table = table.assign(payload_bytes=n / 64 * bits / 8, ratio_fp32=2048 / bits, ratio_bf16=1024 / bits)
    table.loc[len(table)] = ["bound", 7.364, 2, 0, None, 219, None]
    return table


def claims():
    verdicts = itertools.cycle([*style.VERDICTS, "-"])
    sizes = {"article": 90, "paper": 12, "ours": 5}
    rows = [(f"{s}.{i}", s, next(verdicts)) for s, size in sizes.items() for i in range(size)]
    return pd.DataFrame(rows, columns=["id", "section", "verdict"])


def links():
    widest = ("super leverage", "of components are sent.", "does-not-add-up", "ran", "04_x")
    rows = [widest, ("22-40:1", "subsidy to revenue", "not-testable", "not-run", "")] * 5
    waiting = ("94.5%", "of the time", "-", "not-yet", "06_x")
    return pd.DataFrame([*rows, waiting], columns=["figure", "about", "verdict", "status", "notebook"])


def paired():
    rows = [
        ("ours.a", -0.3, -0.4, -0.2, 0.1, "lower", "holds-small"),
        ("paper.sparseloco-matches-diloco", 0.02, -0.5, 0.54, 0.1, "higher", "inconclusive"),
        ("ours.c", 0.2, 0.1, 0.3, 0.1, "lower", "not-seen-small"),
        ("ours.ratio", 146.3, None, None, None, "", "reproduced"),
    ]
    return pd.DataFrame(rows, columns=["id", "value", "low", "high", "margin", "better", "verdict"])


def spans():
    """Five peers: one uploads past the deadline, the others wait for it."""
    rows = []
    for index, peer in enumerate(
        ("eight links", "quick computer", "slow computer", "one link down", "one link up")
    ):
        ends = (1200, 1205, 1223 if index < 4 else 1350, 1240 if index < 4 else 1370, 1375, 1376)
        phases = ("compute", "compress", "upload", "download", "aggregate", "outer")
        starts = (0, *ends)
        rows += [(peer, *row) for row in zip(phases, starts, ends, strict=False)]
        rows.append((peer, "wait", ends[-1], 1380))
    return pd.DataFrame(rows, columns=["peer", "phase", "start", "end"])


def errors():
    links_ = ("110/500 Mb/s, 50 ms", "220/440 Mb/s, 20 ms", "400/400 Mb/s, 100 ms")
    rows = [(link, mib, 0.02 + jitter() / 10) for link in links_ for mib in (1, 4, 16, 64) for _ in SEEDS]
    return pd.DataFrame(rows, columns=["link", "mib", "error"])


def curves():
    rates = np.geomspace(50, 50_000, 60)
    rows = [
        (name, rate, rate / (rate + half), rate / (rate + 0.7 * half))
        for name, half in (("72.7B", 330), ("8B", 130), ("INTELLECT-1, 10B", 290)) for rate in rates
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "mbps", "low", "high"])


POINTS = pd.DataFrame(
    [
        ("printed at 110/500:\n72.7B 94.5 %, 8B 95.7 %", 500, 0.945, True, -24, 0),
        ("", 500, 0.957, True, 1, 0),
        ("72.7B, one link:\n60.5 to 69.0 %", 500, 0.605, False, 26, -16),
        ("72.7B, eight links:\n92.5 to 94.7 %", 4000, 0.925, False, 22, -26),
    ],
    columns=["label", "mbps", "utilisation", "printed", "dx", "dy"],
)


def needed():
    methods = (
        "data-parallel, bf16",
        "DiLoCo, fp32, H = 30",
        "DiLoCo, int8, H = 100",
        "SparseLoCo, paper, 146x",
    )
    rows = [(m, k, 5e6 / 12**i / s) for i, m in enumerate(methods) for k, s in (("72.7B", 1), ("8B", 9))]
    return pd.DataFrame(rows, columns=["method", "model", "mbps"])


FIGURES = {
    "gap_against_bytes": (local_steps.gap_against_bytes, steps),
    "loss_against_tokens": (local_steps.loss_against_tokens, live),
    "step_length": (local_steps.step_length, live),
    "trials": (local_steps.trials, trials),
    "quality_per_byte": (together.quality_per_byte, finished),
    "gap_over_rounds": (together.gap_over_rounds, lengths),
    "clocks": (together.clocks, paid),
    "trial_table": (settings.trial_table, grid),
    "density_sweep": (functools.partial(settings.density_sweep, chunk=4096, marked=64), kept),
    "changes": (functools.partial(settings.changes, margin=0.02, limit=0.4), knobs),
    "cosine_by_round": (feedback.cosine_by_round, memory_or_none),
    "shares_at_end": (feedback.shares_at_end, memory),
    "visits_by_round": (functools.partial(feedback.visits_by_round, density=1 / 64), memory_or_none),
    "momentum_by_round": (feedback.momentum_by_round, with_memory),
    "trade_by_density": (functools.partial(feedback.trade_by_density, chunk=4096, marked=64), densities),
    "bits_per_value": (wire.bits_per_value, formats),
    "timeline": (
        functools.partial(utilisation.timeline, marks={"window ends": 1200, "deadline": 1270}, start=1160),
        spans,
    ),
    "model_error": (functools.partial(utilisation.model_error, limit=0.1), errors),
    "bandwidth_map": (lambda curves, title: utilisation.bandwidth_map(curves, POINTS, title), curves),
    "break_even": (
        functools.partial(utilisation.break_even, links={"one link": 500, "eight links": 4000}),
        needed,
    ),
    "verdict_counts": (overview.verdict_counts, claims),
    "comparisons": (overview.comparisons, paired),
    "story": (story.story, links),
}


def texts(figure):
    """Return the boxes of all visible texts, in pixels, after layout."""
    figure.draw_without_rendering()
    for axis in [axis for axes in figure.findobj(Axes) for axis in (axes.xaxis, axes.yaxis)]:
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            tick.label1.set_visible(tick.label1.get_visible() and low <= tick.get_loc() <= high)
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    boxes = [(text.get_text(), text.get_window_extent()) for text in shown]
    return [(text, box) for text, box in boxes if box.width > 1]


@pytest.mark.parametrize("name", FIGURES)
def test_texts_stay_inside_and_apart(name):
    draw, data = FIGURES[name]
    figure = draw(data(), TITLE)
    width, height = figure.get_size_inches() * figure.dpi
    found = texts(figure)
    assert any("finding" in text for text, _ in found)
    for text, box in found:
        assert box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1, text  # noqa: PT018
    for (a, x), (b, y) in itertools.combinations(found, 2):
        overlap = (min(x.x1, y.x1) - max(x.x0, y.x0), min(x.y1, y.y1) - max(x.y0, y.y0))
        assert min(overlap) < 3, (a, b)


@pytest.mark.parametrize("name", FIGURES)
def test_other_tables_are_refused_by_name(name):
    draw, data = FIGURES[name]
    table = data()
    dropped = {"verdict_counts": "verdict", "shares_at_end": "decay"}.get(name, table.columns[0])
    with pytest.raises(ValueError, match=f"lacks {dropped}"):
        draw(table.drop(columns=dropped), TITLE)
    with pytest.raises(ValueError, match="no rows"):
        draw(table.head(0), TITLE)


def test_every_seed_and_the_mean_are_drawn():
    table = steps()
    figure = local_steps.gap_against_bytes(table, TITLE)
    drawn = np.concatenate([line.get_ydata() for line in figure.axes[0].lines])
    for value in table["gap"]:
        assert np.isclose(drawn, value).any()
    means = table.groupby(["method", "local_steps"])["gap"].mean()
    assert all(np.isclose(drawn, mean).any() for mean in means)


def test_lines_are_named_at_their_ends():
    figure = feedback.momentum_by_round(with_memory(), TITLE)
    named = dict(texts(figure))["memory, top-k"]
    axes = figure.axes[0]
    end = max(line.get_ydata()[-1] for line in axes.lines if len(line.get_ydata()) > 2)
    assert axes.transData.transform((0, end))[1] == pytest.approx((named.y0 + named.y1) / 2, abs=12)


def test_steps_stand_over_their_bytes():
    figure = local_steps.gap_against_bytes(steps(), TITLE)
    found = dict(texts(figure))
    assert found["H = 5"].x0 > found["H = 30"].x0 > found["H = 60"].x0


def test_long_bars_are_cut_and_say_so():
    figure = wire.bits_per_value(formats(), TITLE)
    assert any("64 + 8 = 72 (bar cut)" in text for text, _ in texts(figure))
    longest = max(patch.get_x() + patch.get_width() for patch in figure.axes[0].patches)
    assert longest == pytest.approx(20.01 * 1.25)


def test_every_link_is_a_card_with_its_verdict_or_status():
    found = [text for text, _ in texts(story.story(links(), TITLE))]
    assert found.count("does-not-add-up") == found.count("ch. 04") == 5
    assert found.count("no chapter") == 5
    assert "not-yet" in found


def test_a_card_holds_its_words():
    figure = story.story(links(), TITLE)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [patch.get_window_extent() for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == 11
    for text in axes.texts:
        if text.get_text():
            inside = text.get_window_extent()
            assert any(box.x0 < inside.x0 and inside.x1 < box.x1 for box in boxes), text.get_text()


def test_sections_are_counted_apart():
    figure = overview.verdict_counts(claims(), TITLE)
    assert [axes.get_xlabel() for axes in figure.axes] == ["the article: 90", "the papers: 12", "our own: 5"]


def test_better_is_to_the_right_whichever_way_the_metric_goes():
    figure = overview.comparisons(paired(), TITLE)
    marks = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() in "^ov"]
    assert marks == pytest.approx([3.0, 0.2, -2.0])


def test_the_best_trial_of_every_arm_has_a_ring():
    left, right = local_steps.trials(trials(), TITLE).axes
    rings = [line for axes in (left, right) for line in axes.lines if line.get_markerfacecolor() == "none"]
    found = {(float(ring.get_xdata()[0]), float(ring.get_ydata()[0])) for ring in rings}
    assert len(rings) == 4
    assert {(0.002, 5.0), (0.002, 5.2), (0.002, 5.4)} < found
    assert (0.0, 5.7) in found


def test_comparisons_that_did_not_run_leave_an_empty_axis():
    table = paired().assign(value=None, low=None, high=None, margin=None)
    assert overview.comparisons(table, TITLE).axes[0].get_yticks().size == 0
