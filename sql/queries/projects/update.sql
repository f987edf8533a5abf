-- Changes the name of a project.
-- takes: project, least_role, name, actor
-- name: null for no change
-- → outcome (changed | unchanged | not_found | forbidden | of acting()) and the project with the caller's role
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.name, p.role, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :project::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), changed as (
    update projects p set name = :name
    from project h
    where p.id = h.id and h.name <> :name
    returning p.id, p.name
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'project.updated', 'project', c.id,
           jsonb_build_object('number', h.number, 'name', jsonb_build_array(h.name, c.name))
    from changed c, project h, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when h.outcome is null then 'not_found'
           when h.outcome <> 'allowed' then h.outcome
           when c.id is null then 'unchanged'
           else 'changed'
       end as outcome,
       'PRJ-' || h.number as id, coalesce(c.name, h.name) as name, h.role
from actor a
left join project h on true
left join changed c on true;
