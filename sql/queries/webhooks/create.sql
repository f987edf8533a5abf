-- Makes a webhook; an organization has 20 at most.
-- takes: name, platform, url, events, secret, actor
-- events: an array of topics; secret: of platform custom, else null
-- → outcome (of acting()) and the webhook; constraint webhooks_limit: the organization has as many as it may
with actor as materialized (
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, a.outcome
    from acting(:actor::text::actor) a
), made as (
    insert into webhooks (organization_id, name, platform, url, topics, secret, created_by)
    select a.organization_id, :name, :platform, :url, :events::text[], :secret, a.user_id
    from actor a
    where a.outcome = 'allowed'
    returning id, name, platform, masked_url, topics, status, secret_changed_at, created_at
), audited as (
    insert into audit_events (organization_id, actor_kind, actor_user_id, actor_token_id, request_id, address,
                              action, target_kind, target_id, detail)
    select a.organization_id, a.kind, a.user_id, a.token_id, a.request_id, a.address, 'webhook.created', 'webhook', m.id,
           jsonb_build_object('name', m.name, 'platform', m.platform, 'maskedUrl', m.masked_url, 'events', m.topics)
    from made m, actor a
)
select a.outcome, m.id, m.name, m.platform, m.masked_url as "maskedUrl", to_json(m.topics) as events, m.status,
       null::text as "disabledReason", null::text as "failingSince", rfc3339(m.secret_changed_at) as "secretChangedAt",
       null::text as "previousSecretUntil", rfc3339(m.created_at) as "createdAt"
from actor a
left join made m on true;
