-- From here on this connection acts as testkase_owner (SET ROLE).
-- → the role
select set_config('role', 'testkase_owner', false);
