-- Forgets a worker that ends in good order.
-- $1 worker
-- → nothing
delete from worker_heartbeats where worker = $1;
