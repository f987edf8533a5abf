-- Forgets a worker that ends in good order.
-- takes: worker
-- → nothing
delete from worker_heartbeats where worker = :worker;
