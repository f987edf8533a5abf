-- The stored hash of the token with a look-up id.
-- takes: lookup
-- → token id, argon2id hash (null when it has been erased); no row when there is no such token
select id, secret_hash
from api_tokens
where lookup_id = :lookup;
