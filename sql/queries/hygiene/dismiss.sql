-- Dismisses a finding, until its evidence changes.
-- takes: caller, finding, actor
-- → outcome (allowed | not_found: the account has no such finding | of acting())
with actor as materialized (
    select a.outcome from acting(:actor::text::actor) a
), found as (
    select f.token_id, f.practice, f.evidence_key
    from actor a
    cross join findings_of(:caller::bigint) f
    where a.outcome = 'allowed' and finding_id(f.practice, f.token_id, f.evidence_key) = :finding
), dismissed as (
    insert into dismissed_findings as d (token_id, practice, evidence_key)
    select f.token_id, f.practice, f.evidence_key from found f
    on conflict (token_id, practice) do update set evidence_key = excluded.evidence_key, dismissed_at = now()
    returning d.token_id
)
select case when a.outcome = 'allowed' and not exists (select from dismissed) then 'not_found' else a.outcome end as outcome
from actor a;
