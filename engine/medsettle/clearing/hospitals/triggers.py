"""What keeps the sums of what hospitals are paid, and refuses what would not add up.

The tables are those of `hospital_schema`.
"""

from typing import Final

_TAKEN: Final = """(
  (select coalesce(-sum(fen), 0) from movements where deduction = new.deduction)
  + (select coalesce(sum(fen), 0) from uses
     where deduction = new.deduction and kind <> 'lifted'))"""
_LIFTED: Final = """(
  select coalesce(sum(fen), 0) from uses
  where deduction = new.deduction and kind in ('lapsed', 'lifted'))"""

_TRIGGERS: Final = """
create trigger shares_add_up after insert on shares begin
  update parts set declared_fen = declared_fen + new.fen
    where claim = new.claim and payer = new.payer;
end;

create trigger deductions_are_of_what_is_left before insert on deductions
  when new.claim is not null and new.fen > (
    select declared_fen - deducted_fen - forfeited_fen from parts
    where claim = new.claim and payer = new.payer)
  begin select raise(abort, 'a deduction is above what is left of the claim'); end;
create trigger deductions_add_up after insert on deductions when new.claim is not null begin
  update parts set deducted_fen = deducted_fen + new.fen
    where claim = new.claim and payer = new.payer;
end;

create trigger claims_are_paid_by_their_fund before insert on movements
  when new.claim is not null and not exists (
    select 1 from claims where claim = new.claim and institution = new.institution
      and pooling_area = new.pooling_area and insurance_type = new.insurance_type)
  begin select raise(abort, 'money of a claim goes to and from its own fund'); end;
create trigger nothing_is_paid_above_what_is_due before insert on movements
  when new.claim is not null and new.fen > 0 and (
    select approved_fen + new.fen
      > due_fen + case new.kind when 'release' then new.fen else 0 end
    from standing where claim = new.claim and payer = new.payer)
  begin select raise(abort, 'a movement would pay more than is due'); end;
create trigger deductions_are_taken_once before insert on movements
  when new.deduction is not null and {taken} - new.fen > (
    select fen from deductions where number = new.deduction)
  begin select raise(abort, 'more would be deducted than was decided'); end;
create trigger movements_add_up after insert on movements when new.claim is not null begin
  update parts set approved_fen = approved_fen + new.fen,
      held_fen = held_fen - case when new.kind in ('withheld', 'release') then new.fen else 0 end
    where claim = new.claim and payer = new.payer;
end;

create trigger deductions_end_once after insert on uses
  when new.deduction is not null and ({taken} > (
      select fen from deductions where number = new.deduction)
    or {lifted} > (select fen from deductions where number = new.deduction))
  begin select raise(abort, 'more would be deducted than was decided'); end;
create trigger uses_add_up after insert on uses begin
  update parts set
      held_fen = held_fen
        - case when new.kind in ('reserve', 'returned', 'forfeited') then new.fen else 0 end,
      forfeited_fen = forfeited_fen + case new.kind when 'forfeited' then new.fen else 0 end,
      deducted_fen = deducted_fen
        - case when new.kind in ('lapsed', 'lifted') then new.fen else 0 end
    where claim = new.claim and payer = new.payer;
end;

create trigger paid_adds_up after insert on paid begin
  update parts set paid_fen = paid_fen + m.fen from movements m
    where m.number = new.movement and parts.claim = m.claim and parts.payer = m.payer;
end;
create trigger movements_are_paid_once before insert on paid
  when exists (select 1 from paid_for_good where movement = new.movement)
  begin select raise(abort, 'a movement is paid once'); end;
create trigger nothing_is_returned_that_was_not_sent before insert on returns
  when (select fen from payments where payment = new.payment) = 0
  begin select raise(abort, 'a payment of 0 is not sent and cannot come back'); end;
create trigger returns_add_up after insert on returns begin
  update parts set paid_fen = paid_fen - (
      select sum(m.fen) from paid d join movements m on m.number = d.movement
      where d.payment = new.payment and m.claim = parts.claim and m.payer = parts.payer)
    where (claim, payer) in (
      select m.claim, m.payer from paid d join movements m on m.number = d.movement
      where d.payment = new.payment and m.claim is not null);
end;
create trigger payments_are_of_open_batches before insert on payments
  when exists (select 1 from batches where number = new.batch)
  begin select raise(abort, 'a batch does not change'); end;
create trigger movements_are_paid_in_open_batches before insert on paid
  when exists (select 1 from payments p join batches b on b.number = p.batch
    where p.payment = new.payment)
  begin select raise(abort, 'a batch does not change'); end;
create trigger payments_are_their_movements before insert on batches
  when exists (
    select 1 from payments p where p.batch = new.number and (
      p.fen <> (select coalesce(sum(m.fen), 0) from paid d join movements m
        on m.number = d.movement where d.payment = p.payment)
      or exists (select 1 from paid d join movements m on m.number = d.movement
        where d.payment = p.payment and
        (m.institution, m.pooling_area, m.insurance_type, m.payer)
          is not (p.institution, p.pooling_area, p.insurance_type, p.payer))))
  begin select raise(abort, 'a payment is not the sum of its movements'); end;
create trigger batches_are_their_payments before insert on batches
  when (new.payments, new.sum_fen) is not (
    select count(*), coalesce(sum(fen), 0) from payments where batch = new.number)
  begin select raise(abort, 'a batch is not the sum of its payments'); end;
"""


def triggers() -> str:
    """Return the statements that make the triggers."""
    return _TRIGGERS.format(taken=_TAKEN, lifted=_LIFTED)
