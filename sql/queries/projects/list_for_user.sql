-- One page of the projects that an account reaches, oldest first, with its role there. Owners and admins of the organization
-- are project admins everywhere.
-- $1 user id, $2 cursor: numbers above it only, or null, $3 how many
-- → project number, name, role
select p.number, p.name, case when u.org_role in ('owner', 'admin') then 'project_admin' else m.role end as role
from users u
join projects p on p.organization_id = u.organization_id
left join project_members m on m.project_id = p.id and m.user_id = u.id
where u.id = $1::bigint and (u.org_role in ('owner', 'admin') or m.role is not null)
  and ($2::bigint is null or p.number > $2::bigint)
order by p.number
limit $3::integer;
