-- Replaces the hash of a live token, whose secret has just been proven, with one of another cost.
-- takes: id, proven, renewed
-- proven: the hash that the secret was proven against; renewed: the new one
-- → whether it was replaced
select renew_token_hash(:id::bigint, :proven, :renewed);
