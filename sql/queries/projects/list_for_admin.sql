-- Pages of the projects of organizations, oldest first, for their owners and admins, who are project admins everywhere.
-- takes: organizations, cursors, sizes
-- arrays of equal length, one element per page; cursors: only numbers above them
-- → for each project: batch (the page, from 1), cursor (its number), and the members shown
select page.nr as batch, p.number as cursor, 'PRJ-' || p.number as id, p.name, 'project_admin' as role
from unnest(:organizations::bigint[], :cursors::bigint[], :sizes::bigint[])
     with ordinality as page (organization_id, above, size, nr)
cross join lateral (
    select p.number, p.name
    from projects p
    where p.organization_id = page.organization_id and p.number > page.above
    order by p.number
    limit page.size
) p
order by page.nr, p.number;
