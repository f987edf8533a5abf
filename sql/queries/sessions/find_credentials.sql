-- The password hash for a sign-in.
-- takes: email
-- → user id, password hash, session generation, which the server reads by position; no row when no account can sign in with that address
select u.id, u.password_hash, u.session_generation
from users u
where email_key(u.email) = email_key(:email) and u.status = 'active' and u.password_hash is not null;
