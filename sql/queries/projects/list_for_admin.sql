-- Pages of the projects of organizations, oldest first, for their owners and admins, who are project admins everywhere.
-- $1 organization ids, $2 cursors: numbers above them only, $3 how many; one page each
-- → page from 1, project number, name, role
select page.nr, p.number, p.name, 'project_admin' as role
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as page (organization_id, above, size, nr)
cross join lateral (
    select p.number, p.name
    from projects p
    where p.organization_id = page.organization_id and p.number > page.above
    order by p.number
    limit page.size
) p
order by page.nr, p.number;
