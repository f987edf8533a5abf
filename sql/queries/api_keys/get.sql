-- One token of an account.
-- takes: caller, id
-- → the token as it is shown; no row when the account has no such token
select t.id, t.name, t."tokenPreview", t."createdAt", t."expiresAt", t."expiresInDays", t."rotateAt", t."lastUsedAt",
       t."lastUsedIp", t."lastUsedClient", t.status, t."endedAt", t."endedReason", t."endedBy", t."endedNote", t.purpose, t.link,
       t."createdBy", t."predecessorId", t."successorId", t.rotation
from shown_tokens t
where t.user_id = :caller::bigint and t.id = :id::bigint;
