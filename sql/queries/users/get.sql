-- One account of an organization.
-- $1 organization id, $2 user id
-- → id, e-mail, name, kind, organization role, status, created; no row when there is none (any more)
select id, email, name, kind, org_role, status, rfc3339(created_at)
from users
where organization_id = $1::bigint and id = $2::bigint and status <> 'deleted';
