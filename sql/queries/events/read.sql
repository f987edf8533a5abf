-- What the outbox has for the streams of all people since a snapshot, for each person who is told of it, in the order of the
-- sequence. With more than 2000 rows there are more.
-- takes: since
-- since: the snapshot of the last call, or null: nothing is wanted
-- → the snapshot of this call; whether `since` is of another history (then nothing is known of what happened since); and of
--   each event: sequence, transaction, person, topic, data (null, when there is none)
select n.snapshot, n.is_reset, e.sequence, e.written_by::text::bigint as transaction, e.reader, e.topic, e.data
from (
    select pg_current_snapshot()::text as snapshot,
           coalesce(pg_snapshot_xmax(:since::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()), false) as is_reset
) n
left join lateral (
    select r.sequence, r.written_by, t.user_id as reader, r.topic, r.data
    from streamed_since(:since::pg_snapshot) r
    cross join lateral told_about(r.user_id) t
    order by r.sequence
    limit 2001
) e on not n.is_reset
order by e.sequence;
