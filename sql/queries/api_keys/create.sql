-- Makes a token for an account that is active, with its reminder, audit event and notice.
-- $1 owner's user id, $2 look-up id, $3 hash, $4 preview, $5 name, $6 days until expiry,
-- $7 actor kind, $8 actor user id, $9 actor token id, $10 request id, $11 address
-- → outcome (created | owner_not_active | creation_forbidden | period_too_long), then of the token: id, name, preview, created,
--   expires, days, rotate, last used, last used address, status, ended, reason, predecessor id, successor id
with owner as (
    select u.id, u.organization_id, u.credential_generation
    from users u
    where u.id = $1::bigint and u.status = 'active'
    for share
), decision as (
    select case
               when not exists (select from owner) then 'owner_not_active'
               when $9::bigint is not null and not o.tokens_may_create_tokens then 'creation_forbidden'
               when o.max_expiry_days < $6::smallint then 'period_too_long'
               else 'created'
           end as outcome
    from users u
    join organizations o on o.id = u.organization_id
    where u.id = $1::bigint
), made as (
    insert into api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
    select w.id, w.credential_generation, $2, $3, $4, $5, $6::smallint
    from owner w, decision d
    where d.outcome = 'created'
    returning id, user_id, name, preview, created_at, expires_at, expires_in_days, rotate_at
), reminded as (
    insert into rotation_reminders (token_id, user_id, due_at)
    select m.id, m.user_id, m.rotate_at from made m
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select w.organization_id, $7, $8::bigint, $9::bigint, 'api_key.created', 'api_key', m.id, $10, $11::inet,
           jsonb_build_object('name', m.name, 'expiresInDays', m.expires_in_days, 'ownerId', m.user_id)
    from made m, owner w
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select w.organization_id, m.user_id, 'api_key.created',
           jsonb_build_object('apiKeyId', m.id, 'name', m.name, 'expiresAt', rfc3339(m.expires_at))
    from made m, owner w
)
select d.outcome, m.id, m.name, m.preview, rfc3339(m.created_at), rfc3339(m.expires_at), m.expires_in_days, rfc3339(m.rotate_at),
       null::text, null::text, 'active', null::text, null::text, null::bigint, null::bigint
from decision d
left join made m on true;
