"""Options behind one prompt: the same likelihoods as one by one, whatever their lengths and the batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lm_eval.models.huggingface import HFLM

from locolab.corpus import facts, tokens
from locolab.evaluate import harness, shared
from locolab.model import PRESETS, build

VOCABULARY, CONTEXT = 400, 48
ids = st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=12)
groups = st.lists(st.tuples(ids, st.lists(ids, min_size=1, max_size=5)), min_size=1, max_size=5)


@pytest.fixture(scope="module")
def live():
    tokenizer = tokens.train_tokenizer([each.text for each in facts.documents(passes=1)][:40], VOCABULARY)
    model = build(PRESETS["pico"].replace(vocab_size=VOCABULARY, context=CONTEXT), seed=0).eval()
    return harness.live(model, tokenizer, batch_size=2)


def one_by_one(model, prompt, option):
    with torch.no_grad():
        logs = model(torch.tensor([prompt + option])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
    return logs.gather(1, torch.tensor(option)[:, None]).sum().item(), logs.argmax(-1).tolist() == option


@given(groups, st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_every_option_scores_as_if_it_stood_alone(live, asked, batch_size):
    found = shared.likelihoods(live.model, asked, batch_size)
    for (prompt, options), scored in zip(asked, found, strict=True):
        for option, (value, greedy) in zip(options, scored, strict=True):
            alone, alone_greedy = one_by_one(live.model, prompt, option)
            assert value == pytest.approx(alone, abs=1e-4)
            assert greedy == alone_greedy


def test_a_greedy_continuation_is_called_so(live):
    with torch.no_grad():
        first = live.model(torch.tensor([[5, 6]])).logits[0, -1].argmax().item()
        second = live.model(torch.tensor([[5, 6, first]])).logits[0, -1].argmax().item()
    [[(_, yes), (_, no)]] = shared.likelihoods(live.model, [([5, 6], [[first, second], [first + 1, 0]])], 1)
    assert (yes, no) == (True, False)


def test_the_results_are_lm_evals_own(live, monkeypatch):
    """Long and short, shared and single prompts, in the order of the requests."""
    draw = torch.Generator().manual_seed(0)

    def some(length):
        return torch.randint(0, VOCABULARY, (length,), generator=draw).tolist()

    prompts = [some(length) for length in (4, 20, 44, 60)]
    requests = [(("", ""), prompt, some(length)) for prompt in prompts for length in (1, 4, 9)]
    requests = [*requests[::2], *requests[1::2], (("", ""), [1, 2], [3])]
    asked = []
    theirs = HFLM._loglikelihood_tokens
    monkeypatch.setattr(
        HFLM,
        "_loglikelihood_tokens",
        lambda self, left, **more: asked.append(len(left)) or theirs(self, left, **more),
    )
    found = live._loglikelihood_tokens(requests, disable_tqdm=True)
    assert asked == [6]  # too long with the prompt (44 + 9, 3 of 60), longer than it (4 and 9), and one alone
    expected = theirs(live, requests, disable_tqdm=True)
    assert [value for value, _ in found] == pytest.approx([value for value, _ in expected], abs=1e-4)
    assert [greedy for _, greedy in found] == [greedy for _, greedy in expected]


def test_pieces_of_text_behind_one_token_are_not_joined(live, monkeypatch):
    monkeypatch.setattr(shared, "likelihoods", lambda _model, groups, _size: [] if not groups else 1 / 0)
    requests = [(("", ""), [0], list(range(1, 40))) for _ in range(3)]
    assert len(live._loglikelihood_tokens(requests, disable_tqdm=True)) == 3
