-- Of two clients that share a token, the finding says "both".
-- oldest-program: 14

create or replace function testkase.findings_of(of_user bigint)
    returns table (rank integer, practice text, token_id bigint, token_name text, evidence_key text, evidence text, remedy text)
    language sql stable
as $$
    with live as materialized (
        select t.id, t.name, t.created_at, t.expires_at, t.expires_in_days, r.state, l.used_at, u.kind, u.org_role,
               w.clients, w.pipeline, w.writes, w.calls
        from testkase.api_tokens t
        join testkase.api_token_rotations r on r.id = t.id
        join testkase.api_token_states s on s.id = t.id
        join testkase.users u on u.id = t.user_id
        left join testkase.api_token_last_used l on l.token_id = t.id
        left join testkase.recent_use(of_user) w on w.token_id = t.id
        where t.user_id = of_user and s.status = 'active'
    )
    select 1, 'ended_still_presented', t.id, t.name, p.evidence_key,
           'It was presented ' || testkase.counted(p.calls, 'time') || ' since ' || testkase.on_day(p.first_at) || ', last '
           || testkase.ago(p.last_at) || ', by ' || testkase.place_words(p.client, p.address)
           || case when p.clients > 1 then ' and ' || testkase.counted(p.clients - 1, 'other client') else '' end || '.',
           'Give that client a token that is valid, or find out who has the old one.'
    from testkase.still_presented(of_user) p
    join testkase.api_tokens t on t.id = p.token_id
    where p.calls >= 3 -- a call or two is somebody who tries whether the token is really gone
    union all
    select 2, 'rotation_due', id, name, state,
           'It expires on ' || testkase.on_day(expires_at) || ' and has no successor.', 'Rotate it before it expires.'
    from live where state in ('due', 'overdue')
    union all
    -- A few names and a digest: clients choose their names, and a token may have seen thousands of them.
    select 3, 'shared', id, name, testkase.digest_of(array_to_string(clients, ', ')),
           case when cardinality(clients) = 2 then clients[1] || ' and ' || clients[2] || ' both'
                when cardinality(clients) > 5
                then array_to_string(clients[:5], ', ') || ' and ' || testkase.counted(cardinality(clients) - 5, 'other client')
                     || ' all'
                else array_to_string(clients, ', ') || ' all' end || ' used it in the last 7 days.',
           'Make one token for each of them, so that one can end without the others.'
    from live where cardinality(clients) > 1
    union all
    select 4, 'personal_token_in_ci', id, name, pipeline,
           pipeline || ' uses it, and it ends when you leave.',
           'Have an admin make a service account, and give the pipeline a token of that account.'
    from live where kind = 'person' and pipeline is not null
    union all
    select 5, 'read_only_admin', id, name, org_role,
           'It can do all that you can as ' || org_role || ', and in 30 days it only read.',
           'Make it a token of an account that may only read.'
    from live
    where org_role in ('owner', 'admin') and not writes and calls >= 10 and created_at < now() - interval '7 days'
    union all
    select 6, 'longer_than_needed', l.id, l.name, testkase.rfc3339(l.used_at),
           'All its calls came within ' || testkase.counted(greatest(1, n.days), 'day') || ', and it is valid for '
           || l.expires_in_days || ' days.',
           'Delete it; next time, ' || case when n.days < 7 then 7 else 30 end || ' days are enough.'
    from live l
    cross join lateral (
        select ceil(extract(epoch from l.used_at - min(u.hour)) / 86400)::integer as days
        from testkase.api_token_usage u
        where u.token_id = l.id and testkase.is_let_in(u.status)
    ) n
    where l.expires_in_days >= 60 and l.state <> 'overlap' and l.used_at < now() - interval '14 days'
      and l.used_at >= now() - interval '30 days' and n.days < 30 and l.created_at < now() - interval '14 days'
    union all
    select 7, 'unused', id, name, testkase.rfc3339(used_at), 'It was last used ' || testkase.ago(used_at) || '.',
           'Delete it, if nothing needs it any more.'
    from live where used_at < now() - interval '30 days' and state <> 'overlap'
    union all
    select 8, 'never_used', id, name, '',
           'It was made ' || testkase.ago(created_at) || ' and never used.', 'Put it to use, or delete it.'
    from live where used_at is null and created_at <= now() - interval '7 days' and state <> 'overlap'
    union all
    select 9, 'poor_name', id, name, name, 'Its name does not tell what breaks when it is deleted.',
           'Generate one that is named after its pipeline and environment, switch to it, and delete this one.'
    from live where testkase.says_nothing(name)
$$;
