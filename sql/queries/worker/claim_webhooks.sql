-- Takes deliveries that are due, each for a minute: at most two at a time of a webhook and eight of an organization, so that an
-- endpoint that is slow holds up no other one. What is due of a webhook that was disabled or deleted since is parked.
-- takes: limit
-- → of each: its id, the number of the attempt, message_id, platform, url, the message, the secrets that sign (or null), and
--   what people are told: a title, facts as JSON ([["label", "value"]]) and the path of the page
with recursive waiting as (
    -- Each webhook with a queue, found by one look into the index each.
    (select d.webhook_id from webhook_deliveries d where d.state = 'queued' order by d.webhook_id limit 1)
    union all
    select (select d.webhook_id from webhook_deliveries d
            where d.state = 'queued' and d.webhook_id > w.webhook_id order by d.webhook_id limit 1)
    from waiting w
    where w.webhook_id is not null
), under_way as (
    select h.organization_id, d.webhook_id, count(*) as count
    from webhook_deliveries d
    join webhooks h on h.id = d.webhook_id
    where d.state = 'queued' and d.leased_until > now()
    group by h.organization_id, d.webhook_id
), dropped as (
    update webhook_deliveries d set state = 'parked', ended_at = now(), error = 'the webhook was disabled or deleted'
    from (select q.id
          from waiting w
          join webhooks h on h.id = w.webhook_id and (h.status = 'disabled' or h.deleted_at is not null)
          join webhook_deliveries q on q.webhook_id = h.id and q.state = 'queued' and q.attempt_at <= now()
          where q.leased_until is null or q.leased_until <= now()
          order by q.webhook_id, q.id
          limit 200
          for update of q skip locked) q
    where d.id = q.id
), candidate as (
    select d.id, d.attempt_at, h.organization_id, coalesce(u.count, 0) + d.place as place
    from waiting w
    join webhooks h on h.id = w.webhook_id and h.status = 'enabled' and h.deleted_at is null
    left join under_way u on u.webhook_id = h.id
    cross join lateral (
        select q.id, q.attempt_at, row_number() over (order by q.attempt_at, q.id) as place
        from (select q.id, q.attempt_at
              from webhook_deliveries q
              where q.webhook_id = h.id and q.state = 'queued' and q.attempt_at <= now()
                and (q.leased_until is null or q.leased_until <= now())
              order by q.attempt_at, q.id
              limit greatest(0, 2 - coalesce(u.count, 0))) q
    ) d
), placed as (
    select c.id, c.place, c.attempt_at,
           row_number() over (partition by c.organization_id order by c.place, c.attempt_at, c.id)
               + coalesce((select sum(u.count) from under_way u where u.organization_id = c.organization_id), 0) as place_there
    from candidate c
), chosen as (
    select p.id from placed p where p.place_there <= 8 order by p.place, p.attempt_at, p.id limit :limit::integer
), locked as (
    select d.id
    from webhook_deliveries d
    join chosen c on c.id = d.id
    where d.state = 'queued' and (d.leased_until is null or d.leased_until <= now())
    for update of d skip locked
), taken as (
    update webhook_deliveries d set leased_until = now() + interval '1 minute', attempts = d.attempts + 1, claims = d.claims + 1
    from locked l
    where d.id = l.id
    returning d.id, d.claims, d.message_id, d.webhook_id, d.message
)
select t.id, t.claims as attempt, t.message_id::text, h.platform, h.url, t.message::text, h.secret,
       case when h.previous_secret_until > now() then h.previous_secret end as previous_secret, x.title, x.facts::text, x.path
from taken t
join webhooks h on h.id = t.webhook_id
cross join lateral webhook_text(t.message) x
order by t.id;
