-- Counts a wrong password that was given within a session. The tenth since the last right one ends the session.
-- takes: session
-- → whether that was the tenth
with ended as (
    delete from sessions s where s.id = :session::bigint and s.wrong_passwords >= 9
    returning s.id
), counted as (
    update sessions s set wrong_passwords = s.wrong_passwords + 1
    where s.id = :session::bigint and s.wrong_passwords < 9
)
select exists (select from ended) as is_over;
