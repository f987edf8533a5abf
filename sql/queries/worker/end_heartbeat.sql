-- Deletes the heartbeat of a worker that stops.
-- takes: worker
-- → nothing
delete from worker_heartbeats where worker = :worker;
