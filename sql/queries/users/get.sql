-- One account of an organization.
-- takes: organization, caller, id
-- → the account, and why the caller is not shown a link that sets its password (null: a link may be shown); no row when there is
--   none, or it was deleted
select id, email, name, kind, org_role as "orgRole", status, password_hash is not null as "hasPassword",
       rfc3339(created_at) as "createdAt", link_refusal(:caller::bigint, id) as "linkRefusal"
from users
where organization_id = :organization::bigint and id = :id::bigint and status <> 'deleted';
