-- One webhook of an organization.
-- takes: organization, id
-- → the webhook; no row when there is none
select h.id, h.name, h.platform, h.masked_url as "maskedUrl", to_json(h.topics) as events, h.status,
       h.disabled_reason as "disabledReason", rfc3339(h.failing_since) as "failingSince",
       rfc3339(h.secret_changed_at) as "secretChangedAt", rfc3339(h.previous_secret_until) as "previousSecretUntil",
       rfc3339(h.created_at) as "createdAt"
from webhooks h
where h.organization_id = :organization::bigint and h.id = :id::bigint and h.deleted_at is null;
