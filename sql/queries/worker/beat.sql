-- Records that the worker is alive.
-- takes: worker, version, isFirst, sendsMail
-- isFirst: whether it is the first beat of the process; sendsMail: whether it is configured to
-- → nothing
insert into worker_heartbeats as h (worker, version, sends_mail) values (:worker, :version, :sendsMail::boolean)
on conflict (worker) do update
set version = excluded.version, sends_mail = excluded.sends_mail, beat_at = now(),
    started_at = case when :isFirst::boolean then now() else h.started_at end;
