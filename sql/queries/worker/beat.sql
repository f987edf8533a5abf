-- Records that the worker is alive.
-- takes: worker, version, isFirst
-- isFirst: whether it is the first beat of the process
-- → nothing
insert into worker_heartbeats as h (worker, version) values (:worker, :version)
on conflict (worker) do update
set version = excluded.version, beat_at = now(), started_at = case when :isFirst::boolean then now() else h.started_at end;
