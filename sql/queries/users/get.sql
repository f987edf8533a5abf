-- One account of an organization.
-- takes: organization, id
-- → the account; no row when there is none, or it was deleted
select id, email, name, kind, org_role as "orgRole", status, password_hash is not null as "hasPassword",
       rfc3339(created_at) as "createdAt"
from users
where organization_id = :organization::bigint and id = :id::bigint and status <> 'deleted';
