-- Makes the partitions of this month and the next three of the audit log and of usage, where they are missing.
-- → how many it made
select make_partitions(3);
