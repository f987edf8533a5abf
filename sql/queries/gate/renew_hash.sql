-- Replaces the hash of a live token, whose secret has just been proven, with one of another cost.
-- takes: id, proven, renewed
-- proven: the hash that the secret was proven against; renewed: the new one
-- → nothing
update api_tokens
set secret_hash = :renewed
where id = :id::bigint and secret_hash = :proven and ended_at is null;
