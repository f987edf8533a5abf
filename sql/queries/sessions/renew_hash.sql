-- Replaces the hash of a password that has just been proven with one of another cost.
-- takes: id, proven, renewed
-- proven: the hash that the password was proven against; renewed: the new one
-- → whether it was replaced
select renew_password_hash(:id::bigint, :proven, :renewed);
