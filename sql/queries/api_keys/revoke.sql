-- Ends a live token for good: erases its hash and closes its reminder.
-- takes: id, caller, reason, actor
-- caller: the owner, or null for any owner; reason: revoked | leaked
-- → outcome (allowed | not_found: there is no such live token | of acting()), and the token
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), ended as (
    update api_tokens t
    set ended_at = now(), ended_reason = :reason, ended_by = a.user_id
    from users u, actor a
    where a.outcome = 'allowed' and u.id = t.user_id and t.id = :id::bigint
      and (:caller::bigint is null or t.user_id = :caller::bigint)
      and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
    returning t.id, t.user_id, t.name, t.preview, u.organization_id
), closed as (
    update rotation_reminders r set state = 'closed', state_changed_at = now()
    from ended e
    where r.token_id = e.id and r.state <> 'closed'
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select e.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'api_key.revoked', 'api_key', e.id,
           jsonb_build_object('name', e.name, 'ownerId', e.user_id, 'reason', :reason::text)
    from ended e, actor a
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select e.organization_id, e.user_id, 'api_key.revoked',
           jsonb_build_object('apiKeyId', e.id, 'name', e.name, 'reason', :reason::text)
    from ended e
)
select case when a.outcome = 'allowed' and e.id is null then 'not_found' else a.outcome end as outcome, e.id, e.name,
       e.preview as "tokenPreview", e.user_id as "ownerId"
from actor a
left join ended e on true;
