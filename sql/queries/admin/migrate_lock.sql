-- Only one migrates a database at a time: waits for the lock, which ends with the session.
-- → one row
select pg_advisory_lock(hashtextextended('testkase-admin migrate', 0))::text;
