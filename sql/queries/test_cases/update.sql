-- Changes the title of a test case.
-- takes: projectId, least_role, case, title, actor
-- title: null for no change
-- → outcome (changed | unchanged | archived | not_found | forbidden | of acting()) and the test case
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :projectId::integer, :least_role, 'membership') p
    where a.outcome = 'allowed'
), target as (
    select c.id, c.number, c.title, c.automation_id, c.created_at, c.archived_at
    from test_cases c
    join project h on h.id = c.project_id
    where c.number = :case::integer
    for no key update of c
), changed as (
    update test_cases c set title = :title
    from target t
    where c.id = t.id and t.archived_at is null and t.title <> :title
    returning c.id, c.title
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'test_case.updated', 'test_case', t.id,
           jsonb_build_object('project', h.number, 'number', t.number, 'title', jsonb_build_array(t.title, c.title))
    from changed c, target t, project h, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when h.outcome <> 'allowed' then h.outcome
           when t.id is null then 'not_found'
           when t.archived_at is not null then 'archived'
           when c.id is null then 'unchanged'
           else 'changed'
       end as outcome,
       'TC-' || t.number as id, coalesce(c.title, t.title) as title, t.automation_id as "automationId",
       case when t.archived_at is null then 'active' else 'archived' end as status, rfc3339(t.created_at) as "createdAt",
       rfc3339(t.archived_at) as "archivedAt"
from actor a
left join project h on true
left join target t on true
left join changed c on true;
