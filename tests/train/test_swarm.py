"""The loop: what methods have in common, where they are equal, and what one bad payload costs."""

import math

import numpy as np
import pytest
import torch

from locolab import corpus
from locolab.compress import CompressionSpec
from locolab.config import ConfigError
from locolab.model import build
from locolab.network import Bucket, key_of
from locolab.train import FlatModel, Peer, Swarm, Validator, evaluate, learning_rate

FINAL_LOSS = {"adamw_dp": 4.516, "averaging": 4.596, "diloco": 3.665, "sparseloco": 5.036}


def arm(spec, method):
    """The specification of a method, otherwise as `spec`."""
    changes = {
        "diloco": {"outer_lr": 0.7, "outer_momentum": 0.9, "nesterov": True},
        "sparseloco": {"compression": CompressionSpec(chunk=64, k=8)},
    }
    return spec.replace(method=method, **changes.get(method, {}))


@pytest.mark.parametrize("method", FINAL_LOSS)
def test_every_method_learns_and_repeats_itself(spec, train, method):
    first, records = train(arm(spec, method))
    second, again = train(arm(spec, method))
    assert records == again
    assert torch.equal(first.theta, second.theta)
    assert records[-1].validation_loss < records[1].validation_loss < math.log(300)
    assert records[-1].validation_loss == pytest.approx(FINAL_LOSS[method], abs=0.02)
    other, _ = train(arm(spec, method).replace(seed=1))
    assert not torch.equal(first.theta, other.theta)


def test_averaging_is_diloco_with_unit_step_and_no_momentum(spec, train):
    averaging, records = train(spec)
    diloco, others = train(spec.replace(method="diloco"))
    assert torch.equal(averaging.theta, diloco.theta)
    assert records == others


@pytest.mark.parametrize("decay", [0.0, 0.95, 1.0])
def test_sparseloco_that_sends_everything_is_averaging(spec, train, decay):
    everything = CompressionSpec(chunk=64, k=64, quantizer="none", decay=decay)
    averaging, _ = train(spec)
    sparse, _ = train(spec.replace(method="sparseloco", compression=everything))
    torch.testing.assert_close(sparse.theta, averaging.theta, rtol=0, atol=1e-7)


def test_data_parallel_is_one_model_with_the_batches_joined(spec, train):
    swarm, _ = train(spec.replace(method="adamw_dp"))
    model = FlatModel(build(spec.model, spec.seed))
    optimizer = torch.optim.AdamW([model.parameter], betas=spec.betas, weight_decay=spec.weight_decay)
    for step in range(spec.total_steps):
        number, part = divmod(step, spec.local_steps)
        joined = [
            peer.windows(np.split(peer.sample_ids(number), spec.local_steps)[part]) for peer in swarm.peers
        ]
        model.backward(np.concatenate(joined)[None])
        torch.nn.utils.clip_grad_norm_([model.parameter], spec.clip)
        optimizer.param_groups[0]["lr"] = learning_rate(spec, step)
        optimizer.step()
    torch.testing.assert_close(swarm.theta, model.vector, rtol=0, atol=1e-5)


def test_nesterov_momentum_by_hand(spec, train):
    momentum, rate = 0.9, 0.7
    swarm, _ = train(arm(spec, "diloco").replace(rounds=1))
    start = FlatModel(build(spec.model, spec.seed)).vector
    plain, _ = train(spec.replace(rounds=1))
    mean = start - plain.theta
    expected = start - rate * (mean + momentum * mean)  # torch.optim.SGD, first step: the buffer is the mean
    torch.testing.assert_close(swarm.theta, expected, rtol=0, atol=1e-6)


def test_methods_see_the_same_data(spec, text):
    orders = [
        [peer.sample_ids(3).tolist() for peer in Swarm(arm(spec, method), text).peers]
        for method in ("adamw_dp", "averaging", "sparseloco")
    ]
    assert orders[0] == orders[1] == orders[2]
    assert orders[0][0] != orders[0][1]
    assert orders[0][0] != Swarm(spec.replace(seed=1), text).peers[0].sample_ids(3).tolist()


def test_bytes_and_tokens_add_up(spec, train):
    numel = FlatModel(build(spec.model, 0)).vector.numel()
    _, averaging = train(spec)
    _, parallel = train(spec.replace(method="adamw_dp"))
    dense = averaging[0].payload_bytes[0]
    assert 4 * numel < dense < 4 * numel + 2000
    assert parallel[0].payload_bytes == [spec.local_steps * dense] * 2
    assert parallel[-1].sent_bytes == spec.rounds * spec.local_steps * dense
    assert averaging[-1].tokens == parallel[-1].tokens == spec.rounds * spec.tokens_per_round
    assert averaging[0].kept_values == 2 * numel
    assert [record.validation_loss is None for record in averaging] == [True, False, True, False]


def test_the_random_control_sends_as_much_from_elsewhere(sparse, train):
    _, top = train(sparse)
    _, random = train(sparse.replace(selection="random"))
    _, again = train(sparse.replace(selection="random"))
    assert [record.kept_values for record in random] == [record.kept_values for record in top]
    assert random[0].payload_sha256 != top[0].payload_sha256
    assert random == again


def test_sparseloco_as_the_public_code_aggregates_and_quantises(sparse, train):
    """Contributor mean and the 4-bin quantiser of tplr-ai/templar v2.1.3, in its 12-bit format."""
    public = sparse.compression.replace(quantizer="templar", codec="templar")
    swarm, records = train(sparse.replace(compression=public, rule="contributor_mean"))
    _, others = train(sparse)
    assert records[-1].validation_loss < records[1].validation_loss < math.log(300)
    assert [record.kept_values for record in records] == [record.kept_values for record in others]
    assert records[0].payload_bytes[0] > others[0].payload_bytes[0]
    assert all(record.selected == [0, 1] and not record.nonfinite for record in records)
    plain_mean, _ = train(sparse.replace(compression=public))
    assert not torch.equal(swarm.theta, plain_mean.theta)


class Faulty(Peer):
    """Sends something else in round 1."""

    def round(self, theta, number, step=0):
        payload = super().round(theta, number, step)
        return self.instead(payload) if number == 1 else payload


def sends(instead):
    return {1: type("Sends", (Faulty,), {"instead": staticmethod(instead)})}


@pytest.mark.parametrize("method", ["averaging", "sparseloco", "adamw_dp"])
@pytest.mark.parametrize(
    ("instead", "reason"),
    [
        (lambda payload: payload[:-1], "payload refused"),
        (lambda payload: b"", "payload refused"),
        (lambda payload: bytes(len(payload)), "payload refused"),
        (lambda payload: None, "nothing submitted"),
    ],
    ids=["truncated", "empty", "zeros", "absent"],
)
def test_a_bad_payload_costs_only_its_sender(spec, train, method, instead, reason):
    swarm, records = train(arm(spec, method), behaviours=sends(instead))
    assert [record.selected for record in records] == [[0, 1], [0], [0, 1], [0, 1]]
    assert list(records[1].refused) == [1]
    assert reason in records[1].refused[1]
    assert torch.isfinite(swarm.theta).all()
    alone, _ = train(arm(spec, method).replace(rounds=4), behaviours=sends(lambda payload: None))
    assert torch.equal(swarm.theta, alone.theta)


def test_a_round_without_any_payload_leaves_theta(spec, train):
    silent = type("Silent", (Peer,), {"round": lambda self, theta, number, step=0: None})
    swarm, records = train(spec, behaviours={0: silent, 1: silent})
    assert torch.equal(swarm.theta, FlatModel(build(spec.model, spec.seed)).vector)
    assert records[0].update_norm == 0
    assert records[0].train_loss is None
    assert records[0].payload_bytes == [0, 0]


class Away(Peer):
    """Neither trains nor sends in round 1."""

    def round(self, theta, number, step=0):
        return None if number == 1 else super().round(theta, number, step)


def test_who_does_not_train_counts_no_tokens(spec, train):
    _, records = train(spec, behaviours={1: Away})
    share = spec.tokens_per_round // 2
    assert [record.tokens for record in records] == [2 * share, 3 * share, 5 * share, 7 * share]
    _, alone = train(spec, behaviours={0: Away, 1: Away})
    assert alone[1].train_loss is None


class Overflowing(Peer):
    """Its moments overflow once, at the start of round 1."""

    def train(self, theta, number, step=0):
        if number == 1:
            for moments in self.moments.values():
                moments.fill_(torch.inf)
        return super().train(theta, number, step)


def test_a_peer_that_overflowed_comes_back(spec, train):
    swarm, records = train(spec, behaviours={1: Overflowing})
    assert [record.resets for record in records] == [0, 1, 0, 0]
    assert "not finite" in records[1].refused[1]
    assert records[2].selected == [0, 1]
    assert torch.isfinite(swarm.theta).all()
    assert records[1].train_loss is not None


def test_a_sparse_peer_that_overflowed_sends_zeros_and_says_so(sparse, train):
    swarm, records = train(sparse, behaviours={1: Overflowing})
    assert [record.nonfinite > 0 for record in records] == [False, True, False, False]
    assert [record.selected for record in records] == [[0, 1]] * 4
    assert torch.isfinite(swarm.theta).all()
    assert all(torch.isfinite(tensor).all() for tensor in swarm.peers[1].feedback.values())


class Picky(Validator):
    """Names the peers in any order, and leaves peer 0 out of round 1."""

    def review(self, round):
        return list(reversed(round.peers)) if round.number != 1 else [1]


def test_a_validator_decides_who_is_aggregated_but_not_the_order(sparse, train):
    trusting, _ = train(sparse.replace(rounds=1))
    picky, records = train(sparse, validator=Picky())
    first, _ = train(sparse.replace(rounds=1), validator=Picky())
    assert torch.equal(first.theta, trusting.theta)
    assert [record.selected for record in records] == [[0, 1], [1], [0, 1], [0, 1]]
    assert records[1].refused == {0: "not selected"}
    assert torch.isfinite(picky.theta).all()


def test_a_validator_that_does_not_review_cannot_be_made():
    class Silent(Validator):
        pass

    with pytest.raises(TypeError, match="review"):
        Silent()


def test_the_bucket_keeps_two_exchanges(spec, train):
    bucket = Bucket()
    train(spec, bucket=bucket)
    assert bucket.list() == [key_of(number, peer) for number in (2, 3) for peer in (0, 1)]


def test_a_restored_swarm_goes_on_as_if_nothing_had_happened(sparse, text, train, tmp_path):
    whole, records = train(sparse)
    bucket = Bucket(f"file://{tmp_path}/bucket")
    early = Swarm(sparse, text, bucket=bucket)
    [early.round() for _ in range(2)]
    state = {name: {k: t.clone() for k, t in group.items()} for name, group in early.state().items()}
    early.round()
    late = Swarm(sparse, text, bucket=bucket)  # the killed one's third round lies in the bucket
    late.load_state(state)
    assert [late.round() for _ in range(2)] == records[2:]
    assert torch.equal(late.theta, whole.theta)


def test_a_peer_remembers_two_moments_and_its_feedback(spec, sparse, train):
    numel = FlatModel(build(spec.model, 0)).vector.numel()
    for arm_spec, vectors in ((spec, 2), (sparse, 3)):
        swarm, _ = train(arm_spec)
        kept = sum(tensor.numel() for tensor in swarm.peers[0].state().values())
        assert kept == vectors * numel + 1  # and the step count


def test_bits_per_byte_by_hand(spec, text):
    model = FlatModel(build(spec.model, 0))
    with torch.no_grad():
        model.vector.zero_()  # every token equally likely
    nats, bits = evaluate(model, text, spec.model.context, sequences=3)
    targets = text.validation[1 : 3 * spec.model.context + 1]
    assert nats == pytest.approx(math.log(300), rel=1e-6)
    total_bits = math.log2(300) * len(targets)
    assert bits == pytest.approx(total_bits / text.token_bytes[targets].sum(), rel=1e-6)


def test_evaluation_stops_where_the_text_does(spec, text):
    model = FlatModel(build(spec.model, 0))
    context = spec.model.context
    everything = corpus.n_samples(text.validation, context)
    assert evaluate(model, text, context, 10**6) == evaluate(model, text, context, everything)


def test_a_text_shorter_than_a_window_is_refused(spec, text):
    with pytest.raises(ConfigError, match="train text has 5 tokens"):
        Swarm(spec, type(text)(**{**vars(text), "train": text.train[:5]}))
