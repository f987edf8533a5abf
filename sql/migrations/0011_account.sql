-- When the password of a session was last proven: what is worth more than a session asks for it again.

-- How long a proof of the password counts.
create function testkase.recent_sign_in() returns interval
    language sql immutable parallel safe
    return interval '15 minutes';

grant execute on function testkase.recent_sign_in() to testkase_server;

-- By the sign-in, or later by POST /api/v1/session/confirm.
alter table testkase.sessions
    add column confirmed_at timestamptz not null default now(),
    -- Wrong passwords since then. Whoever has stolen a cookie may guess from many addresses, so a session has a budget.
    add column wrong_passwords smallint not null default 0 check (wrong_passwords >= 0);
update testkase.sessions set confirmed_at = created_at;

-- As before, and confirmed_at is a time that no INSERT may state, either.
create or replace function testkase.sessions_stamp() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    new.created_at := now();
    new.last_seen_at := now();
    new.confirmed_at := now();
    new.expires_at := least(new.expires_at, now() + session_lifetime());
    select u.session_generation into new.user_generation
    from users u where u.id = new.user_id and u.status = 'active'
    for no key update;
    if not found then
        raise exception 'only an active account has sessions'
            using errcode = 'integrity_constraint_violation', constraint = 'sessions_of_active_accounts';
    end if;
    delete from sessions s
    where s.id in (select o.id from sessions o where o.user_id = new.user_id
                   order by o.last_seen_at desc, o.id desc
                   offset sessions_max() - 1);
    return new;
end
$$;

-- As before, and a password is proven now or not at all.
create or replace function testkase.sessions_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if new.id <> old.id or new.digest <> old.digest or new.user_id <> old.user_id or new.user_generation <> old.user_generation
       or new.created_at <> old.created_at or new.expires_at > old.expires_at
       or new.confirmed_at not in (old.confirmed_at, now()) then
        raise exception 'a session cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'sessions_immutable';
    end if;
    new.last_seen_at := least(new.last_seen_at, now());
    return new;
end
$$;

grant update (confirmed_at, wrong_passwords) on testkase.sessions to testkase_server;

-- Whether the password of this session was proven recently enough. Null, for a caller with a token, is true: tokens have no
-- password. A session that does not exist is false. The function is volatile and reads the clock itself, because a statement asks
-- after it has waited for the locks of acting().
create function testkase.signed_in_recently(of_session bigint) returns boolean
    language sql volatile
begin atomic
    select of_session is null
           or exists (select from testkase.sessions s
                      where s.id = of_session and s.confirmed_at > clock_timestamp() - testkase.recent_sign_in());
end;

grant execute on function testkase.signed_in_recently(bigint) to testkase_server;
