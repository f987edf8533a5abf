-- Changes a webhook.
-- takes: id, name, url, events, status, actor
-- name, url, events (an array of topics) and status (enabled | disabled): null for no change
-- → outcome (allowed | not_found | of acting()) and the webhook
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), target as (
    select h.id, h.name, h.masked_url, h.topics, h.status
    from webhooks h
    join actor a on a.organization_id = h.organization_id
    where h.id = :id::bigint and h.deleted_at is null and a.outcome = 'allowed'
    for no key update of h
), changed as (
    update webhooks h
    set name = coalesce(:name, t.name), given_url = :url, topics = coalesce(:events::text[], t.topics),
        status = coalesce(:status, t.status)
    from target t
    where h.id = t.id
    returning h.id, h.name, h.platform, h.masked_url, h.topics, h.status, h.disabled_reason, h.failing_since,
              h.secret_changed_at, h.previous_secret_until, h.created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'webhook.updated', 'webhook', c.id,
           jsonb_strip_nulls(jsonb_build_object(
               'name', case when c.name <> t.name then jsonb_build_array(t.name, c.name) end,
               'maskedUrl', case when :url::text is not null then jsonb_build_array(t.masked_url, c.masked_url) end,
               'events', case when c.topics <> t.topics then jsonb_build_array(t.topics, c.topics) end,
               'status', case when c.status <> t.status then jsonb_build_array(t.status, c.status) end))
    from changed c
    join target t on t.id = c.id
    cross join actor a
    where :url::text is not null or (c.name, c.topics, c.status) <> (t.name, t.topics, t.status)
)
select case when a.outcome = 'allowed' and c.id is null then 'not_found' else a.outcome end as outcome,
       c.id, c.name, c.platform, c.masked_url as "maskedUrl", to_json(c.topics) as events, c.status,
       c.disabled_reason as "disabledReason", rfc3339(c.failing_since) as "failingSince",
       rfc3339(c.secret_changed_at) as "secretChangedAt", rfc3339(c.previous_secret_until) as "previousSecretUntil",
       rfc3339(c.created_at) as "createdAt"
from actor a
left join changed c on true;
