"""Arms pair by seed, the last evaluated round counts, and bytes are per token of all peers."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest

from locolab.report import records, terms


@dataclasses.dataclass(frozen=True)
class Spec:
    seed: int = 0

    def replace(self, **changes):
        return dataclasses.replace(self, **changes)


def result(seed, losses):
    frame = pd.DataFrame(
        {
            "seed": seed,
            "round": range(len(losses)),
            "tokens": [2_000_000 * (i + 1) for i in range(len(losses))],
            "sent_bytes": [500.0 * (i + 1) for i in range(len(losses))],
            "validation_loss": losses,
        }
    )
    return SimpleNamespace(spec=Spec(seed), frame=lambda: frame, seconds=1.5)


RESULTS = {
    "base seed 0": result(0, [4.0, 3.0]),
    "base seed 1": result(1, [4.0, 3.5]),
    "ours H=15 seed 1": result(1, [4.0, 3.6]),
    "ours H=15 seed 0": result(0, [4.0, 3.2, None]),
}


def test_seeds_make_labels_that_tidy_reads_back():
    specs = records.with_seeds({"base": Spec(), "ours": Spec()}, [3, 4])
    assert list(specs) == ["base seed 3", "ours seed 3", "base seed 4", "ours seed 4"]
    assert specs["ours seed 4"].seed == 4
    assert set(records.tidy(RESULTS)["arm"]) == {"base", "ours H=15"}


def test_bytes_per_million_tokens():
    assert set(records.tidy(RESULTS)["bytes_per_million_tokens"]) == {250.0}


def test_gaps_are_paired_by_seed_at_the_last_evaluation():
    last = records.final(records.tidy(RESULTS))
    found = records.gaps(last, "base").set_index("seed")["gap"]
    assert found[0] == pytest.approx(0.2)
    assert found[1] == pytest.approx(0.1)


def test_unpaired_seeds_are_refused():
    last = records.final(records.tidy({k: v for k, v in RESULTS.items() if k != "base seed 1"}))
    with pytest.raises(ValueError, match=r"'ours H=15' has seeds \[0, 1\], 'base' \[0\]"):
        records.paired(last, "ours H=15", "base")


def test_seconds_stay_in_a_table_of_their_own():
    assert "seconds" not in records.tidy(RESULTS)
    assert records.seconds(RESULTS)["seconds"].sum() == 6.0


def test_terms_are_found_by_name_and_by_id_and_misspellings_are_answered():
    assert terms.define("number of peers") == terms.define("n-peers")
    with pytest.raises(KeyError, match="did you mean 'pseudo-gradient'"):
        terms.define("pseudogradient")


def test_glossary_is_alphabetical_and_can_be_of_one_topic():
    names = list(terms.glossary()["term"])
    assert names == sorted(names, key=str.lower)
    assert 0 < len(terms.glossary("economy")) < len(names)


def table(**losses):
    rows = [(arm, seed, loss) for arm, values in losses.items() for seed, loss in enumerate(values)]
    return pd.DataFrame(rows, columns=["arm", "seed", "validation_loss"])


def test_versus_compares_every_pair_with_its_own_baseline():
    found = records.versus(table(a=[1.0, 1.1], b=[2.0, 2.1], c=[1.0, 1.3]), [("a", "b"), ("c", "a")])
    assert list(zip(found["arm"], found["baseline"], found["word"], strict=True)) == [
        ("a", "b", "beats"),
        ("c", "a", "inconclusive"),
    ]
    assert found["difference"].tolist() == pytest.approx([-1.0, 0.1])
    assert found["margin"].tolist() == pytest.approx([0.1 / 2**0.5] * 2)


def test_compared_needs_the_same_seeds():
    frame = table(a=[1.0, 1.1], b=[2.0, 2.1])
    with pytest.raises(ValueError, match="pair by seed"):
        records.compared(frame[~((frame["arm"] == "b") & (frame["seed"] == 1))], "a", "b")


def test_visits_count_apart_for_every_run_and_each_exchange():
    rows = [("a", 0, 2, 32), ("b", 0, 1, 640), ("a", 0, 2, 32), ("a", 1, 2, 32)]
    frame = pd.DataFrame(rows, columns=["arm", "seed", "n_peers", "kept_values"])
    assert records.visits(frame, 64).tolist() == [0.25, 10.0, 0.5, 0.25]
