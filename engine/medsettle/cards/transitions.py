"""Which action is possible in which state: one table, and what is not in it is refused."""

from typing import Final

from medsettle.core.cards import CardAction, CardState

_A, _S = CardAction, CardState

BEFORE_LOSS: Final = "the state before the loss"
"""Target of a resume: a loss neither activates a sealed card nor unlocks a locked one."""

SAME: Final = "the same state"
"""Target of an action that leaves the social application as it is."""

_USABLE: Final = (_S.SEALED, _S.ACTIVE, _S.LOCKED)
_LOST: Final = (_S.TEMPORARILY_LOST, _S.FORMALLY_LOST)

TRANSITIONS: Final[dict[tuple[CardState, CardAction], CardState | str]] = {
    (_S.SEALED, _A.ACTIVATE): _S.ACTIVE,
    (_S.SEALED, _A.ACTIVATE_BANK): SAME,
    (_S.ACTIVE, _A.ACTIVATE_BANK): SAME,
    (_S.ACTIVE, _A.LOCK): _S.LOCKED,
    (_S.LOCKED, _A.UNLOCK): _S.ACTIVE,
    **{(state, _A.REPORT_TEMPORARY_LOSS): _S.TEMPORARILY_LOST for state in _USABLE},
    **{
        (state, _A.REPORT_FORMAL_LOSS): _S.FORMALLY_LOST
        for state in (*_USABLE, _S.TEMPORARILY_LOST)
    },
    # A replacement that is applied for ends the old card, and with it the way back from its loss.
    **{(state, _A.RESUME): BEFORE_LOSS for state in _LOST},
    **{(state, _A.REPLACE): _S.REPLACED for state in (*_USABLE, _S.FORMALLY_LOST, _S.EXPIRED)},
    **{(state, _A.CANCEL): _S.CANCELLED for state in (*_USABLE, *_LOST, _S.EXPIRED)},
}
"""What each action makes of a card in each state. An issue begins a card and is in no state."""

FINAL: Final = frozenset({_S.REPLACED, _S.CANCELLED})
"""States that nothing leaves. An expired card can still be replaced or cancelled."""

ENDS: Final = frozenset({_A.REPLACE, _A.CANCEL})
"""Actions that lead there: those that a card can never have had too many events for."""
