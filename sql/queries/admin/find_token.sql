-- One token of any account.
-- takes: id
-- → the token, its owner and organization; no row when there is no such token
select t.id, t.name, t."tokenPreview", t.status, u.id as "ownerId", u.email as "ownerEmail", u.name as "ownerName",
       u.kind as "ownerKind", o.id as "organizationId", o.name as "organizationName", t."createdAt", t."expiresAt",
       t."lastUsedAt", t."lastUsedIp", t."endedAt", t."endedReason"
from shown_tokens t
join users u on u.id = t.user_id
join organizations o on o.id = u.organization_id
where t.id = :id::bigint;
