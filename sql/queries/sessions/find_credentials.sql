-- What a sign-in is checked against.
-- takes: email
-- → user id, password hash; no row when nobody can sign in with that address
select u.id, u.password_hash
from users u
where lower(u.email) = lower(:email) and u.status = 'active' and u.password_hash is not null;
