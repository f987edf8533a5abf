-- Deletes the heartbeat of a server that ends.
-- takes: server
-- → nothing
delete from server_heartbeats where server = :server;
