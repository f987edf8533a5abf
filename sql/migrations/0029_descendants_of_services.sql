-- An admin's token makes tokens of service accounts, too: whoever deletes it with what it made deletes those.
-- oldest-program: 14

-- Ends the live ones among some tokens, and on request the live tokens that they made: erases their hashes and closes their
-- reminders. The order matters: each step of a volatile function reads what is there by then. A token that makes another at the
-- same moment has to be waited for, and what it made is no part of what the calling statement sees; so descendants are looked for
-- until there are none. A token that has ended makes no more.
-- A plan for one token is a bad one for thousands, so none is kept.
-- of_user: the owner of the chosen ones, or null for any; descendants are of any owner
create or replace function testkase.end_tokens(of_user bigint, chosen bigint[], with_descendants boolean, by_user bigint,
                                               reason text, note text)
    returns table (id bigint, user_id bigint, organization_id bigint, name text, preview text)
    language plpgsql volatile
    set search_path = testkase, pg_temp
    set plan_cache_mode = force_custom_plan
as $$
#variable_conflict use_column
declare
    roots bigint[];
    doomed bigint[] := chosen;
begin
    loop
        return query
        with ended as (
            update api_tokens t
            set ended_at = now(), ended_reason = reason, ended_by = by_user, ended_note = note
            from unnest(doomed) d (id), users u
            where t.id = d.id and u.id = t.user_id and (roots is not null or of_user is null or t.user_id = of_user)
              and t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
            returning t.id, t.user_id, u.organization_id, t.name, t.preview
        ), closed as (
            update rotation_reminders r set state = 'closed', state_changed_at = now()
            from ended e
            where r.token_id = e.id and r.state <> 'closed'
        )
        select e.id, e.user_id, e.organization_id, e.name, e.preview from ended e;
        if roots is null then
            exit when not found or with_descendants is not true;
            roots := chosen;
        end if;
        doomed := array(select d.id from unnest(roots) r (id) cross join descendants_of(r.id) d);
        exit when cardinality(doomed) = 0;
    end loop;
end
$$;
