-- Deletes the heartbeats of workers that have not reported for a week.
-- → how many rows it changed
with gone as (
    delete from worker_heartbeats where beat_at < now() - interval '7 days'
    returning worker
)
select count(*) from gone;
