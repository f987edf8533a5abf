-- The password hash of the caller's own account.
-- takes: caller
-- → the hash; no row when the account has no password, or is not active
select password_hash
from users
where id = :caller::bigint and status = 'active' and password_hash is not null;
