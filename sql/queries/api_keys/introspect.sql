-- What another service may know of the live token with this look-up id (RFC 7662 section 2.2), if it is of the organization.
-- takes: organization, lookup
-- → the answer; no row when there is no such token
select true as active, u.id::text as sub, u.email as username, 'Bearer' as token_type,
       floor(extract(epoch from t.expires_at))::bigint as exp,
       floor(extract(epoch from t.created_at))::bigint as iat,
       t.id as "apiKeyId", t.name, u.kind, u.org_role as "orgRole", u.organization_id as "organizationId"
from api_tokens t
join users u on u.id = t.user_id
where t.lookup_id = :lookup and u.organization_id = :organization::bigint and u.status = 'active'
  and t.owner_generation = u.credential_generation and t.ended_at is null and t.expires_at > now();
