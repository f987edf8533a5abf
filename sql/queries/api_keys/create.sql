-- Makes a token for an active account, with its reminder, audit events and notification: a new one, or the successor of another,
-- which has its period, purpose and link, and its name with the next version.
-- takes: owner, ofService, session, predecessor, lookup, hash, preview, name, expiresInDays, purpose, link, idempotencyKey, actor
-- owner: the caller, or any account when there is no caller; ofService: true when it is to be a service account of the actor's
-- organization instead
-- session: of the caller, which must have proven its password lately; null when it has none
-- predecessor: null for a new token; name, expiresInDays, purpose, link: null for a successor; idempotencyKey: or null
-- → outcome (created | not_found: there is no such owner or predecessor | is_person | owner_not_active | service_not_active |
--   api_key_ended | successor_exists | idempotency_key_used | creation_forbidden | recent_sign_in_required | period_too_long |
--   successor_too_long | of acting()), the token in the way, and the token as it is shown
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), owner as (
    select u.id, u.organization_id, u.kind, u.status, u.credential_generation
    from users u
    cross join actor a
    where u.id = :owner::bigint and u.status <> 'deleted' and a.outcome = 'allowed'
      and (a.organization_id is null or u.organization_id = a.organization_id)
    for share of u
), predecessor as (
    -- Locked, so that no other statement ends it meanwhile: a token that has ended has no successor.
    select t.id, t.name, t.expires_in_days, t.purpose, t.link, t.ended_at, t.expires_at, t.owner_generation
    from api_tokens t
    join owner w on w.id = t.user_id
    where t.id = :predecessor::bigint
    for no key update of t
), wanted as (
    select p.id as predecessor_id, coalesce(successor_name(p.name), :name) as name,
           coalesce(p.expires_in_days, :expiresInDays::smallint) as days,
           case when p.id is null then :purpose else p.purpose end as purpose,
           case when p.id is null then :link else p.link end as link
    from (select) one
    left join predecessor p on true
), in_the_way as (
    select (select t.id from api_tokens t where t.user_id = :owner::bigint and t.idempotency_key = :idempotencyKey)
               as of_same_key,
           (select t.id from api_tokens t where t.predecessor_id = :predecessor::bigint and t.ended_at is null) as successor
), decision as (
    select case
               when a.outcome <> 'allowed' then a.outcome
               when w.id is null then 'not_found'
               when :ofService::boolean and w.kind <> 'service' then 'is_person'
               when w.status <> 'active' then case when :ofService::boolean then 'service_not_active' else 'owner_not_active' end
               when :predecessor::bigint is not null and p.id is null then 'not_found'
               when a.token_id is not null and not o.tokens_may_create_tokens then 'creation_forbidden'
               when not signed_in_recently(:session::bigint) then 'recent_sign_in_required'
               when i.of_same_key is not null then 'idempotency_key_used'
               when p.ended_at is not null or p.expires_at <= now() or p.owner_generation <> w.credential_generation
                   then 'api_key_ended'
               when i.successor is not null then 'successor_exists'
               when o.max_expiry_days < d.days then
                   case when p.id is null then 'period_too_long' else 'successor_too_long' end
               else 'created'
           end as outcome,
           coalesce(i.of_same_key, i.successor) as in_the_way
    from actor a
    cross join wanted d
    cross join in_the_way i
    left join owner w on true
    left join organizations o on o.id = w.organization_id
    left join predecessor p on true
), made as (
    insert into api_tokens (user_id, lookup_id, secret_hash, preview, name, expires_in_days, predecessor_id, purpose, link,
                            idempotency_key, created_by, created_by_token)
    select w.id, :lookup, :hash, :preview, d.name, d.days, d.predecessor_id, d.purpose, d.link, :idempotencyKey, a.user_id,
           a.token_id
    from owner w, wanted d, actor a, decision o
    where o.outcome = 'created'
    returning id, user_id, name, preview, created_at, expires_at, expires_in_days, rotate_at, purpose, link, predecessor_id,
              created_by, created_by_token
), reminded as (
    insert into rotation_reminders (token_id, user_id, due_at)
    select m.id, m.user_id, m.rotate_at from made m
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select w.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, e.action, 'api_key', e.target, e.detail
    from made m
    cross join owner w
    cross join actor a
    cross join lateral (values
        ('api_key.created', m.id,
         jsonb_strip_nulls(jsonb_build_object('name', m.name, 'expiresInDays', m.expires_in_days, 'ownerId', m.user_id,
                                              'predecessorId', m.predecessor_id))),
        ('api_key.rotated', m.predecessor_id, jsonb_build_object('ownerId', m.user_id, 'successorId', m.id))
    ) e (action, target, detail)
    where e.target is not null
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select w.organization_id, m.user_id, case when m.predecessor_id is null then 'api_key.created' else 'api_key.rotated' end,
           jsonb_strip_nulls(jsonb_build_object('apiKeyId', m.id, 'name', m.name, 'expiresAt', rfc3339(m.expires_at),
                                                'predecessorId', m.predecessor_id))
    from made m, owner w
)
select d.outcome, d.in_the_way, m.id, m.name, m.preview as "tokenPreview", rfc3339(m.created_at) as "createdAt",
       rfc3339(m.expires_at) as "expiresAt", m.expires_in_days as "expiresInDays", rfc3339(m.rotate_at) as "rotateAt",
       null::text as "lastUsedAt", null::text as "lastUsedIp", null::text as "lastUsedClient", 'active' as status,
       null::text as "endedAt", null::text as "endedReason", null::json as "endedBy", null::text as "endedNote", m.purpose,
       m.link,
       case when m.created_by is not null then json_build_object('userId', m.created_by, 'apiKeyId', m.created_by_token) end
           as "createdBy",
       m.predecessor_id as "predecessorId", null::bigint as "successorId",
       json_build_object('state', 'none', 'rotateAt', rfc3339(m.rotate_at), 'successorId', null,
                         'predecessorId', m.predecessor_id, 'because', null) as rotation
from decision d
left join made m on true;
