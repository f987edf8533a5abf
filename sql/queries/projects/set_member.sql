-- Gives an account a role in a project, or replaces its role.
-- takes: organization, project, user, role, actor
-- project: its number; role: project_admin | user | guest
-- → the member; no row when the organization has no such project or no such account
with joined as (
    insert into project_members (project_id, user_id, organization_id, role)
    select p.id, u.id, p.organization_id, :role
    from projects p
    join users u on u.organization_id = p.organization_id
    where p.organization_id = :organization::bigint and p.number = :project::integer and u.id = :user::bigint
      and u.status <> 'deleted'
    on conflict (project_id, user_id) do update set role = excluded.role
    returning project_id, user_id, organization_id, role
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select j.organization_id, (:actor::text::actor).*, 'project.member_set', 'project', j.project_id,
           jsonb_build_object('userId', j.user_id, 'role', j.role)
    from joined j
)
select user_id as "userId", role from joined;
