-- Counts a wrong password that was given within a session. The tenth since the last right one ends the session.
-- takes: session
-- → whether that was the tenth; no row when the session is no more
update sessions s
set wrong_passwords = s.wrong_passwords + 1,
    expires_at = case when s.wrong_passwords >= 9 then least(s.expires_at, now()) else s.expires_at end
where s.id = :session::bigint
returning s.wrong_passwords >= 10 as is_over;
