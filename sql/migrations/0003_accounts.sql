-- Organizations, their people and service accounts, and sessions.

-- --- organizations ---

create table testkase.organizations (
    id bigint generated always as identity (start with 1173) primary key,
    name text not null check (char_length(name) between 1 and 100),
    tokens_may_create_tokens boolean not null default true,
    -- The longest period that a token may have; null allows all six.
    max_expiry_days smallint check (max_expiry_days in (7, 30, 60, 90, 180, 365)),
    -- Requests a minute for tokens without a limit of their own; null: the server's default.
    default_rate_limit integer check (default_rate_limit between 1 and 1000000),
    next_project_number integer not null default 1 check (next_project_number > 0),
    created_at timestamptz not null default now()
);

create function testkase.organizations_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if exists (select from after_rows a join before_rows b on b.id = a.id
               where (a.name, a.tokens_may_create_tokens, a.default_rate_limit)
                     is distinct from (b.name, b.tokens_may_create_tokens, b.default_rate_limit)) then
        perform bump_auth_epoch(null);
    end if;
    return null;
end
$$;

create trigger organizations_changed after update on testkase.organizations
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.organizations_changed();
create trigger organizations_deleted after delete on testkase.organizations
    referencing old table as before_rows
    for each statement execute function testkase.rights_deleted();
create trigger organizations_truncated after truncate on testkase.organizations
    for each statement execute function testkase.rights_truncated();

alter table testkase.organizations
    enable always trigger organizations_changed,
    enable always trigger organizations_deleted,
    enable always trigger organizations_truncated;

grant select on testkase.organizations to testkase_server, testkase_worker;
grant update (name, tokens_may_create_tokens, max_expiry_days, default_rate_limit, next_project_number)
    on testkase.organizations to testkase_server;

-- --- users ---

-- The form in which addresses are compared: two addresses are one when only the case of their ASCII letters differs. The "C"
-- collation knows no other letters, so no locale of a database has a say: in a Turkish one lower('I') is not 'i', and in most
-- the Kelvin sign is a 'k'.
create function testkase.email_key(email text) returns text
    language sql immutable parallel safe
    return lower(email collate "C");

grant execute on function testkase.email_key(text) to testkase_server;

create table testkase.users (
    id bigint generated always as identity primary key,
    organization_id bigint not null references testkase.organizations,
    email text collate "C" not null check (char_length(email) between 3 and 254),
    name text not null check (char_length(name) between 1 and 100),
    kind text not null default 'person' check (kind in ('person', 'service')),
    org_role text not null default 'member' check (org_role in ('owner', 'admin', 'member')),
    status text not null default 'active' check (status in ('active', 'deactivated', 'deleted')),
    password_hash text check (password_hash like '$argon2id$%'),
    -- A token is valid only under the generation in which it was made. Deactivation and deletion start the next one, so that no
    -- token made before can become valid again, whatever happens to its own row.
    credential_generation integer not null default 1,
    -- The same for sessions; a new password also starts the next one.
    session_generation integer not null default 1,
    created_at timestamptz not null default now(),
    status_changed_at timestamptz not null default now(),
    unique (organization_id, id),
    -- Letters of other scripts that look like ASCII letters would make two addresses that people cannot tell apart.
    constraint users_email_is_ascii check (email ~ '^[!-~]+@[!-~]+$'),
    constraint users_service_has_no_password check (kind = 'person' or password_hash is null),
    constraint users_owner_is_active_person check (org_role <> 'owner' or (kind = 'person' and status = 'active'))
);

-- The address of a deleted account is free again.
create unique index users_email_key on testkase.users (testkase.email_key(email)) where status <> 'deleted';
create unique index users_one_owner_key on testkase.users (organization_id) where org_role = 'owner';
create index users_organization_idx on testkase.users (organization_id, id) where status <> 'deleted';
-- Accounts that were deactivated or deleted at least once: generations begin at 1 and only grow.
create index users_left_idx on testkase.users (id) where credential_generation > 1;
-- Accounts that can sign in.
create index users_sign_in_idx on testkase.users (id) where status = 'active' and password_hash is not null;

-- Whether the running statement may do what only operators may: its role is testkase_owner, or may act as it. Within a function
-- with its owner's rights, the role is the owner.
create function testkase.is_operator() returns boolean
    language sql stable
    return pg_has_role('testkase_owner', 'member');

grant execute on function testkase.is_operator() to testkase_server, testkase_worker;

-- Marks that the transaction renews the hash of `renewed` ("user 7", "api_token 7"), until it is marked with ''. Any role could
-- set this; the guards believe it of the owner's functions alone, which is_operator() recognizes.
create function testkase.mark_renewal(renewed text) returns void
    language sql
as $$
    select set_config('testkase.renewal', renewed, true)
$$;

-- Whether the running statement is the renewal of that hash, and changes its cost and nothing else: the fourth part of an encoded
-- hash has argon2's parameters.
create function testkase.is_renewal(of_what text, old_hash text, new_hash text) returns boolean
    language sql stable
    return testkase.is_operator() and current_setting('testkase.renewal', true) is not distinct from of_what
           and coalesce(split_part(new_hash, '$', 4) <> split_part(old_hash, '$', 4), false);

grant execute on function testkase.is_renewal(text, text, text) to testkase_server, testkase_worker;

-- The generations move with the status, whichever statement changes it. Deletion is final and erases the password. A new
-- password ends all sessions; a new hash of the same password at another cost (renew_password_hash) ends none. Only operators
-- make an owner or take the role away: an account with it can be neither deactivated nor deleted.
create function testkase.users_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if (new.org_role = 'owner' or (tg_op = 'UPDATE' and old.org_role = 'owner'))
       and (tg_op = 'INSERT' or new.org_role <> old.org_role) and not is_operator() then
        raise exception 'only an operator makes or replaces the owner of an organization'
            using errcode = 'insufficient_privilege', constraint = 'users_owner_by_operator';
    end if;
    if tg_op = 'INSERT' then
        return new;
    end if;
    if new.id <> old.id or new.organization_id <> old.organization_id or new.kind <> old.kind
       or new.created_at <> old.created_at then
        raise exception 'an account''s id, organization and kind cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'users_immutable';
    end if;
    if old.status = 'deleted' and new.status <> 'deleted' then
        raise exception 'a deleted account cannot return'
            using errcode = 'integrity_constraint_violation', constraint = 'users_deleted_is_final';
    end if;
    if new.credential_generation < old.credential_generation or new.session_generation < old.session_generation then
        raise exception 'a generation never goes back'
            using errcode = 'integrity_constraint_violation', constraint = 'users_generation_grows';
    end if;
    if new.status = 'deleted' then
        new.password_hash := null;
    end if;
    if new.status <> old.status then
        new.status_changed_at := now();
    end if;
    if new.status <> old.status and new.status <> 'active' then
        new.credential_generation := old.credential_generation + 1;
        new.session_generation := old.session_generation + 1;
    elsif new.password_hash is distinct from old.password_hash and new.session_generation = old.session_generation
          and not is_renewal('user ' || old.id, old.password_hash, new.password_hash) then
        new.session_generation := old.session_generation + 1;
    end if;
    return new;
end
$$;

create trigger users_guard before insert or update on testkase.users
    for each row execute function testkase.users_guard();

create function testkase.users_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    changed bigint[];
begin
    select array_agg(a.id) into changed
    from after_rows a join before_rows b on b.id = a.id
    where (a.email, a.name, a.org_role, a.status, a.credential_generation)
          is distinct from (b.email, b.name, b.org_role, b.status, b.credential_generation);
    if changed is not null then
        perform bump_auth_epoch(null);
        perform notify_ids('testkase_users', 'userIds', changed);
    end if;
    return null;
end
$$;

create trigger users_changed after update on testkase.users
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.users_changed();
create trigger users_deleted after delete on testkase.users
    referencing old table as before_rows
    for each statement execute function testkase.rights_deleted();
create trigger users_truncated after truncate on testkase.users
    for each statement execute function testkase.rights_truncated();

alter table testkase.users
    enable always trigger users_guard,
    enable always trigger users_changed,
    enable always trigger users_deleted,
    enable always trigger users_truncated;

-- Replaces the hash of a password that has just been proven with one of another cost, and records it; returns whether it did.
create function testkase.renew_password_hash(of_user bigint, old_hash text, new_hash text) returns boolean
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    organization bigint;
begin
    perform mark_renewal('user ' || of_user);
    update users set password_hash = new_hash
    where id = of_user and password_hash = old_hash and status = 'active'
      and split_part(new_hash, '$', 4) <> split_part(old_hash, '$', 4)
    returning organization_id into organization;
    perform mark_renewal('');
    if organization is null then
        return false;
    end if;
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    values (organization, 'system', 'user.hash_renewed', 'user', of_user,
            jsonb_build_object('cost', jsonb_build_array(split_part(old_hash, '$', 4), split_part(new_hash, '$', 4))));
    return true;
end
$$;

grant execute on function testkase.renew_password_hash(bigint, text, text) to testkase_server;

grant select on testkase.users to testkase_server;
grant insert (organization_id, email, name, kind, org_role, password_hash) on testkase.users to testkase_server;
grant update (name, org_role, status, password_hash) on testkase.users to testkase_server;
grant select (id, organization_id, email, name, kind, org_role, status, status_changed_at, credential_generation,
              session_generation)
    on testkase.users to testkase_worker;
-- SELECT FOR SHARE requires the right to update at least one column; the guard makes this one harmless.
grant update (status_changed_at) on testkase.users to testkase_worker;

-- --- sign-in with an unknown address ---

-- One row: a number that nobody outside the database can know. It chooses, for each address without an account, one account
-- whose hash's cost a sign-in with that address imitates.
create table testkase.shadow_key (
    only_row boolean primary key default true check (only_row),
    seed bigint not null
);

insert into testkase.shadow_key (seed) select hashtextextended(gen_random_uuid()::text, 0);

grant select on testkase.shadow_key to testkase_server;

-- --- sessions ---

-- How long a session may last, and how many an account may have.
create function testkase.session_lifetime() returns interval
    language sql immutable parallel safe
    return interval '604800 seconds';

create function testkase.sessions_max() returns integer
    language sql immutable parallel safe
    return 50;

grant execute on function testkase.session_lifetime(), testkase.sessions_max() to testkase_server, testkase_worker;

create table testkase.sessions (
    id bigint generated always as identity primary key,
    -- BLAKE2b-256 of the cookie's 256 random bits.
    digest bytea not null unique check (octet_length(digest) = 32),
    user_id bigint not null references testkase.users,
    -- users.session_generation when the session began; under any other, the session is not valid.
    user_generation integer not null,
    created_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + testkase.session_lifetime(),
    address inet,
    client text check (char_length(client) <= 200),
    constraint sessions_end_in_time check (expires_at <= created_at + testkase.session_lifetime())
);

create index sessions_user_idx on testkase.sessions (user_id);
create index sessions_expires_idx on testkase.sessions (expires_at);

-- The generation and the times come from the account and PostgreSQL's clock, whatever values an INSERT has: a session stated
-- under a future generation would become valid with the next password. When the account has as many sessions as it may, those
-- that were seen least recently end. The lock lets one session of an account begin at a time; a statement that locks the account
-- itself must take the same lock, because two that held a weaker one would wait for each other.
create function testkase.sessions_stamp() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    new.created_at := now();
    new.last_seen_at := now();
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

create trigger sessions_stamp before insert on testkase.sessions
    for each row execute function testkase.sessions_stamp();

-- A session never changes; it can only be seen, which happens now and not later, and end sooner.
create function testkase.sessions_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if new.id <> old.id or new.digest <> old.digest or new.user_id <> old.user_id or new.user_generation <> old.user_generation
       or new.created_at <> old.created_at or new.expires_at > old.expires_at then
        raise exception 'a session cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'sessions_immutable';
    end if;
    new.last_seen_at := least(new.last_seen_at, now());
    return new;
end
$$;

create trigger sessions_guard before update on testkase.sessions
    for each row execute function testkase.sessions_guard();

grant select, delete on testkase.sessions to testkase_server;
grant insert (digest, user_id, address, client) on testkase.sessions to testkase_server;
grant update (last_seen_at) on testkase.sessions to testkase_server;
grant select, delete on testkase.sessions to testkase_worker;
