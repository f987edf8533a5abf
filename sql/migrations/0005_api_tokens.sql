-- Personal Access Tokens, and when each is due for rotation.

-- --- rotation policy ---

-- After how many days a token of this period is due. It is data, so that a team can set its own cadence.
create table testkase.rotation_policy (
    expires_in_days smallint primary key check (expires_in_days in (7, 30, 60, 90, 180, 365)),
    rotate_on_day smallint not null,
    check (rotate_on_day > 0 and rotate_on_day < expires_in_days)
);

insert into testkase.rotation_policy (expires_in_days, rotate_on_day)
values (7, 6), (30, 23), (60, 50), (90, 80), (180, 165), (365, 350);

grant select on testkase.rotation_policy to testkase_server, testkase_worker;

-- --- tokens ---

create table testkase.api_tokens (
    id bigint generated always as identity primary key,
    user_id bigint not null references testkase.users,
    -- users.credential_generation when the token was made; under any other, the token is not valid.
    owner_generation integer not null,
    lookup_id text collate "C" not null unique check (lookup_id ~ '^[0-9A-Za-z]{8}$'),
    secret_hash text check (secret_hash like '$argon2id$%'),
    preview text not null check (preview ~ '^tk_pat_[0-9A-Za-z]{8}[.]{3}[0-9A-Za-z]{6}$'),
    name text not null check (char_length(name) between 1 and 100),
    expires_in_days smallint not null references testkase.rotation_policy
        check (expires_in_days in (7, 30, 60, 90, 180, 365)),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    rotate_at timestamptz not null,
    predecessor_id bigint unique references testkase.api_tokens,
    -- Requests a minute; null: the organization's or the server's default.
    rate_limit integer check (rate_limit between 1 and 1000000),
    ended_at timestamptz,
    ended_reason text check (ended_reason in ('expired', 'revoked', 'owner_deactivated', 'owner_deleted', 'leaked')),
    ended_by bigint references testkase.users,
    constraint api_tokens_expiry_is_the_period
        check (expires_at = created_at + expires_in_days * interval '86400 seconds'),
    -- A preview names the token that people then revoke.
    constraint api_tokens_preview_is_its_own check (left(preview, 18) = 'tk_pat_' || lookup_id || '...'),
    constraint api_tokens_rotation_before_expiry check (rotate_at > created_at and rotate_at < expires_at),
    constraint api_tokens_end_has_a_reason check ((ended_at is null) = (ended_reason is null)),
    -- A live token has a hash, and an ended one has none (api_tokens_guard erases it). An expired one keeps it for a while, so
    -- that a client that presents it learns that it expired.
    constraint api_tokens_hash_while_alive check (
        (ended_at is null and secret_hash is not null)
        or ended_reason = 'expired'
        or (ended_at is not null and secret_hash is null))
);

create index api_tokens_owner_idx on testkase.api_tokens (user_id, id desc);
create index api_tokens_live_owner_idx on testkase.api_tokens (user_id, owner_generation) where ended_at is null;
create index api_tokens_live_expiry_idx on testkase.api_tokens (expires_at) where ended_at is null;
create index api_tokens_hash_to_erase_idx on testkase.api_tokens (ended_at)
    where ended_reason = 'expired' and secret_hash is not null;

-- The owner's generation and the times come from the account, PostgreSQL's clock and the policy, whatever values an INSERT has: a
-- token stated under a future generation would become valid when its owner is deactivated, or is active again. The lock keeps the
-- generation until the commit. A token succeeds one of the same owner.
create function testkase.api_tokens_stamp() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    select u.credential_generation into new.owner_generation
    from users u where u.id = new.user_id and u.status = 'active'
    for share;
    if not found then
        raise exception 'only an active account gets tokens'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_of_active_accounts';
    end if;
    if new.predecessor_id is not null
       and not exists (select from api_tokens p where p.id = new.predecessor_id and p.user_id = new.user_id) then
        raise exception 'a token succeeds one of the same owner'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_successor_of_own';
    end if;
    new.created_at := now();
    new.expires_at := new.created_at + new.expires_in_days * interval '86400 seconds';
    select new.created_at + p.rotate_on_day * interval '86400 seconds' into new.rotate_at
    from rotation_policy p where p.expires_in_days = new.expires_in_days;
    if new.rotate_at is null then
        raise exception 'a token lives 7, 30, 60, 90, 180 or 365 days'
            using errcode = 'check_violation', constraint = 'api_tokens_expires_in_days_check';
    end if;
    return new;
end
$$;

create trigger api_tokens_stamp before insert on testkase.api_tokens
    for each row execute function testkase.api_tokens_stamp();

-- A token never changes; it can only end, and only once. Its hash is erased when it ends, unless it expired. While it is live,
-- renew_token_hash(), and nothing else, may replace the hash by one of another cost.
create function testkase.api_tokens_guard() returns trigger
    language plpgsql set search_path = testkase, pg_temp
as $$
begin
    if new.id <> old.id or new.user_id <> old.user_id or new.owner_generation <> old.owner_generation
       or new.lookup_id <> old.lookup_id or new.preview <> old.preview or new.name <> old.name
       or new.expires_in_days <> old.expires_in_days or new.created_at <> old.created_at
       or new.expires_at <> old.expires_at or new.rotate_at <> old.rotate_at
       or new.predecessor_id is distinct from old.predecessor_id then
        raise exception 'a token cannot be changed'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_immutable';
    end if;
    if old.ended_at is null and new.ended_at is not null and new.ended_reason <> 'expired' then
        new.secret_hash := null;
    end if;
    if new.secret_hash is distinct from old.secret_hash
       and not (new.secret_hash is null and new.ended_at is not null)
       and not (old.ended_at is null and new.ended_at is null
                and is_renewal('api_token ' || old.id, old.secret_hash, new.secret_hash)) then
        raise exception 'a token''s hash can only be renewed at another cost, or erased when the token ends'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_hash_immutable';
    end if;
    if old.ended_at is not null
       and (new.ended_at is distinct from old.ended_at or new.ended_reason is distinct from old.ended_reason
            or new.ended_by is distinct from old.ended_by) then
        raise exception 'a token that has ended stays so'
            using errcode = 'integrity_constraint_violation', constraint = 'api_tokens_end_is_final';
    end if;
    return new;
end
$$;

create trigger api_tokens_guard before update on testkase.api_tokens
    for each row execute function testkase.api_tokens_guard();

create function testkase.api_tokens_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    changed bigint[];
begin
    select array_agg(a.id) into changed
    from after_rows a join before_rows b on b.id = a.id
    where a.ended_at is distinct from b.ended_at or a.rate_limit is distinct from b.rate_limit;
    if changed is not null then
        perform bump_auth_epoch(changed);
        perform notify_ids('testkase_tokens', 'tokenIds', changed);
    end if;
    return null;
end
$$;

create trigger api_tokens_changed after update on testkase.api_tokens
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.api_tokens_changed();
create trigger api_tokens_created after insert on testkase.api_tokens
    referencing new table as after_rows
    for each statement execute function testkase.notify_rows('testkase_tokens', 'tokenIds');
create trigger api_tokens_deleted after delete on testkase.api_tokens
    referencing old table as before_rows
    for each statement execute function testkase.rights_deleted();
create trigger api_tokens_truncated after truncate on testkase.api_tokens
    for each statement execute function testkase.rights_truncated();

alter table testkase.api_tokens
    enable always trigger api_tokens_changed,
    enable always trigger api_tokens_deleted,
    enable always trigger api_tokens_truncated;

-- Replaces the hash of a live token, whose secret has just been proven, with one of another cost, and records it; returns whether
-- it did.
create function testkase.renew_token_hash(of_token bigint, old_hash text, new_hash text) returns boolean
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    owner_id bigint;
begin
    perform mark_renewal('api_token ' || of_token);
    update api_tokens set secret_hash = new_hash
    where id = of_token and secret_hash = old_hash and ended_at is null
      and split_part(new_hash, '$', 4) <> split_part(old_hash, '$', 4)
    returning user_id into owner_id;
    perform mark_renewal('');
    if owner_id is null then
        return false;
    end if;
    insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
    select u.organization_id, 'system', 'api_key.hash_renewed', 'api_key', of_token,
           jsonb_build_object('cost', jsonb_build_array(split_part(old_hash, '$', 4), split_part(new_hash, '$', 4)))
    from users u where u.id = owner_id;
    return true;
end
$$;

grant execute on function testkase.renew_token_hash(bigint, text, text) to testkase_server;

-- Erases the hashes of up to `most` tokens that expired 30 days ago or earlier; returns how many.
create function testkase.erase_expired_hashes(most integer) returns bigint
    language sql security definer set search_path = testkase, pg_temp
as $$
    with batch as (
        select t.id
        from api_tokens t
        where t.ended_reason = 'expired' and t.secret_hash is not null and t.ended_at <= now() - interval '30 days'
        order by t.ended_at
        limit most
        for update skip locked
    ), erased as (
        update api_tokens t set secret_hash = null
        from batch b
        where t.id = b.id
        returning t.id
    )
    select count(*) from erased
$$;

grant execute on function testkase.erase_expired_hashes(integer) to testkase_worker;

-- The tokens that erase_expired_hashes() has to do with, and when each expired, for a role that may not see the hashes.
create view testkase.hashes_to_erase as
    select id, ended_at from testkase.api_tokens where ended_reason = 'expired' and secret_hash is not null;

grant select on testkase.hashes_to_erase to testkase_worker;

grant select on testkase.api_tokens to testkase_server;
grant insert (user_id, lookup_id, secret_hash, preview, name, expires_in_days, predecessor_id)
    on testkase.api_tokens to testkase_server;
grant update (ended_at, ended_reason, ended_by, rate_limit) on testkase.api_tokens to testkase_server;
grant select (id, user_id, owner_generation, preview, name, expires_in_days, created_at, expires_at, rotate_at,
              predecessor_id, ended_at, ended_reason)
    on testkase.api_tokens to testkase_worker;
grant update (ended_at, ended_reason) on testkase.api_tokens to testkase_worker;

-- --- last use ---

-- A table of its own, so that the writes that every call causes never touch the rows that decide whether a token is valid.
create table testkase.api_token_last_used (
    token_id bigint primary key references testkase.api_tokens,
    used_at timestamptz not null,
    address inet,
    client text check (char_length(client) <= 64)
) with (fillfactor = 70);

grant select on testkase.api_token_last_used to testkase_server;
grant insert (token_id, used_at, address, client), update (used_at, address, client)
    on testkase.api_token_last_used to testkase_server;
grant select on testkase.api_token_last_used to testkase_worker;

-- --- tokens as they are shown ---

-- The state of a token at this moment, whether or not the worker has already recorded that it ended.
create view testkase.api_token_states as
    select t.id,
           case
               when t.ended_at is not null and t.ended_reason = 'expired' then 'expired'
               when t.ended_at is not null or t.owner_generation <> u.credential_generation then 'revoked'
               when t.expires_at <= now() then 'expired'
               else 'active'
           end as status,
           case
               when t.ended_at is not null then t.ended_at
               when t.owner_generation <> u.credential_generation then u.status_changed_at
               when t.expires_at <= now() then t.expires_at
           end as ended_at,
           case
               when t.ended_at is not null then t.ended_reason
               when t.owner_generation <> u.credential_generation then
                   case u.status when 'deleted' then 'owner_deleted' else 'owner_deactivated' end
               when t.expires_at <= now() then 'expired'
           end as ended_reason
    from testkase.api_tokens t
    join testkase.users u on u.id = t.user_id;

grant select on testkase.api_token_states to testkase_server;

-- A token as the API shows it, under the API's names, with its owner's id and its own rate limit. Like any view, it does not see
-- rows that the same statement inserts.
create view testkase.shown_tokens as
    select t.id, t.user_id, t.name, t.preview as "tokenPreview", testkase.rfc3339(t.created_at) as "createdAt",
           testkase.rfc3339(t.expires_at) as "expiresAt", t.expires_in_days as "expiresInDays",
           testkase.rfc3339(t.rotate_at) as "rotateAt", testkase.rfc3339(l.used_at) as "lastUsedAt",
           host(l.address) as "lastUsedIp", s.status, testkase.rfc3339(s.ended_at) as "endedAt",
           s.ended_reason as "endedReason", t.predecessor_id as "predecessorId", n.id as "successorId", t.rate_limit
    from testkase.api_tokens t
    join testkase.api_token_states s on s.id = t.id
    left join testkase.api_token_last_used l on l.token_id = t.id
    left join testkase.api_tokens n on n.predecessor_id = t.id;

grant select on testkase.shown_tokens to testkase_server;

-- --- rotation reminders ---

-- One reminder per token: scheduled until its day, then due until its owner acknowledges it, and closed when the token ends.
create table testkase.rotation_reminders (
    id bigint generated always as identity primary key,
    token_id bigint not null unique references testkase.api_tokens,
    user_id bigint not null references testkase.users,
    due_at timestamptz not null,
    state text not null default 'scheduled' check (state in ('scheduled', 'due', 'acknowledged', 'closed')),
    state_changed_at timestamptz not null default now()
);

create index rotation_reminders_scheduled_idx on testkase.rotation_reminders (due_at) where state = 'scheduled';
create index rotation_reminders_user_idx on testkase.rotation_reminders (user_id, id desc);

create trigger rotation_reminders_changed after update on testkase.rotation_reminders
    referencing new table as after_rows
    for each statement execute function testkase.notify_rows('testkase_reminders', 'reminderIds');

grant select on testkase.rotation_reminders to testkase_server;
grant insert (token_id, user_id, due_at) on testkase.rotation_reminders to testkase_server;
grant select on testkase.rotation_reminders to testkase_worker;
grant update (state, state_changed_at) on testkase.rotation_reminders to testkase_server, testkase_worker;
