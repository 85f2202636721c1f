"""Checkers of the yuma epochs: scripts of operations on one metagraph, and what they must have given."""

import itertools
import re

import numpy as np

from chain_checks import yuma_functions, yuma_math  # noqa: F401 (the functions register themselves)
from chain_checks.frame import Fields, Tolerance, VectorError, checks, confirm
from chain_checks.yuma_script import Script, expect_values, hold, run_step, run_steps
from locolab.economy.yuma import Metagraph, YumaSettings, run_epoch

RESETS = ("reset_bonds", "reset_bonds_uid", "reset_bonds_for_uid", "reset_bonds_of_uid")


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
        got = script.quantity(name).astype(float)
        # the log prints ten digits, cut off
        confirm(np.allclose(got, expected, rtol=0, atol=1.5e-10), f"{trace.where}.{name}: got {got}")


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
        for uid in np.atleast_1d(epoch.take(*RESETS, default=[])).tolist():
            script.reset_bonds(uid)
        for step in epoch.each("ops"):
            run_step(script, step, step.take("op"), tolerance)
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
    for case in vector.cases():
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
    if "weights_row_major" in params:
        yuma_math.check_liquid_alpha_off(params, expected, tolerance)
        return
    script = Script(params)
    if "steps" in vector:
        run_steps(script, vector, tolerance)
    else:
        script.epoch()
    if (words := expected.take("property", default=None)) is not None:
        check_words(script, words, tolerance, expected.where)
    expect_values(script, expected, tolerance)


SIGNS = {
    "==": "equal",
    "=": "equal",
    "<=": "max",
    ">=": "min",
    "<": "less",
    ">": "greater",
    "!=": "not_equal",
}


def check_words(script: Script, words: str, tolerance: Tolerance, where: str) -> None:
    """Check a property such as "sum(emission) == rao_emission, sum(incentive + dividends) <= 1000"."""
    for clause in re.split(r"[,;] *| and ", words):
        parts = re.fullmatch(r"\s*(.+?) *(==|<=|>=|!=|=|<|>) *(\S+?)\s*", clause)
        if parts is None:
            raise VectorError(f"{where}: the checker does not understand the property {clause!r}")
        left, right = (value_of(script, parts[side].strip(), where) for side in (1, 3))
        if SIGNS[parts[2]] == "equal":
            tolerance.check("property", left, right, where)
        else:
            hold(SIGNS[parts[2]], left, right, where)


def value_of(script: Script, text: str, where: str) -> int | float:
    """Return what a side of a property means: a number, the emission, or a sum, min or max over the uids."""
    if re.fullmatch(r"-?\d[\d_.e]*", text):
        return float(text.replace("_", ""))
    if text in ("rao_emission", "pending_emission", "pending_alpha"):
        return script.emission
    if parts := re.fullmatch(r"(sum|min|max) *\(? *(?:of )?([\w +]+?) *\)?", text):
        return script.quantity(f"{parts[1]}_{re.sub(' *[+] *', '_plus_', parts[2])}").item()
    raise VectorError(f"{where}: the checker does not know the value {text!r}")
