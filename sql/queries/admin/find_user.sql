-- The account with an e-mail address.
-- takes: email
-- → the account; no row when there is none, or it was deleted
select id, organization_id as "organizationId", email, name, kind, status
from users
where email_key(email) = email_key(:email) and status <> 'deleted';
