-- The live token with this look-up id, of which somebody reports that it has leaked, or asks whether it is active. Of any other,
-- there is nothing to prove.
-- takes: lookup
-- → its id and its argon2id hash; no row when there is no such token
select t.id, t.secret_hash
from api_tokens t
where t.lookup_id = :lookup and t.ended_at is null and t.expires_at > now();
