-- The same lock, without waiting.
-- → whether the lock was obtained
select pg_try_advisory_lock(hashtextextended('testkase-admin migrate', 0));
