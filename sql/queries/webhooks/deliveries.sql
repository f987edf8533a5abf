-- One page of a webhook's deliveries, the newest first.
-- takes: organization, id, state, cursor, limit
-- state: queued | sent | parked, or null for all; cursor: ids below it only, or null
-- → of each: the delivery; one row without an id when there are none, and no row when there is no such webhook
select d.id, d.message_id::text as "messageId", d.topic as event, d.state, d.attempts,
       rfc3339(case when d.state = 'queued' then d.attempt_at end) as "nextAttemptAt", d.status, d.error,
       rfc3339(d.created_at) as "createdAt", rfc3339(d.ended_at) as "endedAt"
from webhooks h
left join webhook_deliveries d on d.webhook_id = h.id and (:state::text is null or d.state = :state)
                                  and (:cursor::bigint is null or d.id < :cursor::bigint)
where h.organization_id = :organization::bigint and h.id = :id::bigint and h.deleted_at is null
order by d.id desc
limit :limit::integer;
