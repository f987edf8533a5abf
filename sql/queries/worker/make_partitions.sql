-- Makes the audit log's partitions of this month and the next three, where they are missing.
-- → how many
select make_partitions(3);
