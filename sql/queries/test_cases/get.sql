-- One test case.
-- takes: organization, caller, projectId, least_role, case
-- → outcome (of project_for()) and the test case; no row when there is none, or the caller may not see the project
select p.outcome, 'TC-' || c.number as id, c.title, c.automation_id as "automationId",
       case when c.archived_at is null then 'active' else 'archived' end as status, rfc3339(c.created_at) as "createdAt",
       rfc3339(c.archived_at) as "archivedAt"
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) p
join test_cases c on c.project_id = p.id and c.number = :case::integer;
