-- One page of the projects that an account is a member of, oldest first, with its role there.
-- $1 user id, $2 cursor: numbers above it only, or null, $3 how many
-- → project number, name, role
select p.number, p.name, m.role
from project_members m
join projects p on p.id = m.project_id
where m.user_id = $1::bigint and ($2::bigint is null or p.number > $2::bigint)
order by p.number
limit $3::integer;
