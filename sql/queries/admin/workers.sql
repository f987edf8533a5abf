-- The workers that have reported, the most recent report first.
-- takes: staleAfter
-- staleAfter: seconds without a report after which a worker is stale
-- → of each: the worker, its version, times, and whether it is stale
select worker, version, rfc3339(started_at) as "startedAt", rfc3339(beat_at) as "beatAt",
       greatest(0, extract(epoch from now() - beat_at))::bigint as "silentForSeconds",
       now() - beat_at > make_interval(secs => :staleAfter::integer) as stale
from worker_heartbeats
order by beat_at desc
limit 100;
