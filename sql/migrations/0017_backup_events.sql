-- A copy of the audit log may have an event many times; a change of a name says nothing about a role.
-- oldest-program: 14

-- As before, and of the events that change an account only those that change its role decide about that.
create or replace function testkase.is_decided(event testkase.lost_event, by_actions text[]) returns boolean
    language sql stable set search_path = testkase, pg_temp
as $$
    select exists (select from audit_events a
                   where a.target_kind = split_part((event).action, '.', 1) and a.target_id = (event).target_id
                     and a.action = any (by_actions) and a.occurred_at >= (event).occurred_at
                     and a.occurred_at <> now() -- this transaction's own
                     and ((event).action <> 'user.updated' or a.detail ? 'orgRole')
                     and ((event).member_id is null or a.detail ->> 'userId' = (event).member_id::text))
$$;

-- As before, and each event once.
create or replace function testkase.end_again(events json)
    returns table (action text, id bigint, name text, outcome text)
    language plpgsql volatile set search_path = testkase, pg_temp
as $$
declare
    event testkase.lost_event;
begin
    for event in
        with told as (
            select distinct e.action, split_part(e.action, '.', 1) as kind, e."organizationId" as organization_id,
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
