"""The tables of prepayments: what is required, noticed, paid in, used, and asked for beside.

Everything is only ever added. What stands on a line is the sum of its payments; what is owed of a
notice is its amount less its payments, unless it was superseded.
"""

from typing import Final

from medsettle import limits
from medsettle.ledger.side_file import StoreForm

_LINE: Final = "insured text not null, care text not null, fund text not null"
_BOUNDS: Final = {
    "line": _LINE,
    "fen_max": limits.PREPAYMENT_FEN_MAX,
    "cleared_fen_max": limits.AMOUNT_FEN_MAX,
    "text_max": limits.CLEARING_TEXT_CHARS_MAX,
}
_APPENDED: Final = ("requirements", "notices", "superseded", "payments", "usages", "increases")

_TABLES: Final = """
create table requirements (
  id integer primary key,
  {line},
  year integer not null,
  months_fen text not null,
  multiple_e4 integer not null check (multiple_e4 > 0),
  rounding text not null,
  required_fen integer not null check (required_fen between 0 and {fen_max}),
  who text not null check (length(who) between 1 and {text_max}),
  create_time_us integer not null
) strict;
create index requirements_of_line on requirements (insured, care, fund, year, id);

create table notices (
  id integer primary key,
  {line},
  year integer not null,
  kind text not null check (kind in ('prepayment', 'adjustment', 'increase')),
  amount_fen integer not null
    check (amount_fen <> 0 and amount_fen between -{fen_max} and {fen_max}),
  issue_day integer not null,
  due_day integer not null check (due_day >= issue_day),
  requirement integer references requirements (id),
  increase integer references increases (id),
  who text not null check (length(who) between 1 and {text_max}),
  create_time_us integer not null,
  constraint one_cause check ((requirement is null) <> (increase is null)),
  constraint increases_are_paid_in check (kind <> 'increase' or amount_fen > 0)
) strict;
create index notices_of_line on notices (insured, care, fund, id);

create table superseded (
  notice integer primary key references notices (id),
  requirement integer not null references requirements (id),
  day integer not null
) strict;

create table payments (
  id integer primary key,
  notice integer not null references notices (id),
  reference text not null unique check (length(reference) between 1 and {text_max}),
  amount_fen integer not null
    check (amount_fen <> 0 and amount_fen between -{fen_max} and {fen_max}),
  day integer not null,
  who text not null check (length(who) between 1 and {text_max}),
  create_time_us integer not null
) strict;
create index payments_of_notice on payments (notice);

create table usages (
  id integer primary key,
  {line},
  month integer not null,
  cleared_fen integer not null check (cleared_fen between -{cleared_fen_max} and {cleared_fen_max}),
  standing_fen integer not null check (standing_fen between 0 and {fen_max}),
  level text not null check (level in ('normal', 'yellow', 'red')),
  create_time_us integer not null
) strict;
create index usages_of_line on usages (insured, care, fund, month, id);

create table increases (
  id integer primary key,
  {line},
  month integer not null,
  amount_fen integer not null check (amount_fen between 1 and {fen_max}),
  create_time_us integer not null
) strict;

create table increase_steps (
  increase integer not null references increases (id),
  number integer not null check (number >= 0),
  state text not null
    check (state in ('requested', 'approved', 'refused', 'noticed', 'paid', 'superseded')),
  day integer not null,
  who text not null check (length(who) between 1 and {text_max}),
  why text not null check (length(why) between 1 and {text_max}),
  create_time_us integer not null,
  primary key (increase, number)
) strict, without rowid;

create trigger payments_go_the_way_of_their_notice before insert on payments
  when (select n.amount_fen > 0 from notices n where n.id = new.notice) <> (new.amount_fen > 0)
    or (select abs(n.amount_fen) from notices n where n.id = new.notice) < abs(new.amount_fen)
      + (select coalesce(sum(abs(p.amount_fen)), 0) from payments p where p.notice = new.notice)
  begin select raise(abort, 'no more is paid than a notice says, and the same way'); end;
create trigger superseded_notices_are_not_paid before insert on payments
  when exists (select 1 from superseded s where s.notice = new.notice)
  begin select raise(abort, 'a superseded notice is not paid'); end;
create trigger increases_are_reviewed_by_another before insert on increase_steps
  when new.state in ('approved', 'refused') and lower(new.who) = (
    select lower(who) from increase_steps where increase = new.increase and number = 0)
  begin select raise(abort, 'somebody else than who asked reviews an increase'); end;
create trigger steps_follow_one_another before insert on increase_steps
  when new.number <> (
    select coalesce(max(number) + 1, 0) from increase_steps where increase = new.increase)
  begin select raise(abort, 'a step follows the last one'); end;
"""


def _never(table: str) -> str:
    return "".join(
        f"create trigger {table}_are_never_{done} before {verb} on {table} "
        f"begin select raise(abort, '{table} are never {done}'); end;\n"
        for verb, done in (("update", "changed"), ("delete", "deleted"))
    )


# "MSPP" in ASCII: tells this store from any other SQLite file.
FORM: Final = StoreForm(
    "a store of prepayments",
    0x4D53_5050,
    1,
    _TABLES.format(**_BOUNDS) + "".join(map(_never, (*_APPENDED, "increase_steps"))),
)

NOTICE_COLUMNS: Final = (
    "n.id, n.insured, n.care, n.fund, n.year, n.kind, n.amount_fen, n.issue_day, n.due_day, "
    "n.increase"
)
