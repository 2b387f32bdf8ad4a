"""The tables of what hospitals are paid, and what the store itself does not let happen.

A *part* is what one payer owes of one claim. Its sums follow from rows that are never changed: what
was declared (`shares`), deductions decided upon, money approved (`movements`), and reserve or
deductions that ended without money (`uses`). The store keeps the sums beside the rows by triggers,
and holds two lines against any program: no movement takes a part above what is due of it, and no
payment is anything but the sum of its movements.

What is due of a part: declared - deducted - forfeited - held, the first three never below zero.
"""

from typing import Final

from medsettle import limits
from medsettle.clearing.hospitals.triggers import triggers
from medsettle.core.money import BPS
from medsettle.ledger.side_file import StoreForm

_BOUNDS: Final = {
    "fen_max": limits.AMOUNT_FEN_MAX,
    "chars_max": limits.CODE_CHARS_MAX,
    "name_max": limits.HOSPITAL_NAME_CHARS_MAX,
    "reason_max": limits.HOSPITAL_REASON_CHARS_MAX,
    "payments_max": limits.HOSPITAL_PAYMENTS_PER_RUN_MAX,
    "bps": BPS,
    "end_to_end_max": limits.END_TO_END_CHARS_MAX,
}

_FUND: Final = """
  institution text not null,
  pooling_area text not null,
  insurance_type text not null,
  payer text not null"""

_DECIDED: Final = """
  decided_by text not null check (length(decided_by) between 1 and {name_max}),
  create_time_us integer not null"""

TOO_MUCH: Final = "approved_fen > max(0, declared_fen - deducted_fen - forfeited_fen) - held_fen"
"""Whether more was approved of a part than is due of it now."""

ON_HOLD: Final = (
    "coalesce((select held from holds h where h.claim = c.claim order by h.number desc limit 1), 0)"
)
"""Whether the claim of a row `c` is on hold, 1 or 0: an expression for queries beside this."""

APPROVER: Final = (
    "(select case when a.first_movement <= m.number then a.decided_by end from approvals a "
    "where a.last_movement >= m.number order by a.last_movement limit 1)"
)
"""Who approved a movement `m`; null where none says: of version 1, or taken back in a payment."""

_CLAIMS: Final = """
create table meta (name text primary key, value any not null) strict, without rowid;
insert into meta values ('installation', lower(hex(randomblob(5))));

create table grades (
  institution text not null,
  from_day integer not null,
  grade text not null check (length(grade) between 1 and {chars_max}),
  {decided},
  primary key (institution, from_day)
) strict, without rowid;

create table claims (
  claim text primary key,
  institution text not null,
  pooling_area text not null,
  care_area text not null,
  insurance_type text not null,
  clearing_class text not null,
  record_day integer not null
) strict, without rowid;
create index claims_of_institution on claims (institution, record_day);
create index claims_of_day on claims (record_day);

create table holds (
  number integer primary key,
  claim text not null references claims (claim),
  held integer not null check (held in (0, 1)),
  day integer not null,
  reason text not null check (length(reason) between 1 and {reason_max}),
  message text,
  {decided}
) strict;
create index holds_of_claim on holds (claim, number);

create table entries (
  record text primary key,
  claim text not null references claims (claim),
  institution text not null,
  kind text not null check (kind in ('settle', 'cancel', 'adjust', 'case')),
  record_day integer not null,
  month text not null check (month like '____-__'),
  total_fen integer not null,
  account_fen integer not null,
  cash_fen integer not null,
  fund_fen integer not null,
  why text not null check (length(why) <= {reason_max})
) strict, without rowid;
create index entries_of_claim on entries (claim);
create index entries_of_month on entries (month, institution);

create table shares (
  claim text not null,
  payer text not null,
  record text not null references entries (record),
  fen integer not null check (fen <> 0 and abs(fen) <= {fen_max}),
  primary key (claim, payer, record),
  foreign key (claim, payer) references parts (claim, payer)
) strict, without rowid;

create table parts (
  claim text not null references claims (claim),
  payer text not null,
  declared_fen integer not null default 0 check (declared_fen between 0 and {fen_max}),
  deducted_fen integer not null default 0 check (deducted_fen >= 0),
  forfeited_fen integer not null default 0 check (forfeited_fen >= 0),
  held_fen integer not null default 0,
  approved_fen integer not null default 0 check (approved_fen >= 0),
  paid_fen integer not null default 0,
  primary key (claim, payer),
  constraint reserve_is_of_what_is_due check (
    held_fen between 0 and max(0, declared_fen - deducted_fen - forfeited_fen))
) strict, without rowid;
create view standing as
  select *, max(0, declared_fen - deducted_fen - forfeited_fen) - held_fen as due_fen from parts;
-- Few claims were ever paid too much: they are found without the others.
create index paid_too_much on parts (claim) where {too_much};

create table declarations (
  declaration text primary key,
  institution text not null,
  month text not null check (month like '____-__'),
  clearing_class text not null,
  clearing_way text not null,
  pooling_area text not null,
  insurance_type text not null,
  first_day integer not null,
  last_day integer not null check (last_day >= first_day),
  persons integer not null,
  total_fen integer not null,
  account_fen integer not null,
  cash_fen integer not null,
  fund_fen integer not null,
  create_time_us integer not null
) strict, without rowid;
create table declared (
  declaration text not null references declarations (declaration),
  record text not null references entries (record),
  primary key (record, declaration)
) strict, without rowid;
create index records_of_declaration on declared (declaration);
create table statuses (
  declaration text not null references declarations (declaration),
  number integer not null,
  status integer not null check (status in (10, 20, 30, 40, 50, 60, 70)),
  reason text not null check (length(reason) <= {reason_max}),
  {decided},
  primary key (declaration, number)
) strict, without rowid;
"""

_MONEY: Final = """
create table deductions (
  number integer primary key,
  {fund},
  code integer not null check (code in (10, 20, 30, 99)),
  claim text,
  advance integer references advances (number),
  fen integer not null check (fen between 1 and {fen_max}),
  from_day integer not null,
  reason text not null check (length(reason) between 1 and {reason_max}),
  source text unique,
  {decided},
  foreign key (claim, payer) references parts (claim, payer),
  constraint offsets_are_of_advances check ((code = 30) = (advance is not null)),
  constraint offsets_are_of_no_claim check (code <> 30 or claim is null)
) strict;
create index deductions_of_part on deductions (claim, payer);
create index deductions_of_institution on deductions (institution, from_day) where claim is null;

create table advances (
  number integer primary key,
  {fund},
  fen integer not null check (fen between 1 and {fen_max}),
  day integer not null,
  purpose text not null check (purpose in ('drugs', 'consumables')),
  {decided}
) strict;

create table movements (
  number integer primary key,
  kind text not null check (kind in
    ('instant', 'month', 'withheld', 'release', 'restored', 'deduction', 'recovery', 'advance')),
  {fund},
  claim text,
  deduction integer references deductions (number),
  advance integer references advances (number),
  fen integer not null check (fen <> 0 and abs(fen) <= {fen_max}),
  day integer not null,
  foreign key (claim, payer) references parts (claim, payer),
  constraint slices_add_and_the_rest_takes check (
    (kind in ('instant', 'month', 'release', 'restored', 'advance')) = (fen > 0)),
  constraint an_advance_is_no_claim check ((kind = 'advance') = (advance is not null)),
  constraint only_deductions_and_advances_are_of_no_claim check (
    claim is not null or kind in ('deduction', 'restored', 'advance')),
  constraint a_deduction_was_decided check (
    (kind in ('deduction', 'restored')) = (deduction is not null))
) strict;
create index movements_of_part on movements (claim, payer);
create index movements_of_deduction on movements (deduction) where deduction is not null;
create unique index one_instant_slice on movements (claim, payer) where kind = 'instant';

create table uses (
  number integer primary key,
  kind text not null check (
    kind in ('reserve', 'returned', 'forfeited', 'unpaid', 'lapsed', 'lifted')),
  claim text,
  payer text,
  deduction integer references deductions (number) deferrable initially deferred,
  assessment integer references assessments (number),
  fen integer not null check (fen between 1 and {fen_max}),
  day integer not null,
  why text not null default '' check (length(why) <= {reason_max}),
  decided_by text,
  foreign key (claim, payer) references parts (claim, payer),
  constraint deductions_end_by_name check (
    (kind in ('reserve', 'unpaid', 'lapsed', 'lifted')) = (deduction is not null)),
  constraint somebody_lifts check ((kind = 'lifted') = (decided_by is not null)),
  constraint only_what_is_lifted_is_of_no_claim check (
    (claim is null) = (payer is null) and (claim is not null or kind = 'lifted')),
  constraint forfeits_are_assessed check ((kind = 'forfeited') = (assessment is not null))
) strict;
create index uses_of_part on uses (claim, payer);
create index uses_of_deduction on uses (deduction) where deduction is not null;

create table assessments (
  number integer primary key,
  institution text not null,
  year integer not null,
  grade text not null,
  released_bps integer not null check (released_bps between 0 and {bps}),
  rounding text not null,
  approved_by text not null check (length(approved_by) between 1 and {name_max}),
  {decided},
  unique (institution, year),
  constraint two_people check (approved_by <> decided_by)
) strict;

create table batches (
  number integer primary key check (number >= 1),
  day integer not null,
  payments integer not null check (payments between 1 and {payments_max}),
  sum_fen integer not null check (sum_fen >= 0),
  {decided}
) strict;
create table payments (
  payment text primary key check (length(payment) <= {end_to_end_max}),
  batch integer not null references batches (number) deferrable initially deferred,
  {fund},
  fen integer not null check (fen between 0 and {fen_max})
) strict, without rowid;
create index payments_of_batch on payments (batch);
create index payments_of_institution on payments (institution);
create table paid (
  movement integer not null references movements (number),
  payment text not null references payments (payment),
  primary key (movement, payment)
) strict, without rowid;
create index paid_by on paid (payment);
create table returns (
  payment text primary key references payments (payment),
  day integer not null,
  reason text not null check (length(reason) between 1 and {reason_max}),
  {decided}
) strict, without rowid;
create view paid_for_good as
  select movement, payment from paid d
  where not exists (select 1 from returns r where r.payment = d.payment);
"""

_APPROVED: Final = """
create table terms (
  document text primary key check (length(document) = 64),
  area text not null,
  {decided}
) strict, without rowid;

create table approvals (
  last_movement integer primary key references movements (number),
  first_movement integer not null references movements (number),
  {decided},
  constraint movements_of_a_run check (first_movement <= last_movement)
) strict;

create trigger who_approved_does_not_pay before insert on batches
  when exists (
    select 1 from payments p join paid d on d.payment = p.payment
    join movements m on m.number = d.movement
    where p.batch = new.number and lower({approver}) = lower(new.decided_by))
  begin select raise(abort, 'somebody else than who approved pays'); end;
"""
"""Who supplied terms, and who approved movements: of each run its first and last."""

_KEPT: Final = (
    *("grades", "claims", "holds", "entries", "shares", "declarations", "declared", "statuses"),
    *("deductions", "advances", "movements", "uses", "assessments", "batches", "payments", "paid"),
    "returns",
)
_KEPT_SINCE_2: Final = ("terms", "approvals")


def _text() -> str:
    """Return the statements that make an empty store."""
    decided = _DECIDED.format(**_BOUNDS)
    words = {
        **_BOUNDS,
        "fund": _FUND,
        "decided": decided,
        "too_much": TOO_MUCH,
    }
    return (_CLAIMS + _MONEY).format(**words) + triggers() + _keeping(_KEPT)


def _since_2() -> str:
    """Return the statements that make a store of version 1 one of version 2."""
    decided = _DECIDED.format(**_BOUNDS)
    return _APPROVED.format(decided=decided, approver=APPROVER) + _keeping(_KEPT_SINCE_2)


def _keeping(tables: tuple[str, ...]) -> str:
    return "".join(
        f"create trigger {table}_never_change before update on {table}\n"
        f"  begin select raise(abort, 'rows of {table} never change'); end;\n"
        f"create trigger {table}_are_never_deleted before delete on {table}\n"
        f"  begin select raise(abort, 'rows of {table} are never deleted'); end;\n"
        for table in tables
    )


# "MSHP" in ASCII: tells this store from any other SQLite file.
FORM: Final = StoreForm(
    "a store of what hospitals are paid", 0x4D53_4850, 2, _text() + _since_2(), (_since_2(),)
)
