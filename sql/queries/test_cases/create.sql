-- Makes a test case under the project's next number, with an automation id that no other case of the project has had.
-- takes: projectId, least_role, title, actor
-- → outcome (allowed | not_found | forbidden | of acting()) and the test case; constraint test_cases_automation_ids_used_up
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :projectId::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), numbered as (
    update projects p set next_case_number = p.next_case_number + 1
    from project h
    where p.id = h.id
    returning p.id, p.next_case_number - 1 as number
), made as (
    insert into test_cases (project_id, number, title, automation_id)
    select n.id, n.number, :title, draw_automation_id(n.id) from numbered n
    returning id, number, title, automation_id, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'test_case.created', 'test_case', m.id,
           jsonb_build_object('project', h.number, 'number', m.number, 'title', m.title, 'automationId', m.automation_id)
    from made m, project h, actor a
)
select case when a.outcome <> 'allowed' then a.outcome else coalesce(h.outcome, 'not_found') end as outcome,
       'TC-' || m.number as id, m.title, m.automation_id as "automationId", 'active' as status,
       rfc3339(m.created_at) as "createdAt", null::text as "archivedAt"
from actor a
left join project h on true
left join made m on true;
