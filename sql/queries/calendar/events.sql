-- What the calendar feed with this address shows: of each live token of its person, and of the service accounts that the person
-- looks after, the day of rotation (unless a successor is in use) and the expiry. At most 1000 tokens, those that expire first.
-- takes: digest
-- → the person's name, and of each event: its kind (rotation | expiry), the token's id, name and preview, its owner's name, the
--   time, and since when the event stands, both as in RFC 5545 §3.3.5. One row without an event when there is none; no row when
--   no feed has the address
with reader as (
    select u.id, u.name, u.organization_id, u.org_role
    from calendar_feeds f
    join users u on u.id = f.user_id and u.status = 'active' and u.credential_generation = f.user_generation
    where f.digest = :digest::bytea
), account as (
    select r.id, r.name from reader r
    union all
    select s.id, s.name
    from reader r
    join users s on s.organization_id = r.organization_id and s.kind = 'service' and s.status = 'active'
    where (r.org_role in ('owner', 'admin') or exists (select from custodians c where c.user_id = r.id and c.service_id = s.id))
      and exists (select from told_about(s.id) t where t.user_id = r.id)
), token as (
    select t.id, t.name, t.preview, t.rotate_at, t.expires_at, t.created_at, a.name as owner_name
    from account a
    join users u on u.id = a.id
    join api_tokens t on t.user_id = a.id and t.ended_at is null and t.expires_at > now()
                         and t.owner_generation = u.credential_generation
    order by t.expires_at, t.id
    limit 1000
), event as (
    select 'rotation' as kind, t.id, t.name, t.preview, t.owner_name, t.rotate_at as at, t.created_at
    from token t
    where not is_replaced(t.id)
    union all
    select 'expiry', t.id, t.name, t.preview, t.owner_name, t.expires_at, t.created_at
    from token t
)
select r.name as reader_name, e.kind, e.id, e.name, e.preview, e.owner_name,
       to_char(e.at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') as at,
       to_char(e.created_at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') as stands_since
from reader r
left join event e on true
order by e.at, e.id, e.kind;
