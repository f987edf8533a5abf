-- The epoch: one row, bumped in the same transaction by every change that can take a right away or alter what a caller is.
-- A server that has read a token's state under an epoch knows that the state still holds while the epoch is the same.
-- A row and not a sequence: a sequence moves before the commit, so a server could pair the new number with the old state.

create table testkase.auth_epoch (
    only_row boolean primary key default true check (only_row),
    epoch bigint not null
) with (fillfactor = 10);

insert into testkase.auth_epoch (epoch) values (1);

grant select on testkase.auth_epoch to testkase_server;

create function testkase.bump_auth_epoch() returns void
    language sql security definer
    set search_path = testkase, pg_temp
begin atomic
    update testkase.auth_epoch set epoch = epoch + 1;
end;

-- Channels carry ids, so that a listener knows where to look; who lost a notification finds the same by a scan.
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
        perform testkase.bump_auth_epoch();
        perform pg_notify('testkase_tokens', json_build_object('tokenIds', changed[1:50])::text);
    end if;
    return null;
end
$$;

create trigger api_tokens_changed after update on testkase.api_tokens
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.api_tokens_changed();

create function testkase.api_tokens_created() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if exists (select from after_rows) then
        perform pg_notify('testkase_tokens', json_build_object('tokenIds',
                          (select array_agg(id) from (select id from after_rows limit 50) few))::text);
    end if;
    return null;
end
$$;

create trigger api_tokens_created after insert on testkase.api_tokens
    referencing new table as after_rows
    for each statement execute function testkase.api_tokens_created();

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
        perform testkase.bump_auth_epoch();
        perform pg_notify('testkase_users', json_build_object('userIds', changed[1:50])::text);
    end if;
    return null;
end
$$;

create trigger users_changed after update on testkase.users
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.users_changed();

create function testkase.organizations_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if exists (select from after_rows a join before_rows b on b.id = a.id
               where (a.name, a.tokens_may_create_tokens, a.default_rate_limit)
                     is distinct from (b.name, b.tokens_may_create_tokens, b.default_rate_limit)) then
        perform testkase.bump_auth_epoch();
    end if;
    return null;
end
$$;

create trigger organizations_changed after update on testkase.organizations
    referencing old table as before_rows new table as after_rows
    for each statement execute function testkase.organizations_changed();

create function testkase.rotation_reminders_changed() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform pg_notify('testkase_reminders', json_build_object('reminderIds',
                      (select array_agg(id) from (select id from after_rows limit 50) few))::text)
    where exists (select from after_rows);
    return null;
end
$$;

create trigger rotation_reminders_changed after update on testkase.rotation_reminders
    referencing new table as after_rows
    for each statement execute function testkase.rotation_reminders_changed();

create function testkase.outbox_added() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform pg_notify('testkase_outbox', json_build_object('outboxIds',
                      (select array_agg(id) from (select id from after_rows limit 50) few))::text)
    where exists (select from after_rows);
    return null;
end
$$;

create trigger outbox_added after insert on testkase.outbox
    referencing new table as after_rows
    for each statement execute function testkase.outbox_added();
