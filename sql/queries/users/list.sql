-- One page of an organization's accounts, oldest first, without deleted ones.
-- takes: organization, cursor, limit
-- cursor: ids above it only, or null
-- → of each: the account
select id, email, name, kind, org_role as "orgRole", status, password_hash is not null as "hasPassword",
       rfc3339(created_at) as "createdAt"
from users
where organization_id = :organization::bigint and status <> 'deleted' and (:cursor::bigint is null or id > :cursor::bigint)
order by id
limit :limit::integer;
