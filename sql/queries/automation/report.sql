-- Writes the results that a pipeline reports to a test cycle, all or none.
-- connection: uploads
-- takes: organization, caller, stated, projectId, cycleId, key, digest, build, ids, statuses, names, durations, messages, actor
-- stated: the organization that the request names; key: the Idempotency-Key, or null; digest: of the body; ids to messages:
-- arrays of equal length
-- → outcome (see report_results()) and the answer
select r.outcome, r.answer
from report_results(:actor::text::actor, :organization::bigint, :caller::bigint, :stated::bigint, :projectId::integer,
                    :cycleId::integer, :key, :digest::bytea, :build::text::jsonb, :ids::text::integer[],
                    :statuses::text::text[], :names::text::text[], :durations::text::bigint[], :messages::text::text[]) r;
