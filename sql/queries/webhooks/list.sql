-- One page of an organization's webhooks, oldest first.
-- takes: organization, cursor, limit
-- cursor: ids above it only, or null
-- → of each: the webhook
select h.id, h.name, h.platform, h.masked_url as "maskedUrl", to_json(h.topics) as events, h.status,
       h.disabled_reason as "disabledReason", rfc3339(h.failing_since) as "failingSince",
       rfc3339(h.secret_changed_at) as "secretChangedAt", rfc3339(h.previous_secret_until) as "previousSecretUntil",
       rfc3339(h.created_at) as "createdAt"
from webhooks h
where h.organization_id = :organization::bigint and h.deleted_at is null and (:cursor::bigint is null or h.id > :cursor::bigint)
order by h.id
limit :limit::integer;
