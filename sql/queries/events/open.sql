-- Begins a stream of events: what its person was told since a snapshot, in the order of the sequence. With more than 100 rows
-- there are more.
-- takes: session, caller, since
-- since: the snapshot up to which the person has the events, or null: only new ones are wanted
-- → the snapshot of this call; whether it is not known what happened since (the snapshot is of another history, or there was too
--   much in the organization); what is left of the session in milliseconds; and of each event: sequence, topic, data (null, when
--   there is none); no row when the session is not valid
with span as materialized (
    -- Counted before the rows of others are passed over: whoever names an old snapshot must not have the whole outbox read.
    select count(*) > 5000 as is_long
    from (select from outbox o where o.written_by >= pg_snapshot_xmin(:since::pg_snapshot) limit 5001) o
), rows_since as materialized (
    select r.sequence, r.user_id, r.topic, r.data
    from users c
    cross join lateral streamed_since(:since::pg_snapshot) r
    join users u on u.id = r.user_id and u.organization_id = c.organization_id
    where c.id = :caller::bigint and not (select s.is_long from span s)
    order by r.sequence
    limit 1001
)
select n.snapshot, n.is_reset, n.left_ms, e.sequence, e.topic, e.data
from (
    select pg_current_snapshot()::text as snapshot,
           coalesce(pg_snapshot_xmax(:since::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false)
               or (select s.is_long from span s) or (select count(*) from rows_since) > 1000 as is_reset,
           s.left_ms
    from live_sessions(array[:session::bigint]) s
    where s.user_id = :caller::bigint
) n
left join lateral (
    select r.sequence, r.topic, r.data
    from rows_since r
    cross join lateral told_about(r.user_id) t
    where t.user_id = :caller::bigint
    order by r.sequence
    limit 101
) e on not n.is_reset
order by e.sequence;
