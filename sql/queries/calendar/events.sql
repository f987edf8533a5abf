-- What the calendar feed with this address shows: of each live token of its person, and of the accounts about whose reminders
-- the person is told, the day of rotation (unless a successor is in use) and the expiry; of at most 1000 tokens, those that
-- expire first.
-- takes: digest
-- → the person's name, and of each event: its kind (rotation | expiry), the token's id, name and preview, its owner's name, the
--   page where the person finds it, the time, and since when the event stands, both as in RFC 5545 §3.3.5. One row without an
--   event when there is none; no row when no feed has the address
with reader as (
    select u.id, u.name
    from calendar_feeds f
    join users u on u.id = f.user_id and u.status = 'active' and u.credential_generation = f.user_generation
    where f.digest = :digest::bytea
), account as (
    select u.id, u.name, u.credential_generation, r.id as reader
    from reader r
    cross join reminded_of(r.id) m
    join users u on u.id = m.account
), token as (
    select t.id, t.name, t.preview, t.rotate_at, t.expires_at, t.created_at, a.name as owner_name,
           a.id = a.reader as is_own, token_path(t.id, a.id, a.reader) as path
    from account a
    join api_tokens t on t.user_id = a.id and t.ended_at is null and t.expires_at > now()
                         and t.owner_generation = a.credential_generation
    order by t.expires_at, t.id
    limit 1000
), event as (
    select 'rotation' as kind, t.id, t.name, t.preview, t.owner_name,
           t.path || case when t.is_own then '/rotate' else '' end as path, t.rotate_at as at, t.created_at
    from token t
    where not is_replaced(t.id)
    union all
    select 'expiry', t.id, t.name, t.preview, t.owner_name, t.path, t.expires_at, t.created_at
    from token t
)
select r.name as reader_name, e.kind, e.id, e.name, e.preview, e.owner_name, e.path,
       to_char(e.at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') as at,
       to_char(e.created_at at time zone 'UTC', 'YYYYMMDD"T"HH24MISS"Z"') as stands_since
from reader r
left join event e on true
order by e.at, e.id, e.kind;
