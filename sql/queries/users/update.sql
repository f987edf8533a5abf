-- Changes an account's name, organization role or status. Deactivation and deletion end all its tokens and sessions with it,
-- for good: the generations move on.
-- $1 organization id, $2 user id, $3 name or null, $4 organization role or null, $5 status or null (active | deactivated | deleted),
-- $6 actor kind, $7 actor user id, $8 actor token id, $9 request id, $10 address
-- → outcome (changed | unchanged | is_owner | is_oneself), then id, e-mail, name, kind, organization role, status, created;
--   no row when there is no such account
with target as (
    select id, organization_id, email, name, kind, org_role, status, created_at
    from users
    where organization_id = $1::bigint and id = $2::bigint and status <> 'deleted'
    for no key update
), decision as (
    select t.id,
           case
               when t.org_role = 'owner' and (coalesce($5, 'active') <> 'active' or coalesce($4, 'owner') <> 'owner') then 'is_owner'
               when t.id = $7::bigint and (coalesce($5, 'active') <> 'active' or coalesce($4, t.org_role) <> t.org_role) then 'is_oneself'
               when coalesce($3, t.name) = t.name and coalesce($4, t.org_role) = t.org_role and coalesce($5, t.status) = t.status
                   then 'unchanged'
               else 'changed'
           end as outcome
    from target t
), changed as (
    update users u
    set name = coalesce($3, u.name), org_role = coalesce($4, u.org_role), status = coalesce($5, u.status)
    from decision d
    where u.id = d.id and d.outcome = 'changed'
    returning u.id, u.name, u.org_role, u.status
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select t.organization_id, $6, $7::bigint, $8::bigint,
           'user.' || case
               when c.status = t.status then 'updated'
               when c.status = 'active' then 'reactivated'
               else c.status
           end,
           'user', t.id, $9, $10::inet,
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
select d.outcome, t.id, t.email, coalesce(c.name, t.name), t.kind, coalesce(c.org_role, t.org_role), coalesce(c.status, t.status),
       rfc3339(t.created_at)
from target t
join decision d on d.id = t.id
left join changed c on c.id = t.id;
