-- The process behind the connection. A pooler has told the client another one.
-- → pid
select pg_backend_pid() as pid;
