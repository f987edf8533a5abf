-- Accounts of one or all organizations, by organization and age.
-- takes: organization, status, limit
-- organization: null for all; status: active | deactivated | all (both)
-- → of each: the account, whether it has a password, and how many live tokens
select u.id, u.email, u.name, u.kind, u.org_role as "orgRole", u.status, u.organization_id as "organizationId",
       rfc3339(u.created_at) as "createdAt", u.password_hash is not null as "hasPassword",
       (select count(*) from api_tokens t
        where t.user_id = u.id and t.owner_generation = u.credential_generation and t.ended_at is null and t.expires_at > now())
           as "activeTokens"
from users u
where u.status <> 'deleted' and (:organization::bigint is null or u.organization_id = :organization::bigint)
  and (:status = 'all' or u.status = :status)
order by u.organization_id, u.id
limit :limit::integer;
