-- Rows that no program of ours writes, and that would let in what should be kept out.
-- → finding
select format('%s token(s) of accounts that are not active would be accepted, the first is %s', count(t.id), min(t.id)) as finding
from api_tokens t
join users u on u.id = t.user_id
where t.ended_at is null and t.expires_at > now() and u.status <> 'active' and t.owner_generation = u.credential_generation
having count(t.id) > 0
union all
select format('%s token(s) are of a generation that their owner has not reached, the first is %s', count(t.id), min(t.id))
from api_tokens t
join users u on u.id = t.user_id
where t.owner_generation > u.credential_generation
having count(t.id) > 0
union all
select format('%s token(s) that have ended still have a hash, the first is %s', count(t.id), min(t.id))
from api_tokens t
where t.ended_at is not null and t.ended_reason <> 'expired' and t.secret_hash is not null
having count(t.id) > 0
union all
select format('%s token(s) have no owner, the first is %s', count(t.id), min(t.id))
from api_tokens t
where not exists (select from users u where u.id = t.user_id)
having count(t.id) > 0
union all
select format('%s session(s) are of a generation that their account has not reached', count(s.id))
from sessions s
join users u on u.id = s.user_id
where s.user_generation > u.session_generation
having count(s.id) > 0
union all
select format('%s session(s) or member(s) have no account', count(o.user_id))
from (select s.user_id from sessions s union all select m.user_id from project_members m) o
where not exists (select from users u where u.id = o.user_id)
having count(o.user_id) > 0
union all
select format('%s account(s) have no organization', count(u.id))
from users u
where not exists (select from organizations o where o.id = u.organization_id)
having count(u.id) > 0;
