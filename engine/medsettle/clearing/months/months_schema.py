"""The tables of months, notices and what the bank says about them.

Everything that can be said as a constraint is said as one. Nothing is deleted, and but for the note
that a payment file was written nothing is updated: a status is the last event of its notice, what
was paid is the sum of what `moved`: of its payments but for those that were registered wrongly.
"""

from typing import Final

from medsettle import limits
from medsettle.ledger.side_file import StoreForm

_BOUNDS: Final = {
    "notice_fen_max": limits.NOTICE_FEN_MAX,
    "text_chars_max": limits.CLEARING_TEXT_CHARS_MAX,
    "end_to_end_chars_max": limits.END_TO_END_CHARS_MAX,
    "late_months_max": limits.LATE_MONTHS_MAX,
    "payments_per_batch_max": limits.PAYMENTS_PER_BATCH_MAX,
    "control_sum_fen_max": limits.CONTROL_SUM_FEN_MAX,
}

_TABLES: Final = """
create table meta (
  name text primary key,
  value any not null
) strict, without rowid;
insert into meta values ('installation', lower(hex(randomblob(5))));

create table months (
  month text primary key check (month glob '[12][0-9][0-9][0-9]-[01][0-9]'),
  close_time_us integer not null,
  who text not null check (length(who) between 1 and {text_chars_max}),
  late_months integer not null check (late_months between 0 and {late_months_max}),
  lines integer not null check (lines >= 0),
  owed_fen integer not null,
  held integer not null check (held >= 0),
  lines_sha256 text not null check (length(lines_sha256) = 64),
  held_sha256 text not null check (length(held_sha256) = 64)
) strict, without rowid;

create table decisions (
  seq integer primary key,
  settlement text not null,
  included integer not null check (included in (0, 1)),
  who text not null check (length(who) between 1 and {text_chars_max}),
  reason text not null check (length(reason) between 1 and {text_chars_max}),
  time_us integer not null
) strict;
create index decisions_of_settlement on decisions (settlement, seq);

create table issues (
  month text primary key references months (month),
  who text not null,
  due_day integer not null,
  time_us integer not null
) strict, without rowid;

create table notices (
  number integer primary key check (number >= 1),
  payment_notice text not null unique check (length(payment_notice) <= {end_to_end_chars_max}),
  receipt_notice text not null unique check (length(receipt_notice) <= {end_to_end_chars_max}),
  month text not null references issues (month),
  debtor text not null check (length(debtor) = 2),
  creditor text not null check (length(creditor) = 2),
  fund_line text not null,
  gross_fen integer not null check (gross_fen between -{notice_fen_max} and {notice_fen_max}),
  carried_in_fen integer not null check (carried_in_fen between -{notice_fen_max} and 0),
  carried_out_fen integer not null check (carried_out_fen between -{notice_fen_max} and 0),
  due_day integer not null,
  time_us integer not null,
  replaces integer unique references notices (number),
  constraint between_two_provinces check (debtor <> creditor)
) strict;
create unique index notices_once on notices (month, debtor, creditor, fund_line)
  where replaces is null;

create table notice_events (
  notice integer not null references notices (number),
  seq integer not null check (seq >= 1),
  status integer not null check (status in (10, 20, 30, 40, 50, 60, 70)),
  who text not null check (length(who) between 1 and {text_chars_max}),
  reason text not null check (length(reason) <= {text_chars_max}),
  time_us integer not null,
  primary key (notice, seq)
) strict, without rowid;

create table deductions (
  id integer primary key,
  debtor text not null,
  creditor text not null,
  fund_line text not null,
  kind integer not null check (kind in (10, 20, 30, 40, 99)),
  amount_fen integer not null check (amount_fen between 1 and {notice_fen_max}),
  month text references issues (month),
  who text not null,
  reason text not null check (length(reason) <= {text_chars_max}),
  time_us integer not null
) strict;
create index deductions_of_pair on deductions (debtor, creditor, fund_line, id);

create table takings (
  id integer primary key,
  deduction integer not null references deductions (id),
  notice integer not null references notices (number),
  amount_fen integer not null check (amount_fen <> 0),
  time_us integer not null
) strict;
create index takings_of_notice on takings (notice);
create index takings_of_deduction on takings (deduction);

create table withdrawals (
  deduction integer primary key references deductions (id),
  amount_fen integer not null check (amount_fen between 1 and {notice_fen_max}),
  who text not null,
  reason text not null check (length(reason) between 1 and {text_chars_max}),
  time_us integer not null
) strict;

create table payments (
  id integer primary key,
  notice integer not null references notices (number),
  amount_fen integer not null check (amount_fen between 1 and {notice_fen_max}),
  returns integer references payments (id),
  account text not null,
  reference text not null check (length(reference) between 1 and {text_chars_max}),
  value_day integer not null,
  source text not null check (source in ('hand', 'bank')),
  who text not null,
  reason text not null check (length(reason) <= {text_chars_max}),
  time_us integer not null
) strict;
create index payments_of_notice on payments (notice);
create index payments_by_reference on payments (reference);
create index payments_by_what_they_return on payments (returns) where returns is not null;

create table unregistered (
  payment integer primary key references payments (id),
  who text not null check (length(who) between 1 and {text_chars_max}),
  reason text not null check (length(reason) between 1 and {text_chars_max}),
  time_us integer not null
) strict;

create view moved as
select * from payments p where not exists (select 1 from unregistered u where u.payment = p.id);

create trigger payments_have_references_of_their_own before insert on payments
  when exists (select 1 from moved m where m.reference = new.reference
    and (m.account = new.account or m.account = '' or new.account = ''))
  begin select raise(abort, 'a reference on an account stands for one payment'); end;
create trigger payments_come_back_once before insert on payments
  when new.returns is not null and (
    exists (select 1 from moved m where m.returns = new.returns)
    or not exists (select 1 from moved m where m.id = new.returns and m.returns is null
      and m.notice = new.notice and m.amount_fen = new.amount_fen))
  begin select raise(abort, 'a payment that stands comes back whole and once'); end;
create trigger what_the_bank_told_was_no_mistake before insert on unregistered
  when (select source from payments where id = new.payment) <> 'hand'
    or exists (select 1 from moved m where m.returns = new.payment)
  begin select raise(abort, 'only what was registered by hand and stands is unregistered'); end;

create table payment_files (
  number integer primary key check (number >= 1),
  message_id text not null unique,
  bank text not null,
  payments integer not null check (payments between 1 and {payments_per_batch_max}),
  sum_fen integer not null check (sum_fen between 1 and {control_sum_fen_max}),
  content blob not null,
  time_us integer not null,
  written integer not null default 0 check (written in (0, 1))
) strict;

create table payment_file_rows (
  notice integer not null references notices (number),
  file integer not null references payment_files (number),
  last_payment integer not null check (last_payment >= 0),
  amount_fen integer not null check (amount_fen >= 1),
  primary key (notice, file)
) strict, without rowid;

create table refusals (
  notice integer not null,
  file integer not null,
  who text not null check (length(who) between 1 and {text_chars_max}),
  reason text not null check (length(reason) between 1 and {text_chars_max}),
  time_us integer not null,
  primary key (notice, file),
  foreign key (notice, file) references payment_file_rows (notice, file)
) strict, without rowid;

create table statements (
  id integer primary key,
  account text not null,
  message text not null,
  statement text not null,
  sha256 text not null,
  who text not null,
  time_us integer not null,
  unique (account, message, statement)
) strict;

create table bank_entries (
  statement integer not null references statements (id),
  place integer not null check (place >= 1),
  account text not null,
  reference text not null,
  end_to_end text not null,
  direction text not null check (direction in ('credit', 'debit')),
  returned integer not null check (returned in (0, 1)),
  amount text not null,
  currency text not null,
  value_day integer not null,
  reason text not null,
  finding text not null,
  payment integer references payments (id),
  primary key (statement, place),
  constraint booked_or_listed check ((payment is null) = (finding <> 'booked'))
) strict, without rowid;
create index bank_entries_by_reference on bank_entries (account, reference);

create trigger payment_files_do_not_change before update on payment_files
  when new.content <> old.content or new.message_id <> old.message_id
    or new.sum_fen <> old.sum_fen
  begin select raise(abort, 'payment files do not change'); end;
"""

_KEPT: Final = (
    *("months", "decisions", "issues", "notices", "notice_events", "deductions", "takings"),
    "withdrawals",
    *("payments", "unregistered", "payment_file_rows", "refusals", "statements", "bank_entries"),
)


def _guards() -> str:
    """Return triggers that refuse to change or delete what was recorded."""
    kept = [
        f"create trigger {table}_do_not_change before update on {table} "
        f"begin select raise(abort, '{table} are never changed'); end;"
        for table in _KEPT
    ]
    kept += [
        f"create trigger {table}_are_never_deleted before delete on {table} "
        f"begin select raise(abort, '{table} are never deleted'); end;"
        for table in (*_KEPT, "payment_files")
    ]
    return "\n".join(kept)


# "MSMO" in ASCII: tells this store from any other SQLite file.
FORM: Final = StoreForm(
    "a store of cleared months", 0x4D53_4D4F, 1, _TABLES.format(**_BOUNDS) + _guards()
)
