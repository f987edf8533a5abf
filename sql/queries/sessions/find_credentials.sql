-- The password hash for a sign-in. The time of a refusal must not tell whether an account has the address, and after the
-- configured cost has changed, accounts have hashes of the old and of the new cost. So an address without an account imitates the
-- cost of one account's hash: always the same account's, until that hash is renewed, too.
-- takes: email
-- → user id, password hash and session generation, null when no account can sign in with that address; the cost to imitate (the
--   fourth part of an encoded hash). No row when no account at all can sign in. The server reads them by position
with accounts as (
    select max(id) as last_id
    from users
    where status = 'active' and password_hash is not null
), shadow as (
    select abs(hashtextextended(email_key(:email), k.seed) % a.last_id) + 1 as id
    from accounts a, shadow_key k
)
select p.id, p.password_hash, p.session_generation, split_part(imitated.password_hash, '$', 4) as cost
from shadow s
cross join lateral (
    select u.password_hash
    from users u
    where u.status = 'active' and u.password_hash is not null and u.id >= s.id
    order by u.id
    limit 1
) imitated
left join (
    select u.id, u.password_hash, u.session_generation
    from users u
    where email_key(u.email) = email_key(:email) and u.status = 'active' and u.password_hash is not null
) p on true;
