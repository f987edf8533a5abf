"""Defaults that an operator may give a role or a database for reasons of their own, each at odds with what we rest on."""

ROLES = ("testkase_owner", "testkase_server", "testkase_worker")

# Any user may make these settings, so a session of ours can correct each of them.
ODD = {
    "search_path": "public", "client_encoding": "latin1",
    "default_transaction_isolation": "serializable", "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on", "synchronous_commit": "off",
    "statement_timeout": "150ms", "lock_timeout": "1ms", "idle_in_transaction_session_timeout": "50ms",
    "idle_session_timeout": "300ms", "exit_on_error": "on",
    "standard_conforming_strings": "off", "escape_string_warning": "off", "backslash_quote": "off",
    "transform_null_equals": "on", "array_nulls": "off", "quote_all_identifiers": "on", "bytea_output": "escape",
    "timezone": "Asia/Kathmandu", "datestyle": "German, DMY", "intervalstyle": "sql_standard", "extra_float_digits": "-15",
    "xmloption": "document", "row_security": "off", "check_function_bodies": "off",
    "client_min_messages": "debug1", "log_parameter_max_length_on_error": "-1",
    "plan_cache_mode": "force_custom_plan", "jit": "on", "jit_above_cost": "0", "jit_inline_above_cost": "0",
    "jit_optimize_above_cost": "0", "force_parallel_mode": "on", "debug_parallel_query": "on",
    "max_parallel_workers_per_gather": "8",
    "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0",
    "enable_seqscan": "off", "enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off",
    "enable_nestloop": "off", "enable_hashjoin": "off", "enable_partition_pruning": "off", "constraint_exclusion": "off",
    "from_collapse_limit": "1", "join_collapse_limit": "1", "geqo_threshold": "2", "work_mem": "64kB",
    "cursor_tuple_fraction": "0", "synchronize_seqscans": "off", "gin_fuzzy_search_limit": "1",
}

# These take a superuser.
ODD_BY_SUPERUSER = {
    "commit_delay": "1000", "commit_siblings": "0", "deadlock_timeout": "10ms", "plpgsql.variable_conflict": "use_column",
    "plpgsql.extra_errors": "all", "log_duration": "on", "track_functions": "all",
}


def make_odd(cluster):
    """Gives the roles of the service all of these defaults; returns the settings' names. A release lacks some of them."""
    known = {name for (name,) in cluster.execute("load 'plpgsql'; select lower(name) from pg_settings")}
    odd = {name: value for name, value in (ODD | ODD_BY_SUPERUSER).items() if name in known}
    for role in ROLES:
        for name, value in odd.items():
            cluster.execute(f"alter role {role} set {name} = {quoted(name, value)}")
    return list(odd)


def quoted(name, value):
    # A list in quotes would be one name.
    return value if name in ("search_path", "datestyle") else f"'{value}'"
