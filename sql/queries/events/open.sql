-- Begins a stream of events: what its person was told since a snapshot, in the order of the sequence. With more than 100 rows
-- there are more.
-- takes: session, caller, since
-- since: the snapshot up to which the person has the events, or null: only new ones are wanted
-- → the snapshot of this call; whether `since` is of another history; what is left of the session in milliseconds; and of each
--   event: sequence, topic, data (null, when there is none); no row when the session is not valid
with mine as (
    select u.id
    from users u
    where u.id = :caller::bigint
    union
    select s.id
    from users c
    join users s on s.organization_id = c.organization_id and s.kind = 'service'
    cross join lateral told_about(s.id) t
    where c.id = :caller::bigint and t.user_id = c.id
      and (c.org_role in ('owner', 'admin') or exists (select from custodians k where k.user_id = c.id and k.service_id = s.id))
)
select n.snapshot, n.is_reset, n.left_ms, e.sequence, e.topic, e.data
from (
    select pg_current_snapshot()::text as snapshot,
           coalesce(pg_snapshot_xmax(:since::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) as is_reset,
           s.left_ms
    from live_sessions(array[:session::bigint]) s
    where s.user_id = :caller::bigint
) n
left join lateral (
    select r.sequence, r.topic, r.data
    from streamed_since(:since::pg_snapshot) r
    where r.user_id in (select m.id from mine m)
    order by r.sequence
    limit 101
) e on not n.is_reset
order by e.sequence;
