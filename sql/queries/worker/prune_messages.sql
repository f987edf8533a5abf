-- Deletes up to 1000 rows each of what was done with long ago: rows of the outbox after 30 days, mails that have ended 30 days
-- ago, and notices that nobody could be told of for 7 days.
-- → how many rows it deleted
with outbox_rows as (
    delete from outbox o
    where o.id in (select p.id from outbox p where p.routed_at < now() - interval '30 days' order by p.routed_at limit 1000)
    returning 1
), mail_rows as (
    delete from mails m
    where m.id in (select p.id from mails p where p.ended_at < now() - interval '30 days' order by p.ended_at limit 1000)
    returning 1
), notice_rows as (
    delete from notices n
    where n.id in (select p.id from notices p where p.created_at < now() - interval '7 days' order by p.id limit 1000)
    returning 1
)
select (select count(*) from outbox_rows) + (select count(*) from mail_rows) + (select count(*) from notice_rows);
