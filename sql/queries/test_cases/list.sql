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
    select a.number, a.title, a.automation_id, a.created_at, a.archived_at
    from (
        -- Two parts, so that each is read by an index of its own.
        select c.number, c.title, c.automation_id, c.created_at, c.archived_at
        from test_cases c
        where :automationId::integer is null and c.project_id = p.id
        union all
        select c.number, c.title, c.automation_id, c.created_at, c.archived_at
        from test_cases c
        where c.project_id = p.id and c.automation_id = :automationId::integer
    ) a
    where a.number < coalesce(:cursor::bigint, 2147483648)
      and case :status when 'all' then true when 'active' then a.archived_at is null else a.archived_at is not null end
      and (:search::text is null
           or position(folded(:search) in folded(a.title || ' [' || a.automation_id || '] TC-' || a.number)) > 0)
    order by a.number desc
    limit :limit::integer
) c on true
order by c.number desc;
