-- Deletes links that set passwords after they have expired: up to 1000.
-- → how many rows it deleted
with gone as (
    delete from password_links l
    where l.id in (select p.id from password_links p where p.expires_at < now() order by p.expires_at limit 1000)
    returning 1
)
select count(*) from gone;
