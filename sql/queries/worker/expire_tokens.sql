-- Ends up to 1000 tokens past their expiry, as of the instant they expired, and notifies their owners. The hash stays for now,
-- so that a client that still presents such a token learns that it expired. Tokens of owners who have left are not included:
-- see end_leavers_tokens. The owner's row is locked together with the token's. The foreign key of the outbox row would lock it
-- too late, after the epoch: a concurrent change of that owner would then deadlock with this statement.
-- → how many rows it changed
with batch as (
    select t.id, t.user_id, t.name, t.expires_at, u.organization_id
    from api_tokens t
    join users u on u.id = t.user_id and u.credential_generation <= t.owner_generation
    where t.ended_at is null and t.expires_at <= now()
    order by t.expires_at
    limit 1000
    for share of u skip locked
    for update of t skip locked
), ended as (
    update api_tokens t
    set ended_at = t.expires_at, ended_reason = 'expired'
    from batch b
    where t.id = b.id
    returning t.id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select b.organization_id, 'system', 'api_key.expired', 'api_key', b.id,
           jsonb_build_object('name', b.name, 'ownerId', b.user_id, 'expiresAt', rfc3339(b.expires_at))
    from batch b
    join ended e on e.id = b.id
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select b.organization_id, b.user_id, 'api_key.expired',
           jsonb_build_object('apiKeyId', b.id, 'name', b.name, 'expiresAt', rfc3339(b.expires_at))
    from batch b
    join ended e on e.id = b.id
)
select count(*) from ended;
