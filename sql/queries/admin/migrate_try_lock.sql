-- The same lock, without waiting.
-- → whether it was got
select pg_try_advisory_lock(hashtextextended('testkase-admin migrate', 0));
