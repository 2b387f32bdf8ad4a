"""The tables of payment orders, batches and receivables.

Everything that can be said as a constraint is said as one. An order moves once, from pending to
withdrawn or to one batch, and then never again; a batch never changes but for the note that its
file was written.
"""

from typing import Final

from medsettle import limits
from medsettle.ledger.side_file import StoreForm

_BOUNDS: Final = {
    "end_to_end_chars_max": limits.END_TO_END_CHARS_MAX,
    "payment_fen_max": limits.PAYMENT_FEN_MAX,
    "payments_per_batch_max": limits.PAYMENTS_PER_BATCH_MAX,
    "control_sum_fen_max": limits.CONTROL_SUM_FEN_MAX,
}

_TABLES: Final = """
create table meta (
  name text primary key,
  value any not null
) strict, without rowid;
insert into meta values ('last_seq', 0), ('installation', lower(hex(randomblob(5))));

create table batches (
  number integer primary key check (number >= 1),
  message_id text not null unique,
  bank text not null,
  create_time_us integer not null,
  payments integer not null check (payments between 1 and {payments_per_batch_max}),
  sum_fen integer not null check (sum_fen between 1 and {control_sum_fen_max}),
  content blob not null,
  written integer not null default 0 check (written in (0, 1))
) strict;

create table orders (
  id text primary key check (length(id) <= {end_to_end_chars_max}),
  kind text not null check (kind in ('payout', 'reimbursement', 'refund')),
  settlement text not null,
  stage text not null,
  pooling_area text not null,
  debtor_type text not null,
  debtor text not null,
  creditor_type text not null,
  creditor text not null,
  amount_fen integer not null check (amount_fen between 1 and {payment_fen_max}),
  execution_day integer not null,
  clause text not null,
  batch integer references batches (number),
  cancel text,
  constraint withdrawn_or_exported check (batch is null or cancel is null)
) strict, without rowid;
create index orders_of_settlement on orders (settlement);
create index orders_pending on orders (debtor, execution_day, id)
  where batch is null and cancel is null;

create table receivables (
  id text primary key,
  cause text not null check (cause in ('recall', 'replaced')),
  settlement text not null,
  pooling_area text not null,
  debtor_type text not null,
  debtor text not null,
  amount_fen integer not null check (amount_fen between 1 and {payment_fen_max}),
  cancel text,
  constraint recalls_have_a_cancel check (cause <> 'recall' or cancel is not null)
) strict, without rowid;
create index receivables_of_settlement on receivables (settlement);

create trigger orders_move_once before update on orders
  when old.batch is not null or old.cancel is not null
    or (new.id, new.amount_fen, new.creditor, new.debtor, new.settlement)
      is not (old.id, old.amount_fen, old.creditor, old.debtor, old.settlement)
  begin select raise(abort, 'an order moves once and does not change'); end;
create trigger orders_are_never_deleted before delete on orders
  begin select raise(abort, 'orders are never deleted'); end;
create trigger batches_do_not_change before update on batches
  when new.content <> old.content or new.message_id <> old.message_id
  begin select raise(abort, 'batches do not change'); end;
create trigger batches_are_never_deleted before delete on batches
  begin select raise(abort, 'batches are never deleted'); end;
create trigger receivables_are_never_deleted before delete on receivables
  begin select raise(abort, 'receivables are never deleted'); end;
"""

# "MSPO" in ASCII: tells this store from any other SQLite file.
FORM: Final = StoreForm("a store of payment orders", 0x4D53_504F, 1, _TABLES.format(**_BOUNDS))

ORDER_COLUMNS: Final = (
    "id, kind, settlement, stage, pooling_area, debtor_type, debtor, creditor_type, creditor, "
    "amount_fen, execution_day, clause"
)
