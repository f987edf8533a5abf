-- Forgets workers that have been silent for a week.
-- → how many
with gone as (
    delete from worker_heartbeats where beat_at < now() - interval '7 days'
    returning worker
)
select count(*) from gone;
