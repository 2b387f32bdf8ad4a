-- Messages: what an institution told that moves no money, found by what it is about.
--
-- They are many to a settlement, so the indexes by which settlements are paged leave them out.

alter table entries drop constraint entries_kind;
alter table entries add constraint entries_kind check (kind in (
  'settle', 'cancel', 'visit', 'visit_cancel', 'opening', 'registration', 'relation', 'card',
  'refusal', 'tombstone', 'message'
));
alter table entries drop constraint only_events_have_a_subject;
alter table entries add constraint only_events_have_a_subject
  check ((kind in ('registration', 'card', 'message')) = (subject is not null));
alter table entries drop constraint only_decided_ids_have_no_person;
alter table entries add constraint only_messages_and_decided_ids_have_no_person check (
  kind in ('refusal', 'tombstone', 'message') or (person <> '' and pooling_area <> '')
);

drop index entries_of_institution;
drop index entries_of_person;
create index entries_of_institution on entries (institution, seq) where kind <> 'message';
create index entries_of_person on entries (person, pooling_area, seq) where kind <> 'message';
create index messages_of_subject on entries (subject, seq) where kind = 'message';
