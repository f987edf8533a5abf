-- The epoch: by it a server knows whether what it has read about a token still holds.

-- One row. Every change that can take a right away, or alter a caller's data, increments it in its own transaction. A state
-- that a server has read under an epoch holds as long as the epoch is the same. It is a row, not a sequence: a sequence moves
-- before the commit, so a server could pair the new number with the old state.
create table testkase.auth_epoch (
    only_row boolean primary key default true check (only_row),
    epoch bigint not null
) with (fillfactor = 10);

insert into testkase.auth_epoch (epoch) values (1);

grant select on testkase.auth_epoch to testkase_server;

-- The tokens that each epoch concerns, so that a server that missed some epochs forgets only those tokens. The transaction
-- that increments the epoch locks its row until the commit, so a snapshot with an epoch has the changes of that epoch and of
-- all earlier ones. Old rows are deleted: a server that is further behind forgets everything.
create table testkase.auth_changes (
    epoch bigint primary key,
    token_ids bigint[] -- null: anything that a server knows may have changed
);

grant select on testkase.auth_changes to testkase_server;

-- The most changes that a server catches up with; beyond it, the server forgets everything. It bounds three things: the epochs
-- that are kept, the tokens of one epoch (with more, token_ids is null), and the rows that a server reads at once.
create function testkase.auth_changes_max() returns integer
    language sql immutable parallel safe
    return 1000;

grant execute on function testkase.auth_changes_max() to testkase_server;

-- Starts the next epoch, for a change that concerns these tokens; null: anything.
create function testkase.bump_auth_epoch(changed_tokens bigint[]) returns void
    language sql security definer
    set search_path = testkase, pg_temp
begin atomic
    with bumped as (
        update testkase.auth_epoch set epoch = auth_epoch.epoch + 1
        returning auth_epoch.epoch
    ), trimmed as (
        -- A hundred at a time: while an old snapshot is held, each deletion must pass over all rows deleted since.
        delete from testkase.auth_changes c using bumped b
        where b.epoch % 100 = 0 and c.epoch <= b.epoch - testkase.auth_changes_max()
    )
    insert into testkase.auth_changes (epoch, token_ids)
    select b.epoch, case when cardinality(changed_tokens) <= testkase.auth_changes_max() then changed_tokens end
    from bumped b;
end;

-- Triggers of the tables that decide whether a token is valid and whose. Those that increment the epoch, and the guard of users,
-- are enabled always: they also fire while session_replication_role is replica, which tools set to load data quickly.

-- Trigger for tables from which no program deletes rows: if an operator does, that takes rights away, too.
create function testkase.rights_deleted() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    if exists (select from before_rows) then
        perform bump_auth_epoch(null);
    end if;
    return null;
end
$$;

-- Trigger: the same for TRUNCATE.
create function testkase.rights_truncated() returns trigger
    language plpgsql security definer set search_path = testkase, pg_temp
as $$
begin
    perform bump_auth_epoch(null);
    return null;
end
$$;
