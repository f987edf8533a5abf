-- Gives an account a role in a project, or another one.
-- $1 organization id, $2 project number, $3 user id, $4 role (project_admin | user | guest),
-- $5 actor kind, $6 actor user id, $7 actor token id, $8 request id, $9 address
-- → project id, user id, role; no row when the organization has no such project or no such account
with joined as (
    insert into project_members (project_id, user_id, organization_id, role)
    select p.id, u.id, p.organization_id, $4
    from projects p
    join users u on u.organization_id = p.organization_id
    where p.organization_id = $1::bigint and p.number = $2::integer and u.id = $3::bigint and u.status <> 'deleted'
    on conflict (project_id, user_id) do update set role = excluded.role
    returning project_id, user_id, organization_id, role
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select j.organization_id, $5, $6::bigint, $7::bigint, 'project.member_set', 'project', j.project_id, $8, $9::inet,
           jsonb_build_object('userId', j.user_id, 'role', j.role)
    from joined j
)
select project_id, user_id, role from joined;
