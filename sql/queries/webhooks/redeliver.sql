-- Queues a delivery again that was sent or parked, under the same message id, with all its attempts; one that waits is due now.
-- takes: id, delivery, actor
-- → outcome (allowed | not_found | disabled | of acting()) and the delivery
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select d.id, d.state, h.id as webhook_id, h.status
    from webhooks h
    join actor a on a.organization_id = h.organization_id
    join webhook_deliveries d on d.webhook_id = h.id and d.id = :delivery::bigint
    where h.id = :id::bigint and h.deleted_at is null and a.outcome = 'allowed'
    for no key update of h, d
), queued as (
    update webhook_deliveries d
    set state = 'queued', attempts = case when t.state = 'queued' then d.attempts else 0 end, attempt_at = now(), ended_at = null
    from target t
    where d.id = t.id and t.status = 'enabled'
    returning d.id, d.message_id, d.topic, d.state, d.attempts, d.attempt_at, d.status, d.error, d.created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'webhook.redelivered', 'webhook',
           t.webhook_id, jsonb_build_object('deliveryId', t.id)
    from queued q
    join target t on t.id = q.id
    cross join actor a
)
select case
           when a.outcome <> 'allowed' then a.outcome
           when t.id is null then 'not_found'
           when q.id is null then 'disabled'
           else 'allowed'
       end as outcome,
       q.id, q.message_id::text as "messageId", q.topic as event, q.state, q.attempts, rfc3339(q.attempt_at) as "nextAttemptAt",
       q.status, q.error, rfc3339(q.created_at) as "createdAt", null::text as "endedAt"
from actor a
left join target t on true
left join queued q on true;
