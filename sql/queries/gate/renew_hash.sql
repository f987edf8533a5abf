-- Replaces the hash of a living token, whose secret has just been proven, by one at another cost.
-- takes: id, proven, renewed
-- the hash that was proven, and the new one
-- → nothing
update api_tokens
set secret_hash = :renewed
where id = :id::bigint and secret_hash = :proven and ended_at is null;
