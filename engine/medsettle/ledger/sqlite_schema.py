"""The tables of the SQLite ledger.

Everything that can be said as a constraint is said as one: the store is the last to catch a mistake
of ours. `postings` is kept although `counters` follows from it, so that `verify` can prove it does.
"""

from typing import Final

# "MSLG" in ASCII: tells a ledger from any other SQLite file (`PRAGMA application_id`).
APPLICATION_ID: Final = 0x4D53_4C47
# That of the last of `migrations/sqlite`, which bring older files to the tables below.
SCHEMA_VERSION: Final = 5

# The WAL-reset fault of 3.7.0 to 3.51.2 can corrupt a file while two connections are open.
# Source: https://www.sqlite.org/wal.html#walresetbug
SQLITE_VERSION_MIN: Final = (3, 51, 3)

TABLES: Final = """
create table meta (
  name text primary key,
  value integer not null
) strict, without rowid;

create table entries (
  seq integer primary key check (seq >= 1),
  create_time_us integer not null check (create_time_us >= 0),
  kind text not null check (kind in (
    'settle', 'cancel', 'visit', 'visit_cancel', 'opening', 'registration', 'relation', 'card',
    'refusal', 'tombstone', 'message', 'adjust'
  )),
  settlement text not null unique,
  original text,
  institution text not null,
  request_id text not null,
  institution_settlement text,
  pooling_area text not null,
  person text not null,
  service_day integer not null,
  content_digest blob not null check (length(content_digest) = 32),
  record blob not null,
  subject text,
  unique (institution, request_id),
  constraint only_cancels_have_an_original
    check ((kind in ('cancel', 'visit_cancel')) = (original is not null)),
  constraint only_events_have_a_subject
    check ((kind in ('registration', 'card', 'message', 'adjust')) = (subject is not null)),
  constraint only_messages_and_decided_ids_have_no_person check (
    kind in ('refusal', 'tombstone', 'message') or (person <> '' and pooling_area <> '')
  )
) strict;

create unique index entries_institution_settlement
  on entries (institution, institution_settlement)
  where kind in ('settle', 'visit') and institution_settlement is not null;
create unique index entries_original on entries (original) where original is not null;
-- For pages: an index ends in the row's number, so equal keys come out in seq order. Messages are
-- many to a settlement, and whoever asks for settlements does not read past them.
create index entries_of_institution on entries (institution) where kind <> 'message';
create index entries_of_person on entries (person, pooling_area) where kind <> 'message';
create index settlements_of_person_by_day on entries (person, pooling_area, service_day)
  where kind = 'settle';
create index events_of_person on entries (person, pooling_area, kind) where subject is not null;
create index entries_of_card on entries (subject, pooling_area) where kind = 'card';
create index messages_of_subject on entries (subject) where kind = 'message';

create table postings (
  seq integer not null,
  pooling_area text not null,
  person text not null,
  counter text not null,
  period integer not null,
  delta integer not null check (delta <> 0),
  primary key (seq, pooling_area, person, counter, period)
) strict, without rowid;

create index postings_of_counter on postings (person, counter, pooling_area, period);

create table counters (
  pooling_area text not null,
  person text not null,
  counter text not null,
  period integer not null,
  value integer not null,
  primary key (pooling_area, person, counter, period),
  constraint account_not_below_zero check (counter <> 'account' or value >= 0),
  constraint counter_not_below_zero check (value >= 0)
) strict, without rowid;

create trigger entries_are_never_changed before update on entries
  begin select raise(abort, 'entries are never changed'); end;
create trigger entries_are_never_deleted before delete on entries
  begin select raise(abort, 'entries are never deleted'); end;
create trigger postings_are_never_changed before update on postings
  begin select raise(abort, 'postings are never changed'); end;
create trigger postings_are_never_deleted before delete on postings
  begin select raise(abort, 'postings are never deleted'); end;
create trigger cancels_need_their_settlement before insert on entries
  when new.kind in ('cancel', 'visit_cancel')
  begin
    select raise(abort, 'a cancel names no settlement of its person') where not exists (
      select 1 from entries
      where settlement = new.original
        and kind = case new.kind when 'cancel' then 'settle' else 'visit' end
        and pooling_area = new.pooling_area and person = new.person
    );
  end;
create trigger adjustments_need_their_settlement before insert on entries
  when new.kind = 'adjust'
  begin
    select raise(abort, 'an adjustment names no settlement of its person') where not exists (
      select 1 from entries
      where settlement = new.subject and kind = 'settle'
        and pooling_area = new.pooling_area and person = new.person
    );
  end;
"""
