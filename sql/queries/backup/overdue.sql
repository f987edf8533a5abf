-- What the worker will do as soon as it runs; servers refuse these tokens all the same.
-- → finding
select format('%s token(s) have expired or lost their owner, which is not recorded yet', count(t.id)) as finding
from api_tokens t
join users u on u.id = t.user_id
where t.ended_at is null and (t.expires_at <= now() or t.owner_generation < u.credential_generation)
having count(t.id) > 0;
