-- Deletes up to 1000 rows each of what was done with long ago: rows of the outbox after 30 days, mails and deliveries to webhooks
-- that have ended 30 days ago, notices that nobody could be told of for 7 days, and what is left of deleted webhooks. Mails that
-- nobody has tried to send for 3 days, because no worker knows a mail server, are parked: a year of them must not go out when one
-- is named.
-- → how many rows it deleted or parked
with outbox_rows as (
    delete from outbox o
    where o.id in (select p.id from outbox p where p.routed_at < now() - interval '30 days' order by p.routed_at limit 1000)
    returning 1
), mail_rows as (
    delete from mails m
    where m.id in (select p.id from mails p where p.ended_at < now() - interval '30 days' order by p.ended_at limit 1000)
    returning 1
), unsent as (
    update mails m
    set state = 'parked', ended_at = now(), error = 'no worker sent it within 3 days'
    where m.id in (select p.id from mails p
                   where p.state = 'queued' and p.created_at < now() - interval '3 days' and p.attempts = 0
                   order by p.attempt_at
                   limit 1000
                   for update skip locked)
    returning 1
), notice_rows as (
    delete from notices n
    where n.id in (select p.id from notices p where p.created_at < now() - interval '7 days' order by p.id limit 1000)
    returning 1
), delivery_rows as (
    delete from webhook_deliveries d
    where d.id in (select p.id from webhook_deliveries p
                   where p.state <> 'queued' and p.ended_at < now() - interval '30 days' order by p.ended_at limit 1000)
       or d.id in (select p.id from webhooks h join webhook_deliveries p on p.webhook_id = h.id
                   where h.deleted_at is not null order by p.id limit 1000)
    returning 1
), webhook_rows as (
    delete from webhooks h
    where h.id in (select p.id from webhooks p
                   where p.deleted_at is not null and not exists (select from webhook_deliveries d where d.webhook_id = p.id)
                   order by p.id limit 1000)
    returning 1
)
select (select count(*) from outbox_rows) + (select count(*) from mail_rows) + (select count(*) from unsent)
       + (select count(*) from notice_rows) + (select count(*) from delivery_rows) + (select count(*) from webhook_rows);
