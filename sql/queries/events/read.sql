-- What the outbox has for the streams of all people since a snapshot, for each person who is told of it, in the order of the
-- sequence: at most 2000 events. The organizations with fewest events come first; those behind are only named, so that a burst
-- in one leaves the others alone.
-- takes: since
-- since: the snapshot of the last call, or null: nothing is wanted
-- → the snapshot of this call; whether it is not known what happened since (`since` is of another history, or there are more than
--   20 000 rows); then first each organization that has events which are not here; then of each event: sequence, transaction,
--   person, topic, data. One row with nulls when there is neither.
with span as materialized (
    -- Bounds the work: after an hour without PostgreSQL, nobody reads the whole outbox.
    select r.user_id
    from streamed_since(:since::pg_snapshot) r
    limit 20001
), accounts as materialized (
    -- "limit" keeps the planner, which takes any read for a long one, from reading all users.
    select u.organization_id, s.user_id, s.rows
    from (select s.user_id, count(*) as rows from span s group by s.user_id) s
    cross join lateral (select u.organization_id from users u where u.id = s.user_id limit 1) u
), by_rows as materialized (
    select a.organization_id, sum(sum(a.rows)) over (order by sum(a.rows), a.organization_id) <= 2000 as fits
    from accounts a
    group by a.organization_id
), readers as materialized (
    -- An account may be one of which many are told.
    select a.organization_id, a.user_id, a.rows, t.user_id as reader
    from by_rows o
    join accounts a on a.organization_id = o.organization_id
    cross join lateral told_about(a.user_id) t
    where o.fits
), by_events as materialized (
    select r.organization_id, sum(sum(r.rows)) over (order by sum(r.rows), r.organization_id) <= 2000 as fits
    from readers r
    group by r.organization_id
), told as (
    select r.user_id, r.reader
    from by_events o
    join readers r on r.organization_id = o.organization_id
    where o.fits
)
select n.snapshot, n.is_reset, e.organization_id, e.sequence, e.written_by::text::bigint as transaction, e.reader, e.topic, e.data
from (
    select pg_current_snapshot()::text as snapshot,
           coalesce(pg_snapshot_xmax(:since::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false)
               or (select count(*) from span) > 20000 as is_reset
) n
left join lateral (
    select o.organization_id, null::bigint as sequence, null::xid8 as written_by, null::bigint as reader, null::text as topic,
           null::text as data
    from (select organization_id, fits from by_rows union all select organization_id, fits from by_events) o
    where not o.fits
    union all
    select null, r.sequence, r.written_by, t.reader, r.topic, r.data
    from streamed_since(:since::pg_snapshot) r
    join told t on t.user_id = r.user_id
    where (select count(*) from span) <= 20000
) e on not n.is_reset
order by e.organization_id nulls last, e.sequence;
