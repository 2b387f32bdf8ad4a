"""What hospitals are paid, worked out in plain Python with fractions, and nothing of the engine.

It is written from the rules in words: what is due of a part is what was declared less deductions,
forfeits and the reserve held; a month pays the rest; what was paid too much comes back out of the
next payment of the same fund: of what waits itself, then of claims by day and id, then of the
institution's own deductions. Claims on hold are left out, but for what they were paid too much.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

Key = tuple[str, str]
"""Institution and insurance type: whose money goes to whom."""


@dataclass
class Cut:
    """A deduction: fen, from which day, and how much of it was taken or has lapsed."""

    fen: int
    day: int
    number: int
    taken: int = 0
    lapsed: int = 0
    lifted: int = 0
    advance: bool = False

    @property
    def open(self) -> int:
        """What is still to be taken."""
        return self.standing - self.taken

    @property
    def standing(self) -> int:
        """What of it counts."""
        return self.fen - self.lapsed - self.lifted


@dataclass
class Piece:
    """What the pool owes of a claim."""

    claim: str
    key: Key
    day: int
    declared: int
    cuts: list[Cut] = field(default_factory=list)
    forfeited: int = 0
    held: int = 0
    cash: int = 0
    paid: int = 0
    moved: bool = False
    month_done: bool = False
    computed: int = 0
    priced: bool = False
    cancelled: bool = False
    on_hold: bool = False
    was_held: bool = False
    waits: bool = False

    @property
    def worth(self) -> int:
        """What is left of it."""
        cut = sum(each.standing for each in self.cuts)
        return max(0, self.declared - cut - self.forfeited)

    @property
    def rest(self) -> int:
        """What is still to be approved; below zero it was too much."""
        return self.worth - self.held - self.cash

    def take_from_reserve(self, fen: int) -> None:
        """Let the reserve bear what is to come back: deductions first, by day."""
        self.held -= fen
        for cut in sorted(self.cuts, key=lambda each: (each.day, each.number)):
            part = min(cut.open, fen)
            cut.taken += part
            fen -= part

    def take_back(self, fen: int) -> None:
        """Take money back, deductions first, by day."""
        self.cash -= fen
        for cut in sorted(self.cuts, key=lambda each: (each.day, each.number)):
            part = min(cut.open, fen)
            cut.taken += part
            fen -= part

    def correct(self, fen: int) -> None:
        """Correct what was computed; a price stays."""
        self.computed += fen
        if not self.priced or self.cancelled:
            self.change(fen)

    def cancel(self) -> None:
        """Take all of it back, the price with it."""
        self.computed, self.cancelled = 0, True
        self.change(-self.declared)

    def change(self, fen: int) -> None:
        """Declare more of it, or less."""
        self.declared += fen
        if fen > 0:
            return
        too_much = sum(each.standing for each in self.cuts) - self.declared
        for cut in sorted(self.cuts, key=lambda each: (each.day, each.number), reverse=True):
            part = max(0, min(cut.open, too_much))
            cut.lapsed += part
            too_much -= part
        self.held = min(self.held, self.worth)

    def lift(self, cut: Cut, fen: int) -> int | None:
        """Give up some of a deduction; return what is restored, None where it cannot be."""
        back = max(0, fen - cut.open)
        cut.lifted += fen
        if back > max(0, self.rest):
            cut.lifted -= fen
            return None
        cut.taken -= back
        self.cash += back
        self.waits = self.waits or back > 0
        self.moved = self.moved or back > 0
        return back

    def cut(self, cut: Cut) -> None:
        """Deduct of it; reserve that it no longer bears is part of the deduction."""
        self.cuts.append(cut)
        borne = max(0, self.held - self.worth)
        self.held -= borne
        cut.taken += borne


def shares(amounts: list[int], rate: Fraction) -> list[int]:
    """Return a rate of each amount; the sum is that of the sum, half up, rests to the largest."""
    exact = [rate * fen for fen in amounts]
    found = [floor(each) for each in exact]
    missing = floor(rate * sum(amounts) + Fraction(1, 2)) - sum(found)
    for at in sorted(range(len(amounts)), key=lambda at: (found[at] - exact[at], at))[:missing]:
        found[at] += 1
    return found


class Oracle:
    """Everything that is known of the hospitals of one area."""

    def __init__(self, instant: Fraction, reserve: Fraction) -> None:
        self.instant_rate, self.reserve_rate = instant, reserve
        self.pieces: dict[str, Piece] = {}
        self.own_cuts: dict[Key, list[Cut]] = {}
        self.lent: dict[Key, int] = {}
        self.cleared: dict[str, set[str]] = {}
        self.last: dict[Key, tuple[int, dict[str, int], int]] = {}
        self.carried: dict[Key, int] = {}
        self.assessed: dict[str, Fraction] = {}

    def _of(self, key: Key) -> list[Piece]:
        return sorted(
            (each for each in self.pieces.values() if each.key == key),
            key=lambda each: each.claim,
        )

    @property
    def keys(self) -> list[Key]:
        """All institutions with their funds, in order."""
        return sorted({each.key for each in self.pieces.values()})

    def instant(self) -> None:
        """Approve the instant slice of what has had no money yet."""
        for key in self.keys:
            new = [
                each
                for each in self._of(key)
                if not each.moved and each.worth and not each.held and not each.on_hold
            ]
            for piece, fen in zip(
                new, shares([each.worth for each in new], self.instant_rate), strict=True
            ):
                piece.cash += fen
                if fen:
                    piece.moved = piece.waits = True

    def month(self, number: str, declared: set[str]) -> None:
        """Approve the rest of what is declared, then of claims that were on hold or got a price."""
        self._month({claim for claim in declared if not self.pieces[claim].on_hold})
        self.cleared[number] = declared
        for _, claims in sorted(self.cleared.items()):
            freed = [self.pieces[claim] for claim in claims]
            self._month(
                {
                    each.claim
                    for each in freed
                    if (each.was_held or each.priced) and not each.on_hold and each.rest > 0
                }
            )

        for institution, rate in self.assessed.items():
            self._settle_reserve(institution, rate)

    def _month(self, claims: set[str]) -> None:
        for key in self.keys:
            pieces = [each for each in self._of(key) if each.claim in claims]
            owed = [each for each in pieces if each.rest > 0]
            bases = [each.rest if each.month_done else each.worth for each in owed]
            for piece, reserve in zip(owed, shares(bases, self.reserve_rate), strict=True):
                rest, held = piece.rest, min(reserve, piece.rest)
                piece.cash += rest - held
                piece.held += held
                piece.moved = piece.month_done = piece.waits = True
            for piece in pieces:
                unpaid = sum(each.open for each in piece.cuts) - max(0, -piece.rest)
                for cut in sorted(piece.cuts, key=lambda each: (each.day, each.number)):
                    part = max(0, min(cut.open, unpaid))
                    cut.taken += part
                    unpaid -= part

    def assess(self, institution: str, rate: Fraction) -> None:
        """Release a part of the reserve of an institution and forfeit the rest, now and later."""
        self.assessed[institution] = rate
        self._settle_reserve(institution, rate)

    def _settle_reserve(self, institution: str, rate: Fraction) -> None:
        for key in self.keys:
            held = [each for each in self._of(key) if each.held and key[0] == institution]
            for piece, fen in zip(held, shares([each.held for each in held], rate), strict=True):
                gone = piece.held - fen
                piece.held -= gone
                piece.forfeited += gone
                back = min(fen, max(0, -piece.rest))
                piece.take_from_reserve(back)
                piece.held -= fen - back
                piece.cash += fen - back
                piece.waits = piece.waits or fen > back

    def pay(self, day: int) -> dict[Key, int]:
        """Pay everything that waits, less what is to come back; return the payments."""
        payments = {}
        for key in self.keys:
            pieces = sorted(self._of(key), key=lambda each: (each.day, each.claim))
            paid = [each for each in pieces if each.waits and not each.on_hold]
            if not paid and key not in self.lent:
                continue
            before = {each.claim: each.paid for each in pieces}
            carried = own = self.carried.pop(key, 0)
            purse = sum(each.cash - each.paid for each in paid) + carried
            lent = self.lent.pop(key, 0)
            payment = purse + lent
            # First what waits of claims that are not worth it any more, then what was paid.
            for only_waiting in (True, False):
                for piece in pieces:
                    too_much = max(0, -piece.rest)
                    if piece.on_hold:
                        too_much = max(0, piece.paid - (piece.worth - piece.held))
                    unpaid = max(0, piece.cash - piece.paid)
                    most = min(too_much, unpaid) if only_waiting else too_much
                    back = 0 if piece.on_hold and only_waiting else min(most, purse)
                    piece.take_back(back)
                    # What waits of a claim on hold goes on waiting.
                    piece.paid -= back if piece.on_hold else 0
                    purse -= back
                    payment -= back
            for cut in sorted(self.own_cuts.get(key, []), key=lambda c: (c.day, c.number)):
                back = min(cut.open, purse) if cut.day <= day else 0
                cut.taken += back
                purse -= back
                payment -= back
                own -= back
            for piece in pieces:
                if not piece.on_hold:
                    piece.paid, piece.waits = piece.cash, False
            payments[key] = payment
            moved = {each.claim: each.paid - before[each.claim] for each in pieces}
            self.last[key] = (lent, moved, own)
        return payments

    def give_back(self, key: Key) -> None:
        """A bank returns the last payment: all that it was of waits anew."""
        lent, moved, own = self.last.pop(key)
        if lent:
            self.lent[key] = self.lent.get(key, 0) + lent
        if own:
            self.carried[key] = self.carried.get(key, 0) + own
        for claim, fen in moved.items():
            self.pieces[claim].paid -= fen
            self.pieces[claim].waits = True
