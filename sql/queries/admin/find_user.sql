-- The account with an e-mail address.
-- $1 e-mail address
-- → id, organization id, e-mail, name, kind, status; no row when there is none (any more)
select id, organization_id, email, name, kind, status
from users
where lower(email) = lower($1) and status <> 'deleted';
