-- Makes a token for an active account, with its reminder, audit event and notification.
-- takes: owner, lookup, hash, preview, name, expiresInDays, actor
-- → outcome (created | owner_not_active | creation_forbidden | period_too_long | of acting()), and the token as it is shown
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), owner as (
    select u.id, u.organization_id
    from users u
    cross join actor a
    where u.id = :owner::bigint and u.status = 'active' and a.outcome = 'allowed'
    for share of u
), decision as (
    select case
               when a.outcome <> 'allowed' then a.outcome
               when not exists (select from owner) then 'owner_not_active'
               when a.token_id is not null and not o.tokens_may_create_tokens then 'creation_forbidden'
               when o.max_expiry_days < :expiresInDays::smallint then 'period_too_long'
               else 'created'
           end as outcome
    from users u
    cross join actor a
    join organizations o on o.id = u.organization_id
    where u.id = :owner::bigint
), made as (
    insert into api_tokens (user_id, lookup_id, secret_hash, preview, name, expires_in_days)
    select w.id, :lookup, :hash, :preview, :name, :expiresInDays::smallint
    from owner w, decision d
    where d.outcome = 'created'
    returning id, user_id, name, preview, created_at, expires_at, expires_in_days, rotate_at
), reminded as (
    insert into rotation_reminders (token_id, user_id, due_at)
    select m.id, m.user_id, m.rotate_at from made m
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select w.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'api_key.created', 'api_key', m.id,
           jsonb_build_object('name', m.name, 'expiresInDays', m.expires_in_days, 'ownerId', m.user_id)
    from made m, owner w, actor a
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select w.organization_id, m.user_id, 'api_key.created',
           jsonb_build_object('apiKeyId', m.id, 'name', m.name, 'expiresAt', rfc3339(m.expires_at))
    from made m, owner w
)
select d.outcome, m.id, m.name, m.preview as "tokenPreview", rfc3339(m.created_at) as "createdAt",
       rfc3339(m.expires_at) as "expiresAt", m.expires_in_days as "expiresInDays", rfc3339(m.rotate_at) as "rotateAt",
       null::text as "lastUsedAt", null::text as "lastUsedIp", 'active' as status, null::text as "endedAt",
       null::text as "endedReason", null::bigint as "predecessorId", null::bigint as "successorId"
from decision d
left join made m on true;
