-- One page of the projects of an organization, oldest first, for its owner and admins, who are project admins everywhere.
-- $1 organization id, $2 cursor: numbers above it only, or null, $3 how many
-- → project number, name, role
select number, name, 'project_admin' as role
from projects
where organization_id = $1::bigint and ($2::bigint is null or number > $2::bigint)
order by number
limit $3::integer;
