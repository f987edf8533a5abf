-- Changes the name of a test cycle.
-- takes: projectId, least_role, cycle, name, actor
-- name: null for no change
-- → outcome (changed | unchanged | archived | not_found | forbidden | of acting()) and the test cycle
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :projectId::integer, :least_role, 'membership') p
    where a.outcome = 'allowed'
), target as (
    select y.id, y.project_id, y.number, y.name, y.created_at, y.archived_at, y.pass, y.fail, y.blocked, y.skipped
    from test_cycles y
    join project h on h.id = y.project_id
    where y.number = :cycle::integer
    for no key update of y
), changed as (
    update test_cycles y set name = :name
    from target t
    where y.id = t.id and t.archived_at is null and t.name <> :name
    returning y.id, y.name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'test_cycle.updated', 'test_cycle', t.id,
           jsonb_build_object('project', h.number, 'number', t.number, 'name', jsonb_build_array(t.name, c.name))
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
       'TCYCLE-' || t.number as id, coalesce(c.name, t.name) as name, t.number = 1 as master,
       case when t.archived_at is null then 'active' else 'archived' end as status, rfc3339(t.created_at) as "createdAt",
       rfc3339(t.archived_at) as "archivedAt", shown_counts(p.active_cases, t.pass, t.fail, t.blocked, t.skipped) as counts
from actor a
left join project h on true
left join target t on true
left join projects p on p.id = t.project_id
left join changed c on true;
