-- One page of the reminders of the caller's own tokens, and of those that the caller is told about; the most urgent first.
-- takes: caller, state, cursor, cursor_key, limit
-- state: due | acknowledged | all; cursor and cursor_key: id and sort number of the last row of the page before, or null
-- → of each: the cursor, and the reminder
with page as (
    select r.id, (extract(epoch from t.expires_at) * 1000000)::bigint as number
    from reminded_of(:caller::bigint) m
    join rotation_reminders r on r.user_id = m.account and r.state in ('due', 'acknowledged')
    join api_tokens t on t.id = r.token_id
)
select p.number || '.' || r.id as cursor, r.id, r."apiKeyId", r."apiKeyName", r."tokenPreview", r."ownerId", r."ownerName",
       r.stage, r.state, r."dueAt", r."nextAt", r."expiresAt", r."successorId"
from page p
join shown_reminders r on r.id = p.id
where (:state = 'all' or r.state = :state)
  and (:cursor::bigint is null or (p.number, p.id) > (:cursor_key::bigint, :cursor::bigint))
order by p.number, p.id
limit :limit::integer;
