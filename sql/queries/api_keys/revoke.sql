-- Ends a live token at once and for good: its hash is erased, its reminder closed.
-- $1 token id, $2 owner's user id, or null for anybody's, $3 reason (revoked | leaked),
-- $4 actor kind, $5 actor user id, $6 actor token id, $7 request id, $8 address
-- → token id, owner's user id, name, preview; no row when there is no such live token
with ended as (
    update api_tokens t
    set ended_at = now(), ended_reason = $3, ended_by = $5::bigint, secret_hash = null
    from users u
    where u.id = t.user_id and t.id = $1::bigint and ($2::bigint is null or t.user_id = $2::bigint)
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    returning t.id, t.user_id, t.name, t.preview, u.organization_id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, action, target_kind, target_id,
                              request_id, address, detail)
    select e.organization_id, $4, $5::bigint, $6::bigint, 'api_key.revoked', 'api_key', e.id, $7, $8::inet,
           jsonb_build_object('name', e.name, 'ownerId', e.user_id, 'reason', $3::text)
    from ended e
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select e.organization_id, e.user_id, 'api_key.revoked', jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', $3::text)
    from ended e
)
select id, user_id, name, preview from ended;
