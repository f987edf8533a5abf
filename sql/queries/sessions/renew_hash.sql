-- Replaces the hash of a password that has just been proven by one at another cost.
-- takes: id, proven, renewed
-- → whether it did
select renew_password_hash(:id::bigint, :proven, :renewed);
