-- Makes this connection act as testkase_owner (SET ROLE).
-- → the role
select set_config('role', 'testkase_owner', false);
