-- One page of a service account's custodians, the newest accounts first.
-- takes: organization, id, cursor, limit
-- cursor: ids below it only, or null
-- → of each: the account; one row without an id when there are none, and no row when there is no such service account
select p.id as "userId", p.name, p.email, p.status, rfc3339(c.created_at) as "addedAt", p.id as cursor
from users s
left join (
    custodians c
    join users p on p.id = c.user_id and p.status <> 'deleted'
) on c.service_id = s.id and (:cursor::bigint is null or c.user_id < :cursor::bigint)
where s.organization_id = :organization::bigint and s.id = :id::bigint and s.kind = 'service' and s.status <> 'deleted'
order by c.user_id desc
limit :limit::integer;
