-- Deletes up to 200 sessions of accounts that were deactivated or deleted since the sign-in.
-- → how many rows it changed
with batch as (
    select s.id
    from users u
    cross join lateral (
        select s.id
        from sessions s
        where s.user_id = u.id and s.user_generation <> u.session_generation
        offset 0) s
    where u.credential_generation > 1
    limit 200
), gone as (
    delete from sessions s
    using batch b
    where s.id = b.id
    returning s.id
)
select count(*) from gone;
