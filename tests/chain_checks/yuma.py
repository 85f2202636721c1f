"""Checkers of the yuma epochs: scripts of operations on one subnet, and what they must have given.

Quantities are read from a name by its ending: `_u16` as the chain stores it, `_rao` an amount, no ending a
fraction; given as a list of all uids or as [uid, value] pairs, bonds as [validator, miner, value].
"""

import itertools
import re

import numpy as np

from chain_checks import yuma_math
from chain_checks.frame import Fields, Tolerance, VectorError, checks
from locolab.economy import i32f32
from locolab.economy.yuma import Metagraph, YumaSettings, run_epoch

# The names that vectors use for a setting, and what the test runtime (pallets/subtensor/src/tests/mock.rs)
# has for it where that differs from the chain's default.
SETTINGS = {
    "kappa": ("kappa_u16", "kappa"),
    "tempo": ("tempo",),
    "max_validators": ("max_validators", "max_allowed_validators"),
    "activity_cutoff": ("activity_cutoff",),
    "bonds_moving_average": ("bonds_moving_average",),
    "bonds_penalty": ("bonds_penalty_u16", "bonds_penalty"),
    "yuma3": ("yuma3", "yuma3_on", "yuma3_enabled"),
    "liquid_alpha": ("liquid_alpha", "liquid_alpha_on", "liquid_alpha_enabled"),
    "alpha_low": ("alpha_low_u16", "alpha_low"),
    "alpha_high": ("alpha_high_u16", "alpha_high"),
    "alpha_sigmoid_steepness": ("alpha_sigmoid_steepness",),
    "stake_threshold": ("stake_threshold", "min_stake"),
    "commit_reveal": ("commit_reveal", "commit_reveal_weights_enabled"),
}
MOCK = {"max_validators": 100}

SHARES = {
    "stake": "stake",
    "S": "stake",
    "active_stake": "active_stake",
    "stake_weight": "stake",
    "consensus": "consensus",
    "C": "consensus",
    "validator_trust": "validator_trust",
    "Tv": "validator_trust",
    "incentive": "incentive",
    "I": "incentive",
    "dividend": "dividends",
    "dividends": "dividends",
    "D": "dividends",
    "nE": "combined_emission",
}
AMOUNTS = {
    "emission": "emission_rao",
    "emission_rao": "emission_rao",
    "server_emission_rao": "server_rao",
    "incentive_rao": "server_rao",
    "validator_emission_rao": "validator_rao",
    "dividends_rao": "validator_rao",
}
NOT_WRITTEN = {"rank_u16", "trust_u16", "pruning_score_u16"}  # storage that v3.3.13-393 leaves as it was: 0
RELATIONS = {
    "greater_than": np.greater,
    "greater": np.greater,
    "less_than": np.less,
    "less": np.less,
    "not_less": np.greater_equal,
    "not_less_than": np.greater_equal,
    "not_greater": np.less_equal,
    "not_greater_than": np.less_equal,
    "equal": np.equal,
    "equal_to": np.equal,
    "not_equal": np.not_equal,
}


def setting(name, value):
    """Return a setting's value; fractions become u16 as set_alpha_values_32 makes them."""
    is_share = name in ("alpha_low", "alpha_high", "kappa", "bonds_penalty")
    return int(i32f32.to_u16(i32f32.of(value))) if is_share and isinstance(value, float) else value


class Script:
    """One subnet built from a vector's parameters, its last result and what was remembered of it."""

    def __init__(self, params: Fields, **changes) -> None:
        settings = dict(MOCK)
        for name, aliases in SETTINGS.items():
            value = params.take(*aliases, default=None)
            if value is not None:
                settings[name] = setting(name, value)
        n = params.take("n", default=None)
        stakes = changes.pop("stakes", None) or params.take("stakes")
        if n is not None and n != len(stakes):
            raise VectorError(f"{params.where}: n is {n}, but there are {len(stakes)} stakes")
        start, owner = params.take("start_block", default=1), params.take("owner_uid", "owner", default=None)
        self.metagraph = Metagraph(stakes, YumaSettings(**settings), block=start, owner=owner)
        everywhere = params.take("registration_block_all", default=None)
        blocks = params.take("registration_block", default=start if everywhere is None else everywhere)
        self.metagraph.registered[:] = blocks
        self.metagraph.last_update[:] = blocks
        self.emission = params.take("rao_emission", "emission", default=10**9)
        self.result, self.remembered = None, {}

    def epoch(self):
        self.result = run_epoch(self.metagraph, self.emission)

    def set_weights(self, step: Fields):
        uids, weights = step.take("uids", "dests"), step.take("weights_u16", "weights", "values")
        self.metagraph.set_weights(step.take("uid"), dict(zip(uids, weights, strict=True)))

    def quantity(self, name):
        """Return the values that `name` means after the last epoch, an array over the uids (or pairs)."""
        if name in ("bond", "bonds", "bonds_u16"):
            return self.metagraph.bonds.astype(object)
        if name in ("permits", "validator_permits", "validator_permit"):
            return self.metagraph.permits
        if self.result is None:
            raise VectorError(f"{name} is asked for before any epoch")
        if name in NOT_WRITTEN:
            return np.zeros(self.metagraph.n, int).astype(object)
        if name in AMOUNTS:
            return getattr(self.result, AMOUNTS[name]).astype(object)
        if name == "active":
            return self.result.active
        stem, is_u16 = re.subn("_u16$", "", name)
        if stem not in SHARES:
            raise VectorError(f"the checker knows no quantity {name!r}")
        values = self.result.u16(SHARES[stem]) if is_u16 else self.result.fraction(SHARES[stem])
        return values.astype(object)

    def expect(self, name, expected, tolerance: Tolerance, where, prefix=""):
        """Compare a quantity with all its values, or with the pairs or triples that are given."""
        values = self.quantity(name)
        stem = re.sub("_(u16|rao)$", "", name)
        names = tuple(f"{prefix}{x}" for x in (name, stem))
        if (
            isinstance(expected, list)
            and expected
            and np.ndim(expected[0])
            and len(expected[0]) == values.ndim + 1
        ):
            keys = [tuple(row[:-1]) for row in expected]
            values, expected = [values[key] for key in keys], [row[-1] for row in expected]
        elif not isinstance(expected, list):
            expected = np.full(values.shape, expected, object)
        tolerance.check(names, values, expected, where)


def run_steps(script: Script, vector: Fields, tolerance: Tolerance) -> None:
    for step in vector.each("steps"):
        run_step(script, step, step.take("op"), tolerance)


def run_step(script: Script, step: Fields, op: str, tolerance: Tolerance) -> None:
    """Do one operation of a script; an unknown one raises VectorError."""
    metagraph = script.metagraph
    if op == "set_weights":
        script.set_weights(step)
    elif op == "epoch":
        script.emission = step.take("rao_emission", default=script.emission)
        script.epoch()
    elif op in ("advance_blocks", "next_block"):
        metagraph.advance(step.take("by", "blocks", default=1))
    elif op == "goto_block":
        metagraph.advance(step.take("block") - metagraph.block)
    elif op == "replace_uid":
        metagraph.replace_uid(step.take("uid"), step.take("new_stake", "stake", default=0))
    elif op in ("set_stake", "add_stake", "increase_stake"):
        uid, amount = step.take("uid"), step.take("stake", "amount", "value")
        metagraph.set_stake(uid, amount + (0 if op == "set_stake" else metagraph.stake[uid]))
    elif op == "set_stakes":
        for uid, amount in enumerate(step.take("stakes")):
            metagraph.set_stake(uid, amount)
    elif op in ("set_permits", "set_validator_permits"):
        metagraph.permits = np.array(step.take("permits", "values", "value"), bool)
    elif op in ("set_permit", "set_validator_permit"):
        metagraph.permits[metagraph.uid(step.take("uid"))] = step.take("permit", "value", default=True)
    elif op == "set_last_update":
        metagraph.last_update[:] = step.take("last_update", "blocks", "values", "value")
    elif op == "reset_bonds":
        metagraph.reset_bonds(step.take("uid"))
    elif op in ("commit", "commit_weights"):
        metagraph.commit(step.take("uid"))
    elif op in ("reveal", "reveal_weights", "expire_commit"):
        metagraph.reveal(step.take("uid"))
    elif op.startswith("set_"):
        change_setting(metagraph, step, op.removeprefix("set_"))
    elif op.startswith("remember_"):
        what = op.removeprefix("remember_")
        script.remembered[step.take("name", default="before")] = script.quantity(what).copy()
    elif op.startswith("expect_"):
        expect_step(script, step, op.removeprefix("expect_"), tolerance)
    else:
        raise VectorError(f"{step.where}: the checker does not know the op {op!r}")


def change_setting(metagraph: Metagraph, step: Fields, asked: str) -> None:
    for name, aliases in SETTINGS.items():
        if asked == name or asked in aliases:
            value = step.take(asked, *aliases, "value")
            metagraph.settings = metagraph.settings.replace(**{name: setting(name, value)})
            return
    raise VectorError(f"{step.where}: the checker does not know the op 'set_{asked}'")


def expect_step(script: Script, step: Fields, what: str, tolerance: Tolerance) -> None:
    """Check an expect_ operation: values after an epoch, a bound, or a relation to what was remembered."""
    if match := re.fullmatch(r"(\w+)_vs_remembered", what):
        values, before = script.quantity(match[1]), script.remembered[step.take("name", default="before")]
        for relation in [name for name in RELATIONS if name in step]:
            for key in map(pair, step.take(relation)):
                hold(relation, values[key], before[key], f"{step.where} {key}")
    elif match := re.fullmatch(rf"(\w+?)_({'|'.join(sorted(RELATIONS, key=len, reverse=True))})", what):
        values, bound = script.quantity(match[1]), step.take("value", default=0)
        for key in map(pair, step.take("pairs", "uids", default=list(np.ndindex(values.shape)))):
            hold(match[2], values[key], bound, f"{step.where} {key}")
    elif what in ("after_epoch", "now", "state"):
        expect_values(script, step, tolerance)
    else:
        script.expect(what, step.take("value", "values", "pairs", what), tolerance, step.where)


def expect_values(script: Script, fields: Fields, tolerance: Tolerance) -> None:
    """Compare every quantity that `fields` names, those of the log pasted into the test included."""
    trace = fields.inner("comment_trace")
    for name in trace.unread():
        script.expect(name, trace.take(name), tolerance, trace.where, "comment_")
    for name in ("comment", "note", "notes"):
        fields.take(name, default=None)
    for name in fields.unread():
        script.expect(name, fields.take(name), tolerance, fields.where)


def pair(key):
    return tuple(key) if isinstance(key, (list, tuple)) else (key,)


def hold(relation, value, bound, where):
    assert RELATIONS[relation](value, bound), f"{where}: {value} is not {relation.replace('_', ' ')} {bound}"


@checks("yuma_epoch", "yuma_epoch_inequality")
def check_epochs(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    script = Script(params)
    run_steps(script, vector, tolerance)
    check_first_weighted_epoch(vector, tolerance)


def check_first_weighted_epoch(vector: Fields, tolerance: Tolerance) -> None:
    """Compare the pasted log of the first epoch that gave incentive, in a run of its own up to there."""
    trace = vector.inner("first_weighted_epoch_comment_trace")
    if not trace.data:
        return
    script = Script(Fields(vector.data["params"], "params"))
    for number, data in enumerate(vector.data["steps"]):
        if not data["op"].startswith("expect_"):
            run_step(script, Fields(data, f"steps[{number}]"), data["op"], tolerance)
        if script.result is not None and script.result.incentive.any():
            break
    for name in trace.unread():
        expected = np.array(trace.take(name), float)
        # the log prints ten digits, cut off
        np.testing.assert_allclose(script.quantity(name).astype(float), expected, rtol=0, atol=1.5e-10)


@checks("yuma3_scenario")
def check_yuma3(vector: Fields) -> None:
    tolerance, params = Tolerance(vector), vector.inner("params")
    tolerance.fields.take("bonds_are_asserted_by_rust", default=None)
    script = Script(params)
    script.metagraph.advance()
    script.epoch()  # hands out the permits
    for number, epoch in enumerate(vector.each("epochs")):
        assert epoch.take("epoch", default=number) == number, f"{epoch.where} is not epoch {number}"
        for row in epoch.each("weights"):
            script.set_weights(row)
        for uid in np.atleast_1d(epoch.take("reset_bonds", "reset_bonds_uid", default=[])).tolist():
            script.metagraph.reset_bonds(uid)
        script.metagraph.advance()
        script.epoch()
        if epoch.data.get("expected") is not None:
            check_scenario_epoch(script, epoch.inner("expected"), tolerance)
        else:
            epoch.take("expected", default=None)


def check_scenario_epoch(script: Script, expected: Fields, tolerance: Tolerance) -> None:
    """Compare dividends and bonds as stored, over 65535; bond rows end at the last uid's column."""
    dividends = script.result.u16("dividends") / 65535
    tolerance.check("dividends", dividends.tolist(), expected.take("dividends"), expected.where)
    rows = expected.take("bonds_validator_x_miner", "bonds", default=None)
    for validator, row in enumerate(rows or []):
        stored = script.metagraph.bonds[validator, -len(row) :] / 65535
        tolerance.check("bonds", stored.tolist(), row, f"{expected.where} validator {validator}")


@checks("yuma_permits")
def check_permits(vector: Fields) -> None:
    vector.take("generator", default=None)  # says how the cases were made
    tolerance = Tolerance(vector)
    for case in vector.each("cases"):
        n = case.take("n")
        settings = YumaSettings(
            max_validators=case.take("validators_n", "max_validators"),
            stake_threshold=case.take("min_stake", "stake_threshold"),
            tempo=65534,
        )
        validators, servers = case.take("validators"), case.take("servers")
        assert sorted(validators + servers) == list(range(n)), f"{case.where}: uids do not add up to {n}"
        for name in ("interleave", "assignment"):
            case.take(name, default=None)
        metagraph = Metagraph(case.take("stakes_before"), settings, block=1)
        permits = run_epoch(metagraph).permits
        tolerance.check("permits", permits.tolist(), case.take("permits_before"), f"{case.where} before")
        for uid, stake in enumerate(case.take("stakes_after")):
            metagraph.set_stake(uid, stake)
        permits = run_epoch(metagraph).permits
        tolerance.check("permits", permits.tolist(), case.take("permits_after"), f"{case.where} after")


@checks("yuma_epoch_large")
def check_large(vector: Fields) -> None:
    vector.take("steps_in_words")
    tolerance, expected = Tolerance(vector), vector.inner("expected")
    roles = {role: expected.inner(role) for role in ("validator", "server")}
    params = vector.inner("params")
    n, count = params.take("n"), params.take("validators")
    stake, weight = params.take("stake_per_validator"), params.take("weight_per_miner_u16")
    epochs, variants = params.take("epochs"), params.take("server_self_weight_variants", default=[False])
    for interleave, self_weight in itertools.product(range(3), variants):
        order = interleaved(n, count, interleave)
        validators, servers = order[:count], order[count:]
        stakes = [stake if uid in set(validators) else 0 for uid in range(n)]
        script = Script(params, stakes=stakes)
        script.epoch()
        for uid in validators:
            script.metagraph.set_weights(uid, dict.fromkeys(servers, weight))
        for uid in servers if self_weight else []:
            script.metagraph.set_weights(uid, {uid: 65535})
        for _ in range(epochs):
            script.epoch()
        where = f"{vector.where} interleave {interleave}, self-weight {self_weight}"
        for role, uids in (("validator", validators), ("server", servers)):
            check_role(script, roles[role], uids, (validators[0], servers[0]), tolerance, f"{where} {role}")


def interleaved(n: int, validators: int, interleave: int) -> list[int]:
    """Return the uids, validators first: in a block, every (n / validators)-th uid, or shuffled."""
    uids = list(range(n))
    if interleave == 1:
        uids.sort(key=lambda uid: uid % (n // validators) != 0)
    elif interleave == 2:
        np.random.default_rng(0).shuffle(uids)
    return uids


def check_role(script: Script, expected: Fields, uids, probes, tolerance: Tolerance, where) -> None:
    """Compare what every uid of one role got, and its bonds to the first validator and the first server."""
    for name in expected.data:
        value = expected.take(name)
        if name.startswith("bond_on_"):
            got = script.metagraph.bonds[uids, probes[name == "bond_on_server"]]
        else:
            got = script.quantity(name)[uids]
        tolerance.check(name, got.tolist(), [value] * len(uids), where)


@checks("yuma_property")
def check_property(vector: Fields) -> None:
    tolerance, params, expected = Tolerance(vector), vector.inner("params"), vector.inner("expected")
    if "property" in expected:
        yuma_math.check_liquid_alpha_off(params, expected, tolerance)
        return
    script = Script(params)
    if "steps" in vector:
        run_steps(script, vector, tolerance)
    else:
        script.epoch()
    if "sum_incentive_plus_dividends" in expected:
        paid = sum(script.result.server_rao.tolist()) + sum(script.result.validator_rao.tolist())
        name = "sum_incentive_plus_dividends"
        tolerance.check(name, paid, expected.take(name), expected.where)
    expect_values(script, expected, tolerance)
