-- Pages of the projects that accounts are members of, oldest first, each with the account's role there.
-- $1 user ids, $2 cursors: numbers above them only, $3 how many; one page each
-- → page from 1, project number, name, role
select page.nr, p.number, p.name, p.role
from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as page (user_id, above, size, nr)
cross join lateral (
    select p.number, p.name, m.role
    from project_members m
    join projects p on p.id = m.project_id
    where m.user_id = page.user_id and p.number > page.above
    order by p.number
    limit page.size
) p
order by page.nr, p.number;
