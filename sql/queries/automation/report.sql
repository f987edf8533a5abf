-- Writes the results that a pipeline reports to a test cycle, all or none.
-- connection: uploads
-- takes: organization, caller, projectId, cycleId, key, digest, build, ids, statuses, names, durations, messages, dryRun, actor
-- key: the Idempotency-Key, or null; digest: of the body; ids to messages: arrays of equal length; dryRun: write nothing
-- → outcome (see report_results()) and the answer
select r.outcome, r.answer
from report_results(:actor::text::actor, :organization::bigint, :caller::bigint, :projectId::integer,
                    :cycleId::integer, :key, :digest::bytea, :build::text::jsonb, :ids::text::integer[],
                    :statuses::text::text[], :names::text::text[], :durations::text::bigint[], :messages::text::text[],
                    :dryRun::boolean) r;
