-- Deletes up to 200 sessions past their end.
-- → how many rows it changed
with batch as (
    select id
    from sessions
    where expires_at <= now()
    order by expires_at
    limit 200
), gone as (
    delete from sessions s
    using batch b
    where s.id = b.id
    returning s.id
)
select count(*) from gone;
