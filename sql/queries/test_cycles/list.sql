-- One page of a project's test cycles, newest first.
-- takes: organization, caller, projectId, least_role, status, cursor, limit
-- status: active | archived | all; cursor: numbers below it only, or null
-- → of each: the cursor, and the test cycle; one row with a null cursor when there is none; no row when the caller may not see
--   the project
select f.outcome, y.number as cursor, 'TCYCLE-' || y.number as id, y.name, y.number = 1 as master,
       case when y.archived_at is null then 'active' else 'archived' end as status, rfc3339(y.created_at) as "createdAt",
       rfc3339(y.archived_at) as "archivedAt", shown_counts(p.active_cases, y.pass, y.fail, y.blocked, y.skipped) as counts
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) f
join projects p on p.id = f.id
left join lateral (
    select c.number, c.name, c.created_at, c.archived_at, c.pass, c.fail, c.blocked, c.skipped
    from test_cycles c
    where c.project_id = p.id and c.number < coalesce(:cursor::bigint, 2147483648)
      and case :status when 'all' then true when 'active' then c.archived_at is null else c.archived_at is not null end
    order by c.number desc
    limit :limit::integer
) y on true
order by y.number desc;
