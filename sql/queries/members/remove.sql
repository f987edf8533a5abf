-- Takes an account's role in a project away.
-- takes: project, least_role, user, actor
-- → outcome (allowed | not_found: the project, or such a member | forbidden | of acting())
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :project::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), removed as (
    delete from project_members m
    using project h
    where m.project_id = h.id and m.user_id = :user::bigint
    returning m.project_id, m.user_id, m.role
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'project.member_removed', 'project', r.project_id,
           jsonb_build_object('userId', r.user_id, 'role', r.role)
    from removed r, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when h.outcome <> 'allowed' then h.outcome
           when r.user_id is null then 'not_found'
           else 'allowed'
       end as outcome
from actor a
left join project h on true
left join removed r on true;
