"""`Population`: the peers of a run, built when they join, dropped with all they remember when they go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from locolab.train.peer import Peer
from locolab.train.roster import Roster

_GROUP = "peer-"


class Population:
    """Who is there in the round that `go_to` named last, at first round 0.

    `make(index)` builds a peer: without moments and without error feedback. It is called again for one that
    returns after it forgot.
    """

    def __init__(self, rosters: Sequence[Roster], make: Callable[[int], Peer]) -> None:
        if not rosters:
            raise ValueError("a schedule should have the roster of at least one round")
        self._rosters = rosters
        self._make = make
        self._peers: dict[int, Peer] = {}
        self.go_to(0)

    @property
    def roster(self) -> Roster:
        """The roster of this round."""
        return self._at(self._number)

    @property
    def live(self) -> list[Peer]:
        """The peers of this round, in order of their numbers."""
        return [self._peers[index] for index in self.roster.live]

    def go_to(self, number: int) -> None:
        """Build who joins in round `number` and drop who forgets."""
        self._number = number
        lost = {*self._at(number - 1).crashed} if number else set()
        known = {*self.roster.live, *self.roster.away}
        self._peers = {i: peer for i, peer in self._peers.items() if i in known and i not in lost}
        for index in self.roster.live:
            if index not in self._peers:
                self._peers[index] = self._make(index)

    def joined(self) -> list[int]:
        """Return who was not there a round ago, or crashed then; in round 0 all begin together: nobody."""
        if not self._number:
            return []
        before = self._at(self._number - 1)
        stayed = set(before.live) - set(before.crashed)
        return [index for index in self.roster.live if index not in stayed]

    def presences(self) -> int:
        """Return the number of live peers, summed over the rounds up to this one."""
        return sum(len(self._at(number).live) for number in range(self._number + 1))

    def resets(self) -> int:
        """Return how often the peers of this round had to start their moments again."""
        return sum(peer.resets for peer in self.live)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Return what has to survive a restart: a group for each peer that remembers something."""
        return {f"{_GROUP}{index:04d}": peer.state() for index, peer in sorted(self._peers.items())}

    def load_state(self, state: Mapping[str, dict[str, Tensor]], number: int) -> None:
        """Take over what `state()` returned before round `number`."""
        names = {int(name.removeprefix(_GROUP)): name for name in state if name.startswith(_GROUP)}
        for index in sorted(names.keys() | self._peers.keys()):
            if index not in self._peers:
                self._peers[index] = self._make(index)
            elif index not in names:
                del self._peers[index]
        for index, name in names.items():
            self._peers[index].load_state(state[name])
        self.go_to(number)

    def _at(self, number: int) -> Roster:
        return self._rosters[min(number, len(self._rosters) - 1)]
