"""The behaviours that the chapters try, by name: each alone, in this order."""

from __future__ import annotations

from collections.abc import Mapping

from locolab.gauntlet.behaviour import Behaviour, Turns
from locolab.gauntlet.sending import Copier, FreeRider, Malformed, Poison, Scaled
from locolab.gauntlet.training import Desynchronised, Intermittent, Late, Lazy, Slow, WrongData

BEHAVIOURS: Mapping[str, Behaviour] = {
    "lazy": Lazy(share=0.25),
    "noise": FreeRider(sends="noise"),
    "zeros": FreeRider(sends="zeros"),
    "repeat": FreeRider(sends="repeat"),
    "echo": FreeRider(sends="echo"),
    "exact copy": Copier(),
    "disguised copy": Copier(keep=0.35, noise=0.2),
    "nobody's data": WrongData(source="elsewhere"),
    "the same data": WrongData(source="first"),
    "three rounds behind": Desynchronised(behind=3),
    "late": Late(seconds=1000.0),
    "intermittent": Intermittent(share=0.5),
    "scaled x10": Scaled(factor=10.0),
    "scaled x1000": Scaled(factor=1000.0),
    "sign-flip": Scaled(factor=-1.0),
    "poison": Poison(size=1.0),
    "malformed": Malformed(kind="any"),
    "turns": Turns(after=15, then=Scaled(factor=-1.0)),
    "slow, fixed window": Slow(speed=0.5, fixed="window"),
    "slow, fixed steps": Slow(speed=0.5, fixed="steps"),
}
"""Misbehaviour and, at the end, honest peers on slow hardware; colluding names are `training.sybils`."""
