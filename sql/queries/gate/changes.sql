-- What was changed after an epoch, in the order of the epochs. Binary result.
-- takes: epoch
-- → epoch now, PostgreSQL's time, the transaction that made it, epoch of a change (null: none is noted), the transaction that
--   made that, token id (null: anything may have changed); the epoch that was asked for comes first, to be compared; how
--   many rows are read at most: when there are so many, there may be more
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
