-- Makes up to 200 scheduled reminders due whose day has come, and notifies the tokens' owners. The reminder of a token that is
-- no longer live, whether or not the worker has recorded that yet, is closed instead.
-- → how many rows it changed
with batch as (
    select r.id, r.user_id, r.due_at, t.id as token_id, t.name, t.expires_at, t.expires_in_days, u.organization_id,
           t.ended_at is null and t.expires_at > now() and t.owner_generation = u.credential_generation
           and u.status = 'active' as alive
    from rotation_reminders r
    join api_tokens t on t.id = r.token_id
    join users u on u.id = t.user_id
    where r.state = 'scheduled' and r.due_at <= now()
    order by r.due_at
    limit 200
    for share of u skip locked
    for update of r skip locked
), moved as (
    update rotation_reminders r
    set state = case when b.alive then 'due' else 'closed' end, state_changed_at = now()
    from batch b
    where r.id = b.id
    returning r.id, r.state
), noticed as (
    insert into outbox (organization_id, user_id, topic, payload)
    select b.organization_id, b.user_id, 'rotation.due',
           jsonb_build_object('reminderId', b.id, 'apiKeyId', b.token_id, 'name', b.name, 'expiresInDays', b.expires_in_days,
                              'dueAt', rfc3339(b.due_at), 'expiresAt', rfc3339(b.expires_at))
    from batch b
    join moved m on m.id = b.id
    where m.state = 'due'
)
select count(*) from moved;
