-- One page of an organization's accounts, oldest first; deleted ones are not among them.
-- $1 organization id, $2 cursor: ids above it only, or null, $3 how many
-- → of each: id, e-mail, name, kind, organization role, status, created
select id, email, name, kind, org_role, status, rfc3339(created_at)
from users
where organization_id = $1::bigint and status <> 'deleted' and ($2::bigint is null or id > $2::bigint)
order by id
limit $3::integer;
