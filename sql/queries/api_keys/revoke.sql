-- Ends a live token for good: erases its hash and closes its reminder.
-- takes: id, caller, reason, actor
-- caller: the owner, or null for any owner; reason: revoked | leaked
-- → the token; no row when there is no such live token
with ended as (
    update api_tokens t
    set ended_at = now(), ended_reason = :reason, ended_by = (:actor::text::actor).user_id, secret_hash = null
    from users u
    where u.id = t.user_id and t.id = :id::bigint and (:caller::bigint is null or t.user_id = :caller::bigint)
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    returning t.id, t.user_id, t.name, t.preview, u.organization_id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select e.organization_id, (:actor::text::actor).*, 'api_key.revoked', 'api_key', e.id,
           jsonb_build_object('name', e.name, 'ownerId', e.user_id, 'reason', :reason::text)
    from ended e
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select e.organization_id, e.user_id, 'api_key.revoked',
           jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', :reason::text)
    from ended e
)
select id, name, preview as "tokenPreview", user_id as "ownerId" from ended;
