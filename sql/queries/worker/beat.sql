-- The worker's sign of life.
-- takes: worker, version, isFirst
-- isFirst: since the process started
-- → nothing
insert into worker_heartbeats as h (worker, version) values (:worker, :version)
on conflict (worker) do update
set version = excluded.version, beat_at = now(), started_at = case when :isFirst::boolean then now() else h.started_at end;
