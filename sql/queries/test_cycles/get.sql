-- One test cycle.
-- takes: organization, caller, projectId, least_role, cycle
-- → outcome (of project_for()) and the test cycle; no row when there is none, or the caller may not see the project
select f.outcome, 'TCYCLE-' || y.number as id, y.name, y.number = 1 as master,
       case when y.archived_at is null then 'active' else 'archived' end as status, rfc3339(y.created_at) as "createdAt",
       rfc3339(y.archived_at) as "archivedAt", shown_counts(p.active_cases, y.pass, y.fail, y.blocked, y.skipped) as counts
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) f
join projects p on p.id = f.id
join test_cycles y on y.project_id = p.id and y.number = :cycle::integer;
