-- The changes recorded after an epoch, in the order of their epochs. Binary result.
-- takes: epoch
-- → current epoch, PostgreSQL's time, the transaction that made that epoch, epoch of a change (null: no change is recorded),
--   the transaction that made that one, token id (null: anything may have changed), and the most rows that this statement
--   reads: when it returns that many, there may be more. The given epoch comes first, so that the server can compare it.
select e.epoch, now(), e.xmin, c.epoch, c.xmin, c.token_id, auth_changes_max()
from auth_epoch e
left join lateral (
    select c.epoch, c.xmin, t.token_id
    from auth_changes c
    left join lateral unnest(c.token_ids) as t (token_id) on true
    where c.epoch >= :epoch::bigint
    order by c.epoch
    limit auth_changes_max()
) c on true
order by c.epoch;
