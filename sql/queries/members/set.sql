-- Gives an account of the organization a role in a project, or replaces its role.
-- takes: project, least_role, user, role, actor
-- role: project_admin | user | guest
-- → outcome (changed | unchanged | is_org_admin: its role in the organization makes it a project admin everywhere | not_found:
--   the project or the account | forbidden | of acting()) and the member
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), project as materialized (
    select p.id, p.number, p.outcome
    from actor a
    cross join lateral hold_project(a.organization_id, a.user_id, :project::integer, :least_role, 'alone') p
    where a.outcome = 'allowed'
), target as (
    select u.id, u.organization_id, u.name, u.email, u.kind, u.status, u.org_role, m.role, m.created_at
    from project h
    cross join actor a
    join users u on u.organization_id = a.organization_id and u.id = :user::bigint and u.status <> 'deleted'
    left join project_members m on m.project_id = h.id and m.user_id = u.id
    where h.outcome = 'allowed'
), joined as (
    insert into project_members as m (project_id, user_id, organization_id, role)
    select h.id, t.id, t.organization_id, :role
    from target t, project h
    where t.org_role = 'member'
    on conflict (project_id, user_id) do update set role = excluded.role where m.role <> excluded.role
    returning m.project_id, m.user_id, m.role, m.created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'project.member_set', 'project', j.project_id,
           jsonb_build_object('userId', j.user_id, 'role', j.role)
    from joined j, actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when h.outcome <> 'allowed' then h.outcome
           when t.id is null then 'not_found'
           when t.org_role <> 'member' then 'is_org_admin'
           when j.user_id is null then 'unchanged'
           else 'changed'
       end as outcome,
       t.id as "userId", t.name, t.email, t.kind, t.status, :role::text as role,
       rfc3339(coalesce(j.created_at, t.created_at)) as "addedAt"
from actor a
left join project h on true
left join target t on true
left join joined j on true;
