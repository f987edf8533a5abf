-- One page of the findings about an account's tokens that it has not dismissed, the most urgent first.
-- takes: caller, cursor, cursor_key, limit
-- cursor and cursor_key: token id and rank of the last row of the page before, or null
-- → of each: the cursor, and the finding
select f.rank || '.' || f.token_id as cursor, finding_id(f.practice, f.token_id, f.evidence_key) as id, f.practice,
       f.token_id as "apiKeyId", f.token_name as "apiKeyName", f.evidence, f.remedy
from findings_of(:caller::bigint) f
left join dismissed_findings d on d.token_id = f.token_id and d.practice = f.practice and d.evidence_key = f.evidence_key
where d.token_id is null
  and (:cursor::bigint is null or (f.rank, -f.token_id) > (:cursor_key::bigint, -(:cursor::bigint)))
order by f.rank, f.token_id desc
limit :limit::integer;
