-- One page of an organization's accounts, oldest first, without deleted ones.
-- takes: organization, search, status, cursor, limit
-- search: a part of "name e-mail address", or null; status: active | deactivated | all; cursor: ids above it only, or null
-- → of each: the account
select id, email, name, kind, org_role as "orgRole", status, password_hash is not null as "hasPassword",
       rfc3339(created_at) as "createdAt"
from users
where organization_id = :organization::bigint and status <> 'deleted' and (:cursor::bigint is null or id > :cursor::bigint)
  and (:status = 'all' or status = :status)
  and (:search::text is null or position(folded(:search) in folded(name || ' ' || email)) > 0)
order by id
limit :limit::integer;
