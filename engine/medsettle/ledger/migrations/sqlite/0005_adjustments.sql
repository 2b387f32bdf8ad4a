-- Adjustments are recorded too: what is added to the amounts of a settlement.
--
-- SQLite cannot change the checks of a table, so it is made anew with what the old one holds; its
-- indexes and triggers went with that. No row is changed or lost: the rows are counted and numbered
-- by the checks of every opening, which follow.

create table entries_made_anew (
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

insert into entries_made_anew
select seq, create_time_us, kind, settlement, original, institution, request_id,
  institution_settlement, pooling_area, person, service_day, content_digest, record, subject
from entries order by seq;

drop table entries;
alter table entries_made_anew rename to entries;

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

create trigger entries_are_never_changed before update on entries
  begin select raise(abort, 'entries are never changed'); end;
create trigger entries_are_never_deleted before delete on entries
  begin select raise(abort, 'entries are never deleted'); end;
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
