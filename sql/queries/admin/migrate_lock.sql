-- Waits for the lock that lets only one program at a time migrate a database. It ends with the session.
-- → one row
select pg_advisory_lock(hashtextextended('testkase-admin migrate', 0))::text;
