-- One page of an account's tokens, newest first.
-- takes: caller, status, cursor, limit
-- status: active | expired | revoked | all; cursor: ids below it only, or null
-- → of each: the token as it is shown
select t.id, t.name, t."tokenPreview", t."createdAt", t."expiresAt", t."expiresInDays", t."rotateAt", t."lastUsedAt",
       t."lastUsedIp", t.status, t."endedAt", t."endedReason", t."predecessorId", t."successorId"
from shown_tokens t
where t.user_id = :caller::bigint and (:status = 'all' or t.status = :status)
  and (:cursor::bigint is null or t.id < :cursor::bigint)
order by t.id desc
limit :limit::integer;
