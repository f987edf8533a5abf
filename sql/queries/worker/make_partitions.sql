-- Makes the partitions of this month and the next three of every partitioned table, where they are missing.
-- → how many it made
select make_partitions(3);
