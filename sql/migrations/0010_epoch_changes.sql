-- What each epoch was bumped for, so that a server that has missed some forgets only the tokens they were about.

-- Whoever bumps the epoch holds its row until the commit, so a snapshot that has an epoch has what is noted of it and of all before
-- it. Only the last ones are kept: a server that is further behind forgets everything.
create table testkase.auth_changes (
    epoch bigint primary key,
    token_ids bigint[] -- null: whatever a server knows may have changed
);

grant select on testkase.auth_changes to testkase_server;

create function testkase.bump_auth_epoch(changed_tokens bigint[]) returns void
    language sql security definer
    set search_path = testkase, pg_temp
begin atomic
    with bumped as (
        update testkase.auth_epoch set epoch = auth_epoch.epoch + 1
        returning auth_epoch.epoch
    ), trimmed as (
        -- A hundred at a time: while somebody holds an old snapshot, each time passes over all that were deleted since.
        delete from testkase.auth_changes c using bumped b
        where b.epoch % 100 = 0 and c.epoch <= b.epoch - 1000
    )
    insert into testkase.auth_changes (epoch, token_ids)
    select b.epoch, case when cardinality(changed_tokens) <= 1000 then changed_tokens end
    from bumped b;
end;

create or replace function testkase.api_tokens_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
declare
    changed bigint[];
begin
    select array_agg(a.id) into changed
    from after_rows a join before_rows b on b.id = a.id
    where a.ended_at is distinct from b.ended_at or a.rate_limit is distinct from b.rate_limit;
    if changed is not null then
        perform testkase.bump_auth_epoch(changed);
        perform pg_notify('testkase_tokens', json_build_object('tokenIds', changed[1:50])::text);
    end if;
    return null;
end
$$;

create or replace function testkase.users_changed() returns trigger
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
        perform testkase.bump_auth_epoch(null);
        perform pg_notify('testkase_users', json_build_object('userIds', changed[1:50])::text);
    end if;
    return null;
end
$$;

create or replace function testkase.organizations_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if exists (select from after_rows a join before_rows b on b.id = a.id
               where (a.name, a.tokens_may_create_tokens, a.default_rate_limit)
                     is distinct from (b.name, b.tokens_may_create_tokens, b.default_rate_limit)) then
        perform testkase.bump_auth_epoch(null);
    end if;
    return null;
end
$$;

drop function testkase.bump_auth_epoch();

-- The programs delete none of these rows; should an operator do so, that takes rights away, too.
create function testkase.rights_deleted() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if exists (select from before_rows) then
        perform testkase.bump_auth_epoch(null);
    end if;
    return null;
end
$$;

create trigger api_tokens_deleted after delete on testkase.api_tokens
    referencing old table as before_rows
    for each statement execute function testkase.rights_deleted();
create trigger users_deleted after delete on testkase.users
    referencing old table as before_rows
    for each statement execute function testkase.rights_deleted();

comment on view ops.workers is
    'Workers and when each gave its last sign of life; testkase-admin status takes a minute of silence for an outage.';
