"""The view `bookings`: every row of the audit tables in double entry (复式记账).

One row is fen on an account, a debit above zero and a credit below; the rows of a settlement add up
to zero, and with them those of a day and an area. Titles and holders are those of
`medsettle.books.double_entry`, which books the ledger itself. Openings and changes of relatives'
limits are no rows of the audit tables, so only the ledger has those bookings. A copy of what
another area decided is booked where care was given: that area owes what it pays of the bill.
"""

from typing import Final

BOOKINGS: Final = """
create view bookings as
with entries as (
  select seq, settlement, pooling_area, service_month, person, institution, insurance_type, side,
    case when side = 'care' then care_area else pooling_area end as book_area,
    (create_time at time zone 'UTC' + interval 8 hour)::date as day, total_fen, cash_fen
  from settlements where side is distinct from 'hub'),
shares as (
  select e.*, p.payer, p.payee, p.paid_fen, p.replaced_fen,
    e.side = 'care' and p.payer <> 'institution_share' as owed,
    case when owed then 'between_areas'
      when p.payer = 'account' then 'personal_account'
      when p.payer = 'institution_share' then 'institution_share'
      when p.debtor is not null then 'advance' else 'fund' end as title,
    case when owed then e.pooling_area
      when p.payer = 'account' then e.person
      when p.payer = 'institution_share' then e.institution
      else e.insurance_type || '/' || p.payer || '/' || p.fund_pay_type
        || coalesce('/' || p.debtor, '') end as holder
  from payers p join entries e using (seq)),
booked as (
  select seq, settlement, pooling_area, service_month, day, book_area as account_area,
    'institution' as title, institution as holder, total_fen as fen from entries
  union all
  select seq, settlement, pooling_area, service_month, day, book_area, 'cash', person, -cash_fen
  from entries
  union all
  select seq, settlement, pooling_area, service_month, day, book_area, title, holder, -paid_fen
  from shares where payee = 'bill' and (payer <> 'mutual_aid' or coalesce(owed, false))
  union all
  select seq, settlement, pooling_area, service_month, day, pooling_area, title, holder,
    replaced_fen - paid_fen
  from shares where payee <> 'bill' and side is null
  union all
  select seq, settlement, pooling_area, service_month, day, pooling_area,
    case when payee = 'account' then 'personal_account' else 'payout' end,
    case when payee = 'account' then person else payee end, paid_fen
  from shares where payee <> 'bill' and side is null
  union all
  select seq, settlement, pooling_area, service_month, day, pooling_area, 'replaced_share', payee,
    -replaced_fen
  from shares where payee <> 'bill' and side is null
  union all
  select e.seq, e.settlement, e.pooling_area, e.service_month, e.day,
    case when r.booked_on = 'account' then r.giver_area else e.pooling_area end,
    case when r.booked_on = 'account' then 'personal_account' else 'relative_limit' end,
    case when r.booked_on = 'account' then r.giver else e.person end, -r.paid_fen
  from relative_shares r join entries e using (seq) where e.side is null
  union all
  select e.seq, e.settlement, e.pooling_area, e.service_month, e.day, r.giver_area,
    'between_areas', e.pooling_area, sum(r.paid_fen)::bigint
  from relative_shares r join entries e using (seq)
  where r.booked_on = 'account' and r.giver_area <> e.pooling_area and e.side is null group by all
  union all
  select e.seq, e.settlement, e.pooling_area, e.service_month, e.day, e.pooling_area,
    'between_areas', r.giver_area, -sum(r.paid_fen)::bigint
  from relative_shares r join entries e using (seq)
  where r.booked_on = 'account' and r.giver_area <> e.pooling_area and e.side is null group by all)
select * from booked where fen <> 0
"""
