-- What tells a restored database from the one that was backed up, and what makes it fit for work: `testkase-admin backup check`.
-- oldest-program: 14

-- --- histories ---

-- Where this database goes on from: a restore, a recovery to a point in time, a standby that took over and a copy each begin
-- another history, in which the last commits of the old one may never have been. A row says that an operator knows of it.
create table testkase.histories (
    id bigint generated always as identity primary key,
    began_at timestamptz not null default now(),
    cluster text not null,
    timeline text not null,
    database text not null
);

-- The history that goes on now: the cluster's identifier, the timeline of its log, and the ids of the database and of the table
-- of the epoch, which a restore in place makes anew. A part that a managed PostgreSQL does not tell is "unknown".
create function testkase.present_history(out cluster text, out timeline text, out database text)
    language plpgsql stable set search_path = testkase, pg_temp
as $$
begin
    begin
        select s.system_identifier::text into cluster from pg_control_system() s;
    exception
        when insufficient_privilege or undefined_function or feature_not_supported then cluster := 'unknown';
    end;
    begin
        timeline := left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
    exception
        when insufficient_privilege or undefined_function or feature_not_supported then timeline := 'unknown';
    end;
    select d.oid || '/' || 'testkase.auth_epoch'::regclass::oid into database
    from pg_database d where d.datname = current_database();
end
$$;

insert into testkase.histories (cluster, timeline, database)
select h.cluster, h.timeline, h.database from testkase.present_history() h;

-- --- identity columns ---

-- Of each identity column: the number that it gives next, and the greatest that its table has.
create function testkase.identity_columns()
    returns table (table_name text, column_name text, sequence_name regclass, next_number bigint, greatest_number bigint)
    language plpgsql stable set search_path = testkase, pg_temp
as $$
declare
    identity record;
begin
    for identity in
        select c.relname::text as table_name, a.attname::text as column_name, d.objid::regclass as sequence_name,
               coalesce(pg_sequence_last_value(d.objid) + s.seqincrement, s.seqstart) as next_number
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attidentity <> ''
        join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid = a.attnum
                            and d.classid = 'pg_class'::regclass and d.deptype = 'i'
        join pg_sequence s on s.seqrelid = d.objid
        where c.relnamespace = 'testkase'::regnamespace and not c.relispartition
        order by c.relname
    loop
        table_name := identity.table_name;
        column_name := identity.column_name;
        sequence_name := identity.sequence_name;
        next_number := identity.next_number;
        execute format('select max(%I) from testkase.%I', column_name, table_name) into greatest_number;
        return next;
    end loop;
end
$$;

-- --- after a restore ---

-- An event of the audit log that says that something ended, after the backup was made that the database was restored from.
create type testkase.lost_event as (
    action text,
    organization_id bigint,
    target_id bigint,
    occurred_at timestamptz,
    made_at timestamptz, -- of that id's creation, when the log tells of it
    preview text,        -- of a token; null when the log does not tell, and so may be what follows
    owner_id bigint,
    reason text,
    org_role text,
    member_id bigint, -- in a project
    role text
);

revoke usage on type testkase.lost_event from public;

-- The end of the time that an event may be of: the API tells whole seconds, the log itself microseconds.
create function testkase.latest(told timestamptz) returns timestamptz
    language sql immutable
    return told + case when date_trunc('second', told) = told then interval '1 second' else interval '0' end;

-- Whether a row of that time may be what the event is about. Ids are given again after a restore, so it must be older than the
-- event and, when the log tells of the creation, of that time.
create function testkase.is_of_event(made timestamptz, event testkase.lost_event) returns boolean
    language sql immutable
    return made <= testkase.latest((event).occurred_at)
           and coalesce(made between (event).made_at and testkase.latest((event).made_at), true);

-- Whether an event of the database itself, with one of these actions, is at least as late: then it decides and not the lost one.
create function testkase.is_decided(event testkase.lost_event, by_actions text[]) returns boolean
    language sql stable set search_path = testkase, pg_temp
as $$
    select exists (select from audit_events a
                   where a.target_kind = split_part((event).action, '.', 1) and a.target_id = (event).target_id
                     and a.action = any (by_actions) and a.occurred_at >= (event).occurred_at
                     and a.occurred_at <> now() -- this transaction's own
                     and ((event).member_id is null or a.detail ->> 'userId' = (event).member_id::text))
$$;

-- The outcomes of the next three are those of end_again().

create function testkase.end_token_again(event testkase.lost_event, out name text, out outcome text)
    language plpgsql volatile set search_path = testkase, pg_temp
as $$
declare
    token record;
begin
    select t.id, t.name, t.preview, t.user_id, t.created_at, t.ended_at, u.organization_id into token
    from api_tokens t join users u on u.id = t.user_id
    where t.id = event.target_id
    for no key update of t;
    if not found or not is_of_event(token.created_at, event) then
        outcome := 'unknown';
        return;
    end if;
    name := token.name;
    if token.organization_id <> event.organization_id or token.preview <> event.preview or token.user_id <> event.owner_id then
        outcome := 'mismatch';
    elsif token.ended_at is not null then
        outcome := 'already';
    else
        update api_tokens t
        set ended_at = case event.action when 'api_key.expired' then least(t.expires_at, now()) else now() end,
            ended_reason = case
                when event.action = 'api_key.expired' then 'expired'
                when event.reason in ('leaked', 'owner_deactivated', 'owner_deleted') then event.reason
                else 'revoked'
            end,
            ended_note = 'It had ended at ' || rfc3339(event.occurred_at) || ', before the database was restored.'
        where t.id = token.id;
        update rotation_reminders r set state = 'closed', state_changed_at = now()
        where r.token_id = token.id and r.state <> 'closed';
        outcome := 'ended';
    end if;
end
$$;

create function testkase.end_account_again(event testkase.lost_event, out name text, out outcome text)
    language plpgsql volatile set search_path = testkase, pg_temp
as $$
declare
    account record;
begin
    select u.id, u.email, u.organization_id, u.org_role, u.status, u.status_changed_at, u.created_at into account
    from users u
    where u.id = event.target_id
    for no key update;
    if not found or not is_of_event(account.created_at, event) then
        outcome := 'unknown';
        return;
    end if;
    name := account.email;
    outcome := 'already';
    if account.organization_id <> event.organization_id then
        outcome := 'mismatch';
    elsif account.status = 'deleted' or is_decided(event, case
              when event.action = 'user.updated' then array['user.updated']
              when event.action like 'user.password%' then array['user.password_changed', 'user.password_set']
              else array['user.deactivated', 'user.deleted', 'user.reactivated']
          end) then
        null;
    elsif event.action like 'user.password%' then
        -- The password that was replaced must not count again; the new one is lost.
        update users u set password_hash = null where u.id = account.id and u.password_hash is not null;
        outcome := case when found then 'ended' else 'already' end;
    elsif event.action = 'user.updated' then
        update users u set org_role = event.org_role
        where u.id = account.id and u.org_role = 'admin' and event.org_role = 'member';
        outcome := case when found then 'ended' else 'already' end;
    elsif event.action = 'user.reactivated' then
        -- Only after a deactivation that this transaction made again: it ended the account's tokens, and ends no more.
        update users u set status = 'active'
        where u.id = account.id and u.status = 'deactivated' and u.status_changed_at = now();
    elsif account.org_role = 'owner' then
        outcome := 'is_owner';
    elsif event.action = 'user.deleted' or account.status = 'active' then
        update users u set status = split_part(event.action, '.', 2) where u.id = account.id;
        outcome := 'ended';
    end if;
    if outcome = 'ended' then
        delete from sessions s where s.user_id = account.id and event.action <> 'user.updated';
    end if;
end
$$;

create function testkase.end_member_again(event testkase.lost_event, out name text, out outcome text)
    language plpgsql volatile set search_path = testkase, pg_temp
as $$
declare
    member record;
    roles constant text[] := array['guest', 'user', 'project_admin'];
begin
    select m.project_id, m.user_id, m.role, m.organization_id, m.created_at, u.email into member
    from project_members m join users u on u.id = m.user_id
    where m.project_id = event.target_id and m.user_id = event.member_id
    for update of m;
    if not found or not is_of_event(member.created_at, event) then
        outcome := 'unknown';
        return;
    end if;
    name := member.email;
    outcome := 'already';
    if member.organization_id <> event.organization_id then
        outcome := 'mismatch';
    elsif is_decided(event, array['project.member_set', 'project.member_removed']) then
        null;
    elsif event.action = 'project.member_removed' then
        delete from project_members m where m.project_id = member.project_id and m.user_id = member.user_id;
        outcome := 'ended';
    elsif array_position(roles, event.role) < array_position(roles, member.role) then
        update project_members m set role = event.role where m.project_id = member.project_id and m.user_id = member.user_id;
        outcome := 'ended';
    end if;
end
$$;

-- Ends again what events of the audit log say has ended, in their order. Each event is an object with the members action,
-- organizationId, targetId, occurredAt and, where they apply, preview, ownerId, reason, orgRole, memberId, role. Ended tokens and
-- deactivated and deleted accounts end again; a password that was replaced no longer counts; roles are reduced or taken away
-- again. Nothing is given back, except that an account that was active again at the end is so. Run twice, it changes nothing.
-- outcome: ended | already | unknown: made after the backup, or no more there | mismatch: the row that has the id is not the one
-- that the event is about | is_owner: the owner of an organization can be neither deactivated nor deleted
create function testkase.end_again(events json)
    returns table (action text, id bigint, name text, outcome text)
    language plpgsql volatile set search_path = testkase, pg_temp
as $$
declare
    event testkase.lost_event;
begin
    for event in
        with told as (
            select e.action, split_part(e.action, '.', 1) as kind, e."organizationId" as organization_id,
                   e."targetId" as target_id, e."occurredAt" as occurred_at, e.preview, e."ownerId" as owner_id, e.reason,
                   e."orgRole" as org_role, e."memberId" as member_id, e.role,
                   e.action like 'project.member%' or (e.action = 'user.updated' and e."orgRole" is not null) as is_role
            from json_to_recordset(events) as e (action text, "organizationId" bigint, "targetId" bigint,
                                                 "occurredAt" timestamptz, preview text, "ownerId" bigint, reason text,
                                                 "orgRole" text, "memberId" bigint, role text)
        ), seen as (
            select t.action, t.organization_id, t.target_id, t.occurred_at,
                   max(t.occurred_at) filter (where t.action in ('api_key.created', 'user.created'))
                       over (partition by t.kind, t.target_id order by t.occurred_at) as made_at,
                   t.preview, t.owner_id, t.reason, t.org_role, t.member_id, t.role, t.is_role,
                   max(t.occurred_at) filter (where t.is_role)
                       over (partition by t.kind, t.target_id, t.member_id) as last_role_at
            from told t
        )
        select s.action, s.organization_id, s.target_id, s.occurred_at, s.made_at, s.preview, s.owner_id, s.reason, s.org_role,
               s.member_id, s.role
        from seen s
        where s.action in ('api_key.revoked', 'api_key.expired', 'user.deactivated', 'user.deleted', 'user.reactivated',
                           'user.password_changed', 'user.password_set')
           or (s.is_role and s.occurred_at = s.last_role_at) -- the last role counts, whatever was between
        order by s.occurred_at, s.action, s.target_id
    loop
        action := event.action;
        id := coalesce(event.member_id, event.target_id);
        if event.action like 'api\_key.%' then
            select a.name, a.outcome into name, outcome from end_token_again(event) a;
        elsif event.action like 'user.%' then
            select a.name, a.outcome into name, outcome from end_account_again(event) a;
        else
            select a.name, a.outcome into name, outcome from end_member_again(event) a;
        end if;
        if outcome = 'ended' then
            insert into audit_events (organization_id, actor_kind, action, target_kind, target_id, detail)
            values (event.organization_id, 'operator', event.action, split_part(event.action, '.', 1), event.target_id,
                    jsonb_strip_nulls(jsonb_build_object(
                        'endedBeforeRestore', rfc3339(event.occurred_at), 'ownerId', event.owner_id, 'reason', event.reason,
                        'orgRole', case when event.action = 'user.updated' then jsonb_build_array('admin', event.org_role) end,
                        'userId', event.member_id, 'role', event.role)));
        end if;
        return next;
    end loop;
end
$$;

-- --- the audit trail outside ---

-- As before, and at its end what end_again() needs to know: no names, no addresses.
create or replace view ops.audit_trail as
    select e.id, e.occurred_at, e.organization_id, o.name as organization, e.actor_kind, e.actor_user_id, a.email as actor_email,
           e.actor_token_id, e.action, e.target_kind, e.target_id, e.request_id, e.address,
           (e.detail ->> 'ownerId')::bigint as owner_id,
           case e.action when 'api_key.revoked' then e.detail ->> 'reason' end as reason,
           case e.target_kind when 'project' then (e.detail ->> 'userId')::bigint end as member_id,
           case e.target_kind when 'project' then e.detail ->> 'role' end as role,
           e.detail -> 'orgRole' ->> 1 as org_role
    from testkase.audit_events e
    left join testkase.organizations o on o.id = e.organization_id
    left join testkase.users a on a.id = e.actor_user_id;

comment on view ops.audit_trail is
    'What was changed, when and by whom; without other details, which can hold names and addresses. Copies of it that are kept '
    'elsewhere tell after a restore what had ended: testkase-admin backup check --revoked-since.';
comment on column ops.audit_trail.owner_id is 'Id of the account that the token belongs to.';
comment on column ops.audit_trail.reason is 'Why a token ended: revoked, leaked, owner_deactivated or owner_deleted.';
comment on column ops.audit_trail.member_id is 'Id of the account whose role in the project was changed.';
comment on column ops.audit_trail.role is 'Its new role there, or the one that it lost.';
comment on column ops.audit_trail.org_role is 'New role of the account in the organization.';
