"""Every query of sql/queries is one that PostgreSQL takes, from the role that sends it; the hot ones use indexes."""

import re

import pytest

from support import token as tokens
from support.postgres import ROOT, Cluster

QUERIES = ROOT / "sql" / "queries"
FILES = sorted(path.relative_to(QUERIES).as_posix() for path in QUERIES.rglob("*.sql"))

# Who sends the queries of a folder; single files below go before. The operator's CLI (testkase_owner) shares what it needs.
SENDERS = {
    "admin": ["testkase_owner"],
    "backup": ["testkase_owner"],
    "worker": ["testkase_worker"],
    "db": ["testkase_owner", "testkase_server", "testkase_worker"],
    "organizations/create": ["testkase_owner"],
    "users/create": ["testkase_owner", "testkase_server"],
    "users/update": ["testkase_owner", "testkase_server"],
    "users/list": ["testkase_owner", "testkase_server"],
    "projects/create": ["testkase_owner", "testkase_server"],
    "projects/set_member": ["testkase_owner", "testkase_server"],
    "api_keys/create": ["testkase_owner", "testkase_server"],
    "api_keys/revoke": ["testkase_owner", "testkase_server"],
}
DEFAULT_SENDERS = ["testkase_server"]


def parameters(file):
    """The names of the statement's parameters, in the order of their numbers."""
    takes = re.findall(r"(?m)^-- takes: (.*?),?$", (QUERIES / file).read_text())
    return re.split(r", *", ", ".join(takes)) if takes else []


def statement(file):
    """The text without its comment lines and with numbered parameters, as the programs prepare it."""
    text = re.sub(r"(?m)^\s*--.*$", "", (QUERIES / file).read_text()).strip().rstrip(";")
    for number, name in enumerate(parameters(file), 1):
        text = re.sub(rf"(?<!:):{name}\b", f"${number}", text)
    return text


def senders(file):
    name = file.removesuffix(".sql")
    return SENDERS.get(name) or SENDERS.get(name.split("/")[0]) or DEFAULT_SENDERS


def parameter_count(sql):
    return max((int(number) for number in re.findall(r"\$(\d+)", sql)), default=0)


def generic_plan(cursor, sql, form="text"):
    """Prepares and plans it as the programs do. Unlike preparing, planning also checks the role's rights."""
    count = parameter_count(sql)
    cursor.execute("set search_path = testkase, pg_temp; set plan_cache_mode = force_generic_plan")
    cursor.execute(f"prepare under_test as {sql}")
    nulls = f"({', '.join(['null'] * count)})" if count else ""
    cursor.execute(f"explain (format {form}, verbose) execute under_test{nulls}")
    return cursor.fetchall()


@pytest.fixture(scope="module")
def migrated(cluster):
    database = cluster.create_database()
    yield database
    database.drop()


def test_there_are_queries():
    assert len(FILES) > 30


@pytest.mark.parametrize("file,role", [(file, role) for file in FILES for role in senders(file)])
def test_query_is_valid_and_allowed(migrated, file, role):
    connection = migrated.connect(role)
    try:
        with connection.cursor() as cursor:
            assert generic_plan(cursor, statement(file))
            cursor.execute("""select t::regtype::text from pg_prepared_statements, unnest(parameter_types) t
                              where name = 'under_test' and t::oid >= 16384""")
            assert cursor.fetchall() == [], "a prepared statement would keep a type that a restore in place makes anew"
    finally:
        connection.close()


@pytest.mark.parametrize("file", [file for file in FILES if "actor" in parameters(file)])
def test_a_change_holds_its_actor(file):
    """Every right is looked at in the statement that uses it."""
    sql = statement(file)
    actor = parameters(file).index("actor") + 1
    holds = "report_results($%d::text::actor," if file == "automation/report.sql" else "acting($%d::text::actor)"
    assert re.findall(rf"\S*\${actor}\b\S*", sql) == [holds % actor], "a change holds its actor"
    assert re.search(r"outcome\b", f"\n{sql}".rsplit("\nselect", 1)[1]) or file.startswith(("admin/", "organizations/"))


@pytest.mark.parametrize("file", FILES)
def test_query_file_says_what_it_takes_and_gives(file):
    text = (QUERIES / file).read_text()
    comment = "\n".join(line for line in text.splitlines() if line.startswith("--"))
    sql = statement(file)
    assert ";" not in sql, "one statement, one file"
    assert "→" in comment, "the result's shape is stated"
    assert parameter_count(sql) == len(parameters(file))
    assert not re.search(r"(?<!:):[a-zA-Z]", sql), "every parameter is behind \"-- takes:\""
    assert not re.search(r"select\s+\*|returning\s+\*", sql, re.IGNORECASE)


# --- plans at 100 000 tokens ---

MANY = 100_000

PROJECT = {"projects", "project_members", "users"}
RESULTS = {"test_cases", "test_cycles", "test_runs", "test_executions", "test_latest_results"}

# Query → tables that it must not read from end to end.
HOT = {
    "gate/states.sql": {"api_tokens", "users", "organizations"},
    "gate/changes.sql": {"auth_changes"},
    "gate/find_hash.sql": {"api_tokens"},
    "sessions/find.sql": {"sessions", "users"},
    "sessions/find_credentials.sql": {"users"},
    "sessions/refuse.sql": {"users"},
    "sessions/create.sql": {"users", "sessions"},
    "sessions/confirm.sql": {"sessions"},
    "account/find_hash.sql": {"users"},
    "account/change_password.sql": {"users", "sessions"},
    "account/list_sessions.sql": {"users", "sessions"},
    "account/end_session.sql": {"sessions"},
    "account/end_sessions.sql": {"sessions"},
    "api_keys/list.sql": {"api_tokens", "api_token_last_used", "users"},
    "api_keys/get.sql": {"api_tokens", "api_token_last_used", "users"},
    "api_keys/create.sql": {"users", "api_tokens"},
    "api_keys/revoke.sql": {"api_tokens", "users", "rotation_reminders"},
    "events/open.sql": {"users", "sessions", "outbox"},
    "events/read.sql": {"users", "outbox"},
    "reminders/acknowledge.sql": {"api_tokens", "rotation_reminders"},
    "usage/add.sql": {"api_tokens", "api_token_last_used", "api_token_usage_pairs"},
    "users/list.sql": {"users"},
    "users/update.sql": {"users"},
    "projects/list_for_member.sql": {"project_members"},
    "projects/update.sql": PROJECT,
    "members/list.sql": PROJECT,
    "members/set.sql": PROJECT,
    "members/remove.sql": PROJECT,
    "test_cases/list.sql": PROJECT | {"test_cases"},
    "test_cases/get.sql": PROJECT | {"test_cases"},
    "test_cases/create.sql": PROJECT,
    "test_cases/update.sql": PROJECT | {"test_cases"},
    "test_cases/archive.sql": PROJECT | {"test_cases"},
    "test_cases/history.sql": PROJECT | RESULTS,
    "test_cycles/list.sql": PROJECT | RESULTS,
    "test_cycles/get.sql": PROJECT | RESULTS,
    "test_cycles/update.sql": PROJECT | RESULTS,
    "test_cycles/archive.sql": PROJECT | RESULTS,
    "test_cycles/executions.sql": PROJECT | RESULTS,
    "test_cycles/runs.sql": PROJECT | RESULTS | {"api_tokens"},
    "worker/next_deadline.sql": {"api_tokens", "rotation_reminders"},
    "worker/expire_tokens.sql": {"api_tokens", "rotation_reminders"},
    "worker/remind.sql": {"api_tokens", "rotation_reminders"},
    "worker/erase_hashes.sql": {"api_tokens"},
    "worker/end_leavers_tokens.sql": {"api_tokens", "rotation_reminders"},
    "worker/delete_expired_sessions.sql": {"sessions"},
}


def fill_project(database):
    """50 000 cases in one project, all but a few of them executed twice in its two cycles."""
    database.query("insert into testkase.test_cycles (project_id, number, name) values (1, 2, 'Nightly')")
    database.query("""insert into testkase.test_cases (project_id, number, title, automation_id)
                      select 1, n, 'Case ' || n, 10000 + n from generate_series(1, 50000) n""")
    database.query("""insert into testkase.test_runs (project_id, cycle_id, user_id, received, matched)
                      select 1, y.id, 1, 100, 100 from testkase.test_cycles y, generate_series(1, 500) where y.project_id = 1""")
    executed = """select c.id, y.id, 1 + c.number % 500,
                         case c.number % 100 when 1 then 'fail' when 2 then 'blocked' when 3 then 'skipped' else 'pass' end, now()
                  from testkase.test_cases c join testkase.test_cycles y on y.project_id = c.project_id
                  where c.number > 20"""
    for table in ("test_executions", "test_executions", "test_latest_results"):
        database.query(f"insert into testkase.{table} (case_id, cycle_id, run_id, status, executed_at) {executed}")


@pytest.fixture(scope="module")
def crowded():
    """A database with many tokens of many people."""
    cluster = Cluster({"autovacuum": "off", "max_wal_size": "4GB"})
    database = cluster.create_database()
    hash_of_one = tokens.argon2id(tokens.make())
    database.query("insert into testkase.organizations (name) select 'Organization ' || n from generate_series(1, 500) n")
    database.query(f"""insert into testkase.users (organization_id, email, name, password_hash)
                       select 1173 + n % 500, 'person-' || n || '@example.test', 'Person ' || n,
                              case when n % 2 = 0 then '{hash_of_one}' end
                       from generate_series(1, {MANY // 10}) n""")
    database.query("""insert into testkase.projects (organization_id, number, name)
                      select o.id, n, 'Project ' || n from testkase.organizations o, generate_series(1, 5) n""")
    database.query("""insert into testkase.project_members (project_id, user_id, organization_id, role)
                      select p.id, u.id, p.organization_id, 'user'
                      from testkase.projects p join testkase.users u on u.organization_id = p.organization_id
                      where u.id % 5 = p.number % 5""")
    database.query("""insert into testkase.sessions (digest, user_id, user_generation, expires_at)
                      select sha256(id::text::bytea), id, 1, now() + interval '7 days' from testkase.users""")
    database.without_triggers(
        """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days,
                                            created_at, expires_at, rotate_at)
           select 1 + n %% %s, 1, lpad(n::text, 8, '0'), %s, 'tk_pat_' || lpad(n::text, 8, '0') || '...abcdef', 'CI', 30, at,
                  at + 30 * interval '86400 seconds', at + 23 * interval '86400 seconds'
           from (select n, now() - n * interval '20 seconds' as at from generate_series(1, %s) n) numbered""",
        (MANY // 10, hash_of_one, MANY))
    database.query("""insert into testkase.rotation_reminders (token_id, user_id, due_at)
                      select id, user_id, rotate_at from testkase.api_tokens""")
    database.query("insert into testkase.api_token_last_used (token_id, used_at) select id, now() from testkase.api_tokens")
    database.query("""insert into testkase.api_token_usage_pairs (token_id, hour, pairs)
                      select id, date_trunc('hour', now()), '{192.0.2.1 curl/8}' from testkase.api_tokens""")
    database.query("insert into testkase.auth_changes (epoch, token_ids) select n, array[n] from generate_series(2, 1001) n")
    database.query(f"""insert into testkase.outbox (organization_id, user_id, topic, routed_at)
                       select u.organization_id, u.id, 'api_key.expired', now()
                       from testkase.users u, generate_series(1, 10) limit {MANY}""")
    database.query(f"""insert into testkase.audit_events (organization_id, actor_kind, actor_user_id, action, target_kind,
                                                          target_id)
                       select case when n % 5 = 0 then 1173 + n % 500 else 1173 end, 'user', 1 + n % 1000, 'user.updated', 'user',
                              1 + n % 10000
                       from generate_series(1, {MANY}) n""")
    fill_project(database)
    database.query("vacuum analyze")
    yield database
    database.close()
    cluster.remove()


def scanned(node):
    """The tables that a plan reads from end to end."""
    found = {node["Relation Name"]} if node["Node Type"] in ("Seq Scan", "Parallel Seq Scan") else set()
    for child in node.get("Plans", []):
        found |= scanned(child)
    return found


@pytest.mark.parametrize("file", sorted(HOT))
def test_hot_query_uses_indexes(crowded, file):
    connection = crowded.connect()
    try:
        with connection.cursor() as cursor:
            plan = generic_plan(cursor, statement(file), "json")[0][0][0]["Plan"]
    finally:
        connection.close()
    assert not scanned(plan) & HOT[file], f"{file} reads {scanned(plan) & HOT[file]} from end to end"


@pytest.mark.parametrize("filters,most", [
    ("null, null, null, null, null, null, null", 500), ("null, null, null, null, null, null, 50000", 500),
    ("'no.such', null, null, null, null, null, null", 30_000), ("null, 7, null, null, null, null, null", 30_000),
    ("null, null, 'user', 77, null, null, null", 500), ("null, null, null, null, null, now() - interval '1 year', null", 60_000)])
def test_a_page_of_the_audit_log_reads_no_more_than_it_must(crowded, filters, most):
    """By the plan that is the same for all filters. One organization has four of five events."""
    connection = crowded.connect("testkase_server")
    try:
        with connection.cursor() as cursor:
            generic_plan(cursor, statement("audit_events/list.sql"))
            cursor.execute(f"explain (analyze, buffers, format json) execute under_test(1173, {filters}, 51)")
            plan = cursor.fetchall()[0][0][0]["Plan"]
    finally:
        connection.close()
    filled = {row[0] for row in crowded.query("select distinct tableoid::regclass::text from testkase.audit_events")}
    assert not {f"testkase.{name}" for name in scanned(plan)} & filled
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < most


def rows_read(node, table):
    here = node["Actual Rows"] * node["Actual Loops"] if node.get("Relation Name") == table else 0
    return here + sum(rows_read(child, table) for child in node.get("Plans", []))


def test_a_full_outbox_is_not_read_whole(crowded):
    connection = crowded.connect("testkase_server")
    try:
        with connection.cursor() as cursor:
            generic_plan(cursor, statement("events/read.sql"))
            cursor.execute("explain (analyze, format json) execute under_test('3:3:')")
            plan = cursor.fetchall()[0][0][0]["Plan"]
    finally:
        connection.close()
    assert 20_000 <= rows_read(plan, "outbox") <= 20_001


def test_every_hot_query_exists():
    assert set(HOT) <= set(FILES)


def test_no_statement_compares_by_the_locale_of_the_database():
    """email_key() is the one place that ignores case."""
    pattern = re.compile(r"\b(lower|upper|initcap|ilike|citext|similar to)\b|~~?\*|[^<>!]~\s*'[^']*(\[\[:|\\[wWdDsS])",
                         re.IGNORECASE)
    texts = {path.name: re.sub(r"(?m)--.*$", "", path.read_text()) for path in (ROOT / "sql").rglob("*.sql")
             if path.name != "schema.sql"}
    found = {name: [match[0] for match in pattern.finditer(text)] for name, text in texts.items() if pattern.search(text)}
    assert found == {"0003_accounts.sql": ["lower"], "0009_rotation.sql": ["lower"]}
