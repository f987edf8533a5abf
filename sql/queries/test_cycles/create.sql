-- Makes a test cycle under the project's next number; it covers all cases of the project.
-- takes: projectId, least_role, name, actor
-- → outcome (allowed | not_found | forbidden | of acting()) and the test cycle
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :projectId::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), numbered as (
    update projects p set next_cycle_number = p.next_cycle_number + 1
    from project h
    where p.id = h.id
    returning p.id, p.next_cycle_number - 1 as number, p.active_cases
), made as (
    insert into test_cycles (project_id, number, name)
    select n.id, n.number, :name from numbered n
    returning id, number, name, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'test_cycle.created', 'test_cycle', m.id,
           jsonb_build_object('project', h.number, 'number', m.number, 'name', m.name)
    from made m, project h, actor a
)
select case when a.outcome <> 'allowed' then a.outcome else coalesce(h.outcome, 'not_found') end as outcome,
       'TCYCLE-' || m.number as id, m.name, false as master, 'active' as status, rfc3339(m.created_at) as "createdAt",
       null::text as "archivedAt", shown_counts(n.active_cases, 0, 0, 0, 0) as counts
from actor a
left join project h on true
left join numbered n on true
left join made m on true;
