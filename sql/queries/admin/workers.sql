-- The workers that have reported, the liveliest first.
-- $1 seconds of silence after which a worker counts as stale
-- → of each: worker, version, started, last beat, seconds since, whether it is stale
select worker, version, rfc3339(started_at), rfc3339(beat_at),
       greatest(0, extract(epoch from now() - beat_at))::bigint as silent_for, now() - beat_at > make_interval(secs => $1::integer) as stale
from worker_heartbeats
order by beat_at desc
limit 100;
