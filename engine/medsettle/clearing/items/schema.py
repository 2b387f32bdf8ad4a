"""The tables of runs, their differences, the items and their history.

Everything that can be said as a constraint is said as one. Runs and differences are never changed,
but that a later run supersedes an earlier; events only grow; an item never changes what it is, and
what is kept of its state beside its events is there to be found by.
"""

from typing import Final

from medsettle import limits
from medsettle.clearing.items.item import Happened, State
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.ledger.side_file import StoreForm


def _listed(words: object) -> str:
    return ", ".join(f"'{word}'" for word in words)  # type: ignore[attr-defined]


_BOUNDS: Final = {
    "classes": max(DifferenceClass),
    "sides": _listed(Side),
    "actions": _listed(Action),
    "states": _listed(State),
    "happened": _listed(Happened),
    "amount_fen_max": limits.AMOUNT_FEN_MAX,
}

_TABLES: Final = """
create table runs (
  number integer primary key check (number >= 1),
  reconciliation text not null,
  first_day integer not null,
  last_day integer not null check (last_day >= first_day),
  time_us integer not null check (time_us >= 0),
  way text not null,
  books blob not null,
  sides text not null,
  pooling_area text,
  care_area text,
  repeats blob not null,
  local integer not null check (local in (0, 1)),
  matched integer not null check (matched >= 0),
  counted blob not null,
  alarms blob not null,
  notes blob not null,
  opened integer not null check (opened >= 0),
  closed integer not null check (closed >= 0),
  differences blob not null,
  differences_digest blob not null check (length(differences_digest) = 32),
  superseded_by integer references runs (number) check (superseded_by > number)
) strict;
create index standing_runs on runs (reconciliation, first_day) where superseded_by is null;

create table days_unequal (
  run integer not null references runs (number),
  day integer not null,
  differences integer not null check (differences >= 1),
  duplicates integer not null check (duplicates between 0 and differences),
  primary key (run, day)
) strict, without rowid;

create table items (
  number integer primary key check (number >= 1),
  reconciliation text not null,
  item text not null,
  settlement text not null,
  difference_class integer not null check (difference_class between 1 and {classes}),
  owner text not null check (owner in ({sides})),
  action text not null check (action in ({actions})),
  term text not null,
  at_risk_fen integer not null check (at_risk_fen between 0 and {amount_fen_max}),
  pooling_area text not null,
  care_area text not null,
  record_day integer not null,
  state text not null check (state in ({states})),
  held integer not null check (held in (0, 1)),
  opened_run integer not null references runs (number),
  last_run integer not null references runs (number),
  terms text,
  proposer text,
  approver text,
  entry text,
  fingerprint text not null,
  explanation text not null,
  plan text,
  unique (reconciliation, item),
  constraint approved_by_another check (approver is null or lower(approver) <> lower(proposer)),
  constraint proposals_have_a_proposer
    check (state not in ('proposed', 'approved')
      or (proposer is not null and terms is not null and plan is not null)),
  constraint approvals_have_an_approver check (state <> 'approved' or approver is not null)
) strict;
create index items_not_closed on items (reconciliation, record_day) where state <> 'closed';

create table item_settlements (
  number integer not null references items (number),
  settlement text not null,
  primary key (number, settlement)
) strict, without rowid;

create table events (
  seq integer primary key check (seq >= 1),
  number integer not null references items (number),
  time_us integer not null check (time_us >= 0),
  happened text not null check (happened in ({happened})),
  difference_class integer not null check (difference_class between 1 and {classes}),
  action text not null check (action in ({actions})),
  at_risk_fen integer not null,
  run integer references runs (number),
  person text,
  terms text,
  entry text,
  reason text,
  constraint runs_or_persons check ((run is null) <> (person is null))
) strict;
create index events_of_item on events (number, seq);

create trigger runs_are_superseded_once before update on runs
  when old.superseded_by is not null or new.superseded_by is null
    or (new.number, new.reconciliation, new.first_day, new.last_day, new.time_us, new.way,
        new.books, new.sides, new.pooling_area, new.care_area, new.repeats, new.local,
        new.matched, new.counted, new.alarms, new.notes, new.opened, new.closed, new.differences,
        new.differences_digest)
      is not (old.number, old.reconciliation, old.first_day, old.last_day, old.time_us, old.way,
        old.books, old.sides, old.pooling_area, old.care_area, old.repeats, old.local,
        old.matched, old.counted, old.alarms, old.notes, old.opened, old.closed, old.differences,
        old.differences_digest)
  begin select raise(abort, 'a run is superseded once and does not change'); end;
create trigger runs_are_never_deleted before delete on runs
  begin select raise(abort, 'runs are never deleted'); end;
create trigger days_do_not_change before update on days_unequal
  begin select raise(abort, 'days of a run do not change'); end;
create trigger days_are_never_deleted before delete on days_unequal
  begin select raise(abort, 'days of a run are never deleted'); end;
create trigger items_keep_what_they_are before update on items
  when (new.number, new.reconciliation, new.item, new.opened_run)
    is not (old.number, old.reconciliation, old.item, old.opened_run)
  begin select raise(abort, 'an item does not change what it is'); end;
create trigger items_are_never_deleted before delete on items
  begin select raise(abort, 'items are never deleted'); end;
create trigger events_do_not_change before update on events
  begin select raise(abort, 'events do not change'); end;
create trigger events_are_never_deleted before delete on events
  begin select raise(abort, 'events are never deleted'); end;
create trigger names_do_not_change before update on item_settlements
  begin select raise(abort, 'what an item is about does not change'); end;
create trigger names_are_never_deleted before delete on item_settlements
  begin select raise(abort, 'what an item is about is never deleted'); end;
"""

# "MSIT" in ASCII: tells this store from any other SQLite file.
FORM: Final = StoreForm(
    "a store of reconciliation items", 0x4D53_4954, 1, _TABLES.format(**_BOUNDS)
)

ITEM_COLUMNS: Final = (
    "number, reconciliation, item, settlement, difference_class, owner, action, term, at_risk_fen, "
    "pooling_area, care_area, record_day, state, held, opened_run, last_run, terms, proposer, "
    "approver, entry, fingerprint, explanation, plan"
)
EVENT_COLUMNS: Final = (
    "seq, time_us, happened, difference_class, action, at_risk_fen, run, person, terms, entry, "
    "reason"
)
RUN_COLUMNS: Final = (
    "number, reconciliation, first_day, last_day, time_us, way, books, matched, counted, alarms, "
    "notes, opened, closed, superseded_by, local"
)
