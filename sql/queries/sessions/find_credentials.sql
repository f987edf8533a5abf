-- What a sign-in is checked against.
-- $1 e-mail address
-- → user id, password hash; no row when nobody can sign in with that address
select u.id, u.password_hash
from users u
where lower(u.email) = lower($1) and u.status = 'active' and u.password_hash is not null;
