-- The worker's sign of life.
-- $1 worker, $2 version, $3 whether it is the first since the process started
-- → nothing
insert into worker_heartbeats as h (worker, version) values ($1, $2)
on conflict (worker) do update
set version = excluded.version, beat_at = now(), started_at = case when $3::boolean then now() else h.started_at end;
