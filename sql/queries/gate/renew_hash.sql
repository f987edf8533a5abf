-- Replaces the hash of a living token, whose secret has just been proven, by one at another cost.
-- $1 token id, $2 the hash that was proven, $3 the new one
-- → nothing
update api_tokens
set secret_hash = $3
where id = $1::bigint and secret_hash = $2 and ended_at is null;
