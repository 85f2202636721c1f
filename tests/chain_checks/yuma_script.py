"""One metagraph under the operations of a vector: what each op does, and how results are named.

Quantities are read from a name by its ending: `_u16` as the chain stores it, `_rao` an amount, no ending a
fraction; given as a list of all uids or as [uid, value] pairs, bonds as [validator, miner, value].
"""

import re

import numpy as np

from chain_checks.expectations import RELATIONS, related
from chain_checks.frame import Fields, Tolerance, VectorError, confirm
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
# Settings that no epoch reads, and the choice of the dense epoch, which gives the same.
UNREAD = ("sparse", "netuid", "max_allowed_uids", "min_allowed_weights", "max_weight_limit")
UNREAD += ("weights_set_rate_limit", "immunity_period", "server_self", "tao_weight")

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
# what the two parts of a sum in rao mean: an epoch's own output, not its shares
PAID = {"incentive": "server_emission_rao", "dividends": "validator_emission_rao"}
OWNER = ("owner_uid", "owner", "subnet_owner_uid", "subnet_owner")
NOT_WRITTEN = {"rank_u16", "trust_u16", "pruning_score_u16"}  # storage that v3.3.13-393 leaves as it was: 0


def setting(name, value):
    """Return a setting's value; fractions become u16 as set_alpha_values_32 makes them."""
    is_share = name in ("alpha_low", "alpha_high", "kappa", "bonds_penalty")
    return int(i32f32.to_u16(i32f32.of(value))) if is_share and isinstance(value, float) else value


class Script:
    """One subnet built from a vector's parameters, its last result and what was remembered of it."""

    def __init__(self, params: Fields, stakes: list[int] | None = None) -> None:
        settings = dict(MOCK)
        for name, aliases in SETTINGS.items():
            value = params.take(*aliases, default=None)
            if value is not None:
                settings[name] = setting(name, value)
        n = params.take("n", default=None)
        stakes = stakes or params.take("stakes", "stake")
        if n is not None and n != len(stakes):
            raise VectorError(f"{params.where}: n is {n}, but there are {len(stakes)} stakes")
        start, owner = params.take("start_block", default=1), params.take(*OWNER, default=None)
        self.metagraph = Metagraph(stakes, YumaSettings(**settings), block=start, owner=owner)
        everywhere = params.take("registration_block_all", default=None)
        blocks = params.take("registration_block", default=start if everywhere is None else everywhere)
        self.metagraph.registered[:] = blocks
        self.metagraph.last_update[:] = params.take("last_update", default=blocks)
        self.metagraph.permits[:] = params.take("permits", "validator_permits", default=False)
        self.emission = params.take("rao_emission", "emission", default=10**9)
        self.bonds_reset = params.take("bonds_reset", "bonds_reset_on", "bonds_reset_enabled", default=True)
        self.result, self.remembered = None, {}
        for name in UNREAD:
            params.take(name, default=None)

    def epoch(self):
        self.result = run_epoch(self.metagraph, self.emission)

    def set_weights(self, step: Fields):
        uids, weights = step.take("uids", "dests"), step.take("weights_u16", "weights", "values")
        self.metagraph.set_weights(step.take("uid"), dict(zip(uids, weights, strict=True)))

    def reset_bonds(self, uid):
        """Clear the bonds to `uid`, if the subnet allows it."""
        if self.bonds_reset:
            self.metagraph.reset_bonds(uid)

    def quantity(self, name):
        """Return the values that `name` means after the last epoch, an array over the uids (or pairs)."""
        if name in ("bond", "bonds", "bonds_u16"):
            return self.metagraph.bonds.astype(object)
        if name in ("permits", "validator_permits", "validator_permit"):
            return self.metagraph.permits.astype(object)
        if name in ("total_stake", "sum_stake"):
            return np.array(sum(self.metagraph.stake), object)
        if self.result is None:
            raise VectorError(f"{name} is asked for before any epoch")
        for reduction in ("sum", "min", "max"):
            if name.startswith(f"{reduction}_"):
                parts = name.removeprefix(f"{reduction}_").split("_plus_")
                return np.array(
                    getattr(sum(self.quantity(PAID.get(x, x)) for x in parts), reduction)(), object
                )
        if name in NOT_WRITTEN:
            return np.zeros(self.metagraph.n, int).astype(object)
        if name in AMOUNTS:
            return getattr(self.result, AMOUNTS[name]).astype(object)
        if name == "active":
            return self.result.active.astype(object)
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
        script.reset_bonds(step.take("uid"))
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
    elif found := related(what):
        values, bound = script.quantity(found[0]), step.take("value", default=0)
        for key in map(pair, step.take("pairs", "uids", default=list(np.ndindex(values.shape)))):
            hold(found[1], values[key], bound, f"{step.where} {key}")
    elif what in ("after_epoch", "now", "state"):
        expect_values(script, step, tolerance)
    else:
        script.expect(what, step.take("value", "values", "pairs", what), tolerance, step.where)


def expect_values(script: Script, fields: Fields, tolerance: Tolerance) -> None:
    """Compare every quantity that `fields` names, those of the log pasted into the test included."""
    trace = fields.inner("comment_trace")
    for name in trace.unread():
        script.expect(name, trace.take(name), tolerance, trace.where, "comment_")
    for name in fields.unread():
        script.expect(name, fields.take(name), tolerance, fields.where)


def pair(key):
    return tuple(key) if isinstance(key, (list, tuple)) else (key,)


def hold(relation, value, bound, where):
    confirm(
        RELATIONS[relation](value, bound), f"{where}: {value} is not {relation.replace('_', ' ')} {bound}"
    )
