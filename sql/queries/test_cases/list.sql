-- One page of a project's test cases, newest first.
-- takes: organization, caller, projectId, least_role, search, automationId, status, cursor, limit
-- search: a part of "title [automation id] TC-n", or null; status: active | archived | all; cursor: numbers below it only, or
-- null
-- → of each: the cursor, and the test case; one row with a null cursor when there is none; no row when the caller may not see
--   the project
select p.outcome, c.number as cursor, 'TC-' || c.number as id, c.title, c.automation_id as "automationId",
       case when c.archived_at is null then 'active' else 'archived' end as status, rfc3339(c.created_at) as "createdAt",
       rfc3339(c.archived_at) as "archivedAt"
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) p
left join lateral (
    -- One part for each way to look: PostgreSQL runs only that which the inputs ask for, each by an index of its own.
    (select c.number, c.title, c.automation_id, c.created_at, c.archived_at
     from test_cases c
     where :automationId::integer is null and c.project_id = p.id
       and c.number < coalesce(:cursor::bigint, 2147483648)
       and case :status when 'all' then true when 'active' then c.archived_at is null else c.archived_at is not null end
       and (:search::text is null
            or position(folded(:search) in folded(c.title || ' [' || c.automation_id || '] TC-' || c.number)) > 0)
     order by c.number desc
     limit :limit::integer)
    union all
    (select c.number, c.title, c.automation_id, c.created_at, c.archived_at
     from test_cases c
     where c.project_id = p.id and c.automation_id = :automationId::integer
       and c.number < coalesce(:cursor::bigint, 2147483648)
       and case :status when 'all' then true when 'active' then c.archived_at is null else c.archived_at is not null end
       and (:search::text is null
            or position(folded(:search) in folded(c.title || ' [' || c.automation_id || '] TC-' || c.number)) > 0)
     limit :limit::integer)
) c on true
order by c.number desc;
