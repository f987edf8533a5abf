-- One token of an account.
-- takes: organization, caller, user, id
-- user: the account; null: the caller's own
-- → the token as it is shown; no row when the account has no such token
select t.id, t.name, t."tokenPreview", t."createdAt", t."expiresAt", t."expiresInDays", t."rotateAt", t."lastUsedAt",
       t."lastUsedIp", t."lastUsedClient", t.status, t."endedAt", t."endedReason", t."endedBy", t."endedNote", t.purpose, t.link,
       t."createdBy", t."predecessorId", t."successorId", t.rotation
from users u
join shown_tokens t on t.user_id = u.id
where u.id = coalesce(:user::bigint, :caller::bigint) and u.organization_id = :organization::bigint and u.status <> 'deleted'
  and t.id = :id::bigint;
