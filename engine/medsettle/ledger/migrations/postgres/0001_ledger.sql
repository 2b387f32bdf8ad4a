-- The tables of a ledger in PostgreSQL, with the promises of the one in SQLite.
--
-- Texts are compared byte by byte, whatever the locale of the database: rows are locked in that
-- order, and names are looked for by how they begin.

create table entries (
  seq bigint primary key check (seq >= 1),
  create_time_us bigint not null check (create_time_us >= 0),
  kind text collate "C" not null,
  settlement text collate "C" not null,
  original text collate "C",
  institution text collate "C" not null,
  request_id text collate "C" not null,
  institution_settlement text collate "C",
  pooling_area text collate "C" not null,
  person text collate "C" not null,
  service_day bigint not null,
  content_digest bytea not null check (length(content_digest) = 32),
  record bytea not null,
  subject text collate "C",
  constraint entries_kind check (kind in (
    'settle', 'cancel', 'visit', 'visit_cancel', 'opening', 'registration', 'relation', 'card',
    'refusal', 'tombstone'
  )),
  constraint entries_settlement unique (settlement),
  constraint entries_request_id unique (institution, request_id),
  constraint only_cancels_have_an_original
    check ((kind in ('cancel', 'visit_cancel')) = (original is not null)),
  constraint only_events_have_a_subject
    check ((kind in ('registration', 'card')) = (subject is not null)),
  constraint only_decided_ids_have_no_person
    check (kind in ('refusal', 'tombstone') or (person <> '' and pooling_area <> ''))
);

create unique index entries_institution_settlement
  on entries (institution, institution_settlement)
  where kind in ('settle', 'visit') and institution_settlement is not null;
create unique index entries_original on entries (original) where original is not null;
create index entries_of_institution on entries (institution, seq);
create index entries_of_person on entries (person, pooling_area, seq);
create index settlements_of_person_by_day on entries (person, pooling_area, service_day)
  where kind = 'settle';
create index events_of_person on entries (person, pooling_area, kind) where subject is not null;
create index entries_of_card on entries (subject, pooling_area) where kind = 'card';

create table postings (
  seq bigint not null,
  pooling_area text collate "C" not null,
  person text collate "C" not null,
  counter text collate "C" not null,
  period bigint not null,
  delta bigint not null check (delta <> 0),
  primary key (seq, pooling_area, person, counter, period)
);

create index postings_of_counter on postings (person, counter, pooling_area, period, seq);

create table counters (
  pooling_area text collate "C" not null,
  person text collate "C" not null,
  counter text collate "C" not null,
  period bigint not null,
  value bigint not null,
  primary key (pooling_area, person, counter, period),
  constraint account_not_below_zero check (counter <> 'account' or value >= 0),
  constraint counter_not_below_zero check (value >= 0)
);

-- One row for everybody whom a writer keeps to itself while it decides, to be locked.
create table holders (
  pooling_area text collate "C" not null,
  holder text collate "C" not null,
  primary key (pooling_area, holder)
);

-- The number of the last entry. A sequence would hand out numbers that become visible out of
-- order, or never, and a reader that goes on after a number would skip entries.
create table ledger_head (
  only_row boolean primary key default true check (only_row),
  last_seq bigint not null check (last_seq >= 0)
) with (fillfactor = 10);
insert into ledger_head values (true, 0);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% are never %', tg_table_name, tg_argv[0]
    using errcode = 'integrity_constraint_violation';
end $$;

create trigger entries_are_never_changed before update on entries
  for each statement execute function refuse_change('changed');
create trigger entries_are_never_deleted before delete or truncate on entries
  for each statement execute function refuse_change('deleted');
create trigger postings_are_never_changed before update on postings
  for each statement execute function refuse_change('changed');
create trigger postings_are_never_deleted before delete or truncate on postings
  for each statement execute function refuse_change('deleted');

create function refuse_stray_cancel() returns trigger language plpgsql as $$
begin
  if not exists (
    select 1 from entries
    where settlement = new.original
      and kind = case new.kind when 'cancel' then 'settle' else 'visit' end
      and pooling_area = new.pooling_area and person = new.person
  ) then
    raise exception 'a cancel names no settlement of its person'
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;

create trigger cancels_need_their_settlement before insert on entries
  for each row when (new.kind in ('cancel', 'visit_cancel'))
  execute function refuse_stray_cancel();
