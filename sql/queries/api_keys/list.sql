-- One page of an account's tokens.
-- takes: organization, caller, id, status, search, sort, cursor, cursor_key, limit
-- id: of the account; null: the caller's own
-- status: active | expiring (active, and due or in a rotation) | expired | revoked | all; search: a part of the name or of the
-- purpose, or null; sort: created | expires | lastUsed | name, with a minus for descending order; cursor and cursor_key: id and
-- sort number of the last row of the page before, or null. The last row's name, which never changes, is read again
-- → of each: the cursor, and the token as it is shown; one row with a null cursor when there is none; no row when the
--   organization has no such account
with owner as (
    select u.id
    from users u
    where u.id = coalesce(:id::bigint, :caller::bigint) and u.organization_id = :organization::bigint and u.status <> 'deleted'
), own as (
    select t.id, left(:sort, 1) = '-' as descends,
           case ltrim(:sort, '-')
               when 'created' then extract(epoch from t.created_at) * 1000000
               when 'expires' then extract(epoch from t.expires_at) * 1000000
               when 'lastUsed' then coalesce(extract(epoch from l.used_at) * 1000000, 0)
               else 0
           end::bigint as number,
           case ltrim(:sort, '-') when 'name' then folded(t.name) else '' end as name
    from api_tokens t
    join api_token_rotations r on r.id = t.id
    join api_token_states s on s.id = t.id
    left join api_token_last_used l on l.token_id = t.id
    where t.user_id = (select w.id from owner w)
      and case :status when 'all' then true when 'expiring' then r.state <> 'none' else s.status = :status end
      and (:search::text is null or position(folded(:search) in folded(t.name || ' ' || coalesce(t.purpose, ''))) > 0)
), last_row as (
    select case ltrim(:sort, '-') when 'name' then folded(t.name) else '' end as name
    from api_tokens t
    where t.id = :cursor::bigint and t.user_id = (select w.id from owner w)
), page as (
    select o.id, o.number,
           row_number() over (order by case when o.descends then o.number end desc, case when o.descends then o.name end desc,
                                       case when o.descends then o.id end desc, o.number, o.name, o.id) as place
    from own o
    left join last_row c on true
    where :cursor::bigint is null
       or case when o.descends then (o.number, o.name, o.id) < (:cursor_key::bigint, c.name, :cursor::bigint)
               else (o.number, o.name, o.id) > (:cursor_key::bigint, c.name, :cursor::bigint)
          end
    order by place
    limit :limit::integer
)
select p.number || '.' || p.id as cursor, t.id, t.name, t."tokenPreview", t."createdAt", t."expiresAt", t."expiresInDays",
       t."rotateAt", t."lastUsedAt", t."lastUsedIp", t."lastUsedClient", t.status, t."endedAt", t."endedReason", t."endedBy",
       t."endedNote", t.purpose, t.link, t."createdBy", t."predecessorId", t."successorId", t.rotation
from owner w
left join page p on true
left join lateral (select s.* from shown_tokens s where s.id = p.id offset 0) t on true
order by p.place;
