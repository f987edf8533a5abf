-- Ends up to 200 tokens whose owner was deactivated or deleted since they were made, and erases their hashes. It sends no
-- notification: the owner has left, and the admin who removed the account did so knowingly. The audit log records it.
-- → how many rows it changed
with batch as (
    select t.id, t.user_id, t.name, u.organization_id, u.status_changed_at as left_at,
           case u.status when 'deleted' then 'owner_deleted' else 'owner_deactivated' end as reason
    from users u
    cross join lateral (
        select t.id, t.user_id, t.name
        from api_tokens t
        where t.user_id = u.id and t.ended_at is null and t.owner_generation < u.credential_generation
        for update skip locked) t
    where u.credential_generation > 1
    limit 200
), ended as (
    update api_tokens t
    set ended_at = b.left_at, ended_reason = b.reason
    from batch b
    where t.id = b.id
    returning t.id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
), audited as (
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select b.organization_id, 'system', 'api_key.revoked', 'api_key', b.id,
           jsonb_build_object('name', b.name, 'ownerId', b.user_id, 'reason', b.reason)
    from batch b
    join ended e on e.id = b.id
)
select count(*) from ended;
