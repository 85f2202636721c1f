"""The fuzz command: mutants repeat, most are sealed, and every kind of finding is found and kept."""

from __future__ import annotations

from collections import Counter

import pytest

import misbehaving_decoders as bad
from locolab.compress import decode
from locolab.compress.wire import reseal
from locolab.run.fuzz.command import ACCEPTED, FindingError, examine, fuzz
from locolab.run.fuzz.mutants import PAIRS, mutant, subjects


def test_the_corpus_meets_only_refusals_and_canonical_payloads():
    sealed, outcomes = 0, Counter()
    for number in range(3000):
        subject, blob, fits = mutant(0, number)
        sealed += fits
        assert not fits or reseal(blob) == blob
        outcomes[examine(decode, subject, blob, traced=number % 50 == 0)[0]] += 1
    assert sealed >= 0.9 * 3000
    assert len(outcomes) > 25
    assert 0 < outcomes[ACCEPTED] < 1000


def test_a_mutant_is_the_same_every_time_and_another_with_another_seed():
    assert mutant(3, 5) == mutant(3, 5)
    assert [mutant(3, n)[1] for n in range(9)] != [mutant(4, n)[1] for n in range(9)]
    assert {(each.update.spec.quantizer, each.codec) for each in subjects()} == set(PAIRS)
    assert all(examine(decode, each, each.blob, traced=True)[0] == ACCEPTED for each in subjects())


def test_the_command_ends_with_0_and_says_what_happened(capsys, tmp_path):
    assert fuzz(600, seed=1, folder=tmp_path) == 0
    assert "600 executions" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("decoder", "said"),
    [
        (bad.raises_key_error, "KeyError"),
        (bad.panics, "Panic"),
        (bad.hangs, "no progress"),
        (bad.dies, "ended the process"),
        (bad.hoards, "bytes allocated"),
    ],
)
def test_a_finding_is_kept_and_ends_with_1(decoder, said, capsys, tmp_path):
    assert fuzz(50, seed=2, hang_s=1, decoder=decoder, folder=tmp_path) == 1
    (kept,) = tmp_path.iterdir()
    number = int(kept.stem.rsplit("-", 1)[1])
    assert kept.read_bytes() == mutant(2, number)[1]
    assert said in capsys.readouterr().out


def test_an_accepted_payload_must_be_its_own_bytes():
    subject = subjects()[0]
    bad.accepts_other_bytes.honest = subject.blob
    with pytest.raises(FindingError, match="same bytes"):
        examine(bad.accepts_other_bytes, subject, subject.blob[:-1], traced=False)
