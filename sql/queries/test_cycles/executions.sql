-- One page of a cycle's cases, newest first, each with its latest result in the cycle.
-- takes: organization, caller, projectId, least_role, cycle, status, cursor, limit
-- status: not_executed | pass | fail | blocked | skipped, or null for all; cursor: ids of cases below it only, or null
-- → of each case: the cursor, and the execution with its build; one row with a null cursor when there is none; no row when there
--   is no such cycle, or the caller may not see the project
select p.outcome, e.id as cursor, 'TC-' || c.number as "caseId", c.title, c.automation_id as "automationId",
       coalesce(e.status, 'not_executed') as status, rfc3339(e.executed_at) as "executedAt", e.duration_ms as "durationMs",
       e.message, shown_build(r.build) as build
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) p
join projects j on j.id = p.id
join test_cycles y on y.project_id = p.id and y.number = :cycle::integer
left join lateral (
    -- One part for each kind of filter: PostgreSQL runs only that which the status asks for.
    (select c.id, l.status, l.executed_at, l.duration_ms, l.message, l.run_id
     from test_cases c
     left join test_latest_results l on l.cycle_id = y.id and l.case_id = c.id
     where :status::text is null and c.project_id = p.id and c.archived_at is null
       and c.id < coalesce(:cursor::bigint, 9223372036854775807)
     order by c.id desc
     limit :limit::integer)
    union all
    (select c.id, null, null, null, null, null
     from test_cases c
     where :status::text = 'not_executed' and c.project_id = p.id and c.archived_at is null
       and c.id < coalesce(:cursor::bigint, 9223372036854775807)
       and not exists (select from test_latest_results l where l.cycle_id = y.id and l.case_id = c.id)
     order by c.id desc
     limit least(:limit::integer, j.active_cases - y.pass - y.fail - y.blocked - y.skipped)) -- for no more than there are
    union all
    (select l.case_id, l.status, l.executed_at, l.duration_ms, l.message, l.run_id
     from test_latest_results l
     where l.cycle_id = y.id and l.status = :status::text and l.case_id < coalesce(:cursor::bigint, 9223372036854775807)
     order by l.case_id desc
     limit :limit::integer)
) e on true
left join lateral (select k.number, k.title, k.automation_id from test_cases k where k.id = e.id offset 0) c on true
left join lateral (select t.build from test_runs t where t.id = e.run_id offset 0) r on true
order by e.id desc;
