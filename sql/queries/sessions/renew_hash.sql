-- Replaces the hash of a password that has just been proven by one at another cost.
-- $1 user id, $2 the hash that was proven, $3 the new one
-- → whether it did
select renew_password_hash($1::bigint, $2, $3);
