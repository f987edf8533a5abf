-- Identity columns that would give numbers that their tables have already.
-- → finding
select format('%s.%s gives %s next, and the greatest there is %s', i.table_name, i.column_name, i.next_number,
              i.greatest_number) as finding
from identity_columns() i
where i.next_number <= i.greatest_number
order by i.table_name;
