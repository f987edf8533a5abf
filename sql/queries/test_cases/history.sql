-- One page of the executions of a test case in all cycles, newest first.
-- takes: organization, caller, projectId, least_role, case, cursor, limit
-- cursor: ids below it only, or null
-- → of each: the cursor, and the execution with its build; one row with a null cursor when there is none; no row when there is no
--   such test case, or the caller may not see the project
select p.outcome, e.id as cursor, rfc3339(e.executed_at) as at, 'TCYCLE-' || y.number as "cycleId", e.status,
       e.duration_ms as "durationMs", e.name, e.message, shown_build(r.build) as build
from project_for(:organization::bigint, :caller::bigint, :projectId::integer, :least_role) p
join test_cases c on c.project_id = p.id and c.number = :case::integer
left join lateral (
    select x.id, x.executed_at, x.cycle_id, x.run_id, x.status, x.duration_ms, x.name, x.message
    from test_executions x
    where x.case_id = c.id and x.id < coalesce(:cursor::bigint, 9223372036854775807)
    order by x.id desc
    limit :limit::integer
) e on true
left join lateral (select t.number from test_cycles t where t.id = e.cycle_id offset 0) y on true
left join lateral (select t.build from test_runs t where t.id = e.run_id offset 0) r on true
order by e.id desc;
