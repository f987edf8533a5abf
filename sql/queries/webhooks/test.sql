-- Queues a delivery that says it is a test; ten a minute at most.
-- takes: id, actor
-- → outcome (allowed | not_found | disabled | too_many | of acting()) and the delivery
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select h.id, h.name, h.status
    from webhooks h
    join actor a on a.organization_id = h.organization_id
    where h.id = :id::bigint and h.deleted_at is null and a.outcome = 'allowed'
    for no key update of h
), decision as (
    select case
               when a.outcome <> 'allowed' then a.outcome
               when t.id is null then 'not_found'
               when t.status = 'disabled' then 'disabled'
               when (select count(*)
                     from (select d.topic, d.created_at from webhook_deliveries d where d.webhook_id = t.id
                           order by d.id desc limit 200) d
                     where d.topic = 'webhook.test' and d.created_at > now() - interval '1 minute') >= 10 then 'too_many'
               else 'allowed'
           end as outcome
    from actor a
    left join target t on true
), made as (
    insert into webhook_deliveries (webhook_id, topic, message)
    select t.id, 'webhook.test',
           jsonb_build_object('type', 'webhook.test', 'timestamp', rfc3339(now()),
                              'data', jsonb_build_object('webhookId', t.id, 'name', t.name))
    from target t, decision d
    where d.outcome = 'allowed'
    returning id, message_id, topic, state, attempts, attempt_at, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'webhook.tested', 'webhook', t.id
    from made m, target t, actor a
)
select d.outcome, m.id, m.message_id::text as "messageId", m.topic as event, m.state, m.attempts,
       rfc3339(m.attempt_at) as "nextAttemptAt", null::integer as status, null::text as error,
       rfc3339(m.created_at) as "createdAt", null::text as "endedAt"
from decision d
left join made m on true;
