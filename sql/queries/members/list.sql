-- One page of a project's members, in the order of their ids. The owner and the admins of the organization are there only when
-- they have a role of their own.
-- takes: organization, caller, project, least_role, cursor, limit
-- cursor: ids above it only, or null
-- → outcome (of project_for()); of each: the cursor, and the member; one row with a null cursor when there is none; no row when
--   the caller may not see the project
select p.outcome, u.id as cursor, u.id as "userId", u.name, u.email, u.kind, u.status, u.role, rfc3339(u.created_at) as "addedAt"
from project_for(:organization::bigint, :caller::bigint, :project::integer, :least_role) p
left join lateral (
    select a.id, a.name, a.email, a.kind, a.status, m.role, m.created_at
    from project_members m
    join users a on a.id = m.user_id and a.status <> 'deleted'
    where m.project_id = p.id and m.user_id > coalesce(:cursor::bigint, 0)
    order by m.user_id
    limit :limit::integer
) u on true
order by u.id;
