-- Adjustments: what is added to the amounts of a settlement, found by the person and the settlement.

alter table entries drop constraint entries_kind;
alter table entries add constraint entries_kind check (kind in (
  'settle', 'cancel', 'visit', 'visit_cancel', 'opening', 'registration', 'relation', 'card',
  'refusal', 'tombstone', 'message', 'adjust'
));
alter table entries drop constraint only_events_have_a_subject;
alter table entries add constraint only_events_have_a_subject
  check ((kind in ('registration', 'card', 'message', 'adjust')) = (subject is not null));

create function refuse_stray_adjustment() returns trigger language plpgsql as $$
begin
  if not exists (
    select 1 from entries
    where settlement = new.subject and kind = 'settle'
      and pooling_area = new.pooling_area and person = new.person
  ) then
    raise exception 'an adjustment names no settlement of its person'
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;

create trigger adjustments_need_their_settlement before insert on entries
  for each row when (new.kind = 'adjust')
  execute function refuse_stray_adjustment();
