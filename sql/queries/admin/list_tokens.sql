-- Tokens of one account or of all accounts, newest first.
-- takes: owner, status, limit
-- owner: null for all; status: active | expired | revoked | all
-- → of each: the token, its rate limit (requests a minute, or null) and its owner
select t.id, t.name, t."tokenPreview", u.email as "ownerEmail", t.status, t."createdAt", t."expiresAt", t."rotateAt",
       t."lastUsedAt", t."lastUsedIp", t.rate_limit as "rateLimit", t."endedAt", t."endedReason", u.id as "ownerId",
       u.organization_id as "organizationId"
from shown_tokens t
join users u on u.id = t.user_id
where (:owner::bigint is null or t.user_id = :owner::bigint) and (:status = 'all' or t.status = :status)
order by t.id desc
limit :limit::integer;
