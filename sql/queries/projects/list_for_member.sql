-- Pages of the projects that accounts are members of, oldest first, each with the account's role there.
-- takes: callers, cursors, sizes
-- arrays of equal length, one element per page; cursors: only numbers above them
-- → for each project: batch (the page, from 1), cursor (its number), and the members shown
select page.nr as batch, p.number as cursor, 'PRJ-' || p.number as id, p.name, p.role
from unnest(:callers::bigint[], :cursors::bigint[], :sizes::bigint[])
     with ordinality as page (user_id, above, size, nr)
cross join lateral (
    select p.number, p.name, m.role
    from project_members m
    join projects p on p.id = m.project_id
    where m.user_id = page.user_id and p.number > page.above
    order by p.number
    limit page.size
) p
order by page.nr, p.number;
