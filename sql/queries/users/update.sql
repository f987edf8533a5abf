-- Changes an account's name, organization role or status. Deactivation and deletion end all its tokens and sessions for good,
-- because they move its generations.
-- takes: organization, id, name, orgRole, status, actor
-- name, orgRole and status (active | deactivated | deleted): null for no change
-- → outcome (changed | unchanged | is_owner | is_oneself) and the account; no row when there is no such account
with target as (
    select id, organization_id, email, name, kind, org_role, status, created_at
    from users
    where organization_id = :organization::bigint and id = :id::bigint and status <> 'deleted'
    for no key update
), wanted as (
    select t.id, coalesce(:name, t.name) as name, coalesce(:orgRole, t.org_role) as org_role,
           coalesce(:status, t.status) as status,
           coalesce(:status, 'active') <> 'active' or coalesce(:orgRole, t.org_role) <> t.org_role as takes_rights
    from target t
), decision as (
    select t.id,
           case
               when t.org_role = 'owner' and w.takes_rights then 'is_owner'
               when t.id = (:actor::text::actor).user_id and w.takes_rights then 'is_oneself'
               when (w.name, w.org_role, w.status) = (t.name, t.org_role, t.status) then 'unchanged'
               else 'changed'
           end as outcome
    from target t
    join wanted w on w.id = t.id
), changed as (
    update users u
    set name = w.name, org_role = w.org_role, status = w.status
    from decision d
    join wanted w on w.id = d.id
    where u.id = d.id and d.outcome = 'changed'
    returning u.id, u.name, u.org_role, u.status
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select t.organization_id, (:actor::text::actor).*,
           'user.' || case
               when c.status = t.status then 'updated'
               when c.status = 'active' then 'reactivated'
               else c.status
           end,
           'user', t.id,
           jsonb_strip_nulls(jsonb_build_object(
               'email', t.email,
               'name', case when c.name <> t.name then jsonb_build_array(t.name, c.name) end,
               'orgRole', case when c.org_role <> t.org_role then jsonb_build_array(t.org_role, c.org_role) end,
               'status', case when c.status <> t.status then jsonb_build_array(t.status, c.status) end))
    from changed c
    join target t on t.id = c.id
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select t.organization_id, t.id, 'user.' || c.status, jsonb_build_object('userId', t.id, 'email', t.email)
    from changed c
    join target t on t.id = c.id
    where c.status <> t.status and c.status <> 'active'
)
select d.outcome, t.id, t.email, coalesce(c.name, t.name) as name, t.kind, coalesce(c.org_role, t.org_role) as "orgRole",
       coalesce(c.status, t.status) as status, rfc3339(t.created_at) as "createdAt"
from target t
join decision d on d.id = t.id
left join changed c on c.id = t.id;
