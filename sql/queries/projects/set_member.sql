-- Gives an account a role in a project, or replaces its role.
-- takes: organization, project, user, role, actor
-- project: its number; role: project_admin | user | guest
-- → outcome (allowed | not_found: the organization has no such project or no such account | of acting()) and the member
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), joined as (
    insert into project_members (project_id, user_id, organization_id, role)
    select p.id, u.id, p.organization_id, :role
    from projects p
    join users u on u.organization_id = p.organization_id
    cross join actor a
    where a.outcome = 'allowed' and p.organization_id = :organization::bigint
      and p.number = :project::integer and u.id = :user::bigint
      and u.status <> 'deleted'
    on conflict (project_id, user_id) do update set role = excluded.role
    returning project_id, user_id, organization_id, role
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select j.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address,
           'project.member_set', 'project', j.project_id,
           jsonb_build_object('userId', j.user_id, 'role', j.role)
    from joined j, actor a
)
select case when a.outcome = 'allowed' and j.user_id is null then 'not_found' else a.outcome end as outcome,
       j.user_id as "userId", j.role
from actor a
left join joined j on true;
