"""Measures the service beside others in one interleaved run. See README.md, which --write fills with the tables."""

import argparse
import asyncio
import concurrent.futures
import contextlib
import itertools
import pathlib
import re
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import jobs  # noqa: E402
import load  # noqa: E402
import reports  # noqa: E402
import restart  # noqa: E402
from subjects import Nginx, Node  # noqa: E402
from support import token as tokens  # noqa: E402
from support.postgres import Cluster  # noqa: E402
from support.service import Service  # noqa: E402

VERIFY, PROJECTS, HEALTH = "/api/v1/auth/verify", "/api/v1/projects/user-projects", "/healthz"
TOKENS = 1000


class Bench:
    """The cluster, its databases and what runs on them."""

    def __init__(self, options):
        self.options = options
        self.stack = contextlib.ExitStack()
        self.cluster = Cluster({"shared_buffers": "1GB", "max_wal_size": "8GB", "synchronous_commit": "on"})
        self.stack.callback(self.cluster.remove)
        self.folder = self.cluster.folder

    def say(self, text):
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)

    def service(self, database=None, **variables):
        """A server with everything on: limits that nobody reaches, usage, metrics."""
        # The costs are the defaults: nothing is renewed and a cold token costs what it costs.
        service = Service(self.options.bin / "server" / "testkase-server", database or self.cluster.create_database(),
                          TESTKASE_ARGON2_MEMORY_KIB="19456", TESTKASE_ARGON2_TIME="2", **variables)
        self.stack.callback(service.close)
        return service

    def another(self, service, **variables):
        return service.start_server(**variables)

    def mint(self, service, count, name):
        """(file of the tokens, [(id, token)]) of fresh tokens of one member."""
        person = service.organization().member
        made = [service.mint(person, cost=(19456, 2)) for _ in range(count)]
        path = self.folder / name
        path.write_text("".join(token + "\n" for _, token in made))
        return path, made

    def run(self, server, path, file, connections):
        return load.run(server.base, path, file, connections, self.options.seconds, [server.pid], self.cluster)

    def warm(self, server, file):
        """Until argon2 is over with every token."""
        while True:
            misses = self.metric(server, "verified_misses_total")
            load.run(server.base, VERIFY, file, 64, 2)
            if self.metric(server, "verified_misses_total") == misses:
                return

    @staticmethod
    def metric(server, name):
        text = server.api(checked=False).session.get(server.base + "/metrics", timeout=20).text
        return float(re.search(rf"^testkase_{re.escape(name)} (\S+)$", text, re.MULTILINE)[1])

    @staticmethod
    def resident_mib(server):
        status = pathlib.Path(f"/proc/{server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" for _ in head) + "|"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def cells(result, ratio):
    return [f"{ratio:.3f}", f"{result.rate:,.0f}", f"{result.p50:.2f}", f"{result.p99:.2f}", f"{result.server:.1f}",
            f"{result.postgres:.1f}", result.bad]


def measure_throughput(bench):
    nginx = bench.stack.enter_context(contextlib.closing(Nginx()))
    service = bench.service(TESTKASE_THREADS="1")
    two = bench.another(service, TESTKASE_THREADS="2")
    file, _ = bench.mint(service, TOKENS, "tokens")
    subjects = [("nginx `return 200`", nginx.base, "/", file, nginx.pids)]
    for server, threads in ((service.server, 1), (two, 2)):
        bench.warm(server, file)
        plural = "s" if threads > 1 else ""
        subjects += [(f"`{path}`, {threads} thread{plural}", server.base, path, file, [server.pid])
                     for path in (HEALTH, VERIFY, PROJECTS)]
    for name, title in () if bench.options.without_node else (("fastify", "Fastify, SHA-256 look-up"),
                                                              ("better_auth", "Better Auth")):
        node = bench.stack.enter_context(contextlib.closing(Node(name, bench.options.node, bench.cluster, TOKENS)))
        subjects.append((title, node.base, "/", node.tokens, node.pids))
    rows = []
    for connections in (1, 64, 256):
        results = {}
        for turn in range(bench.options.rounds):
            bench.say(f"{connections} connections, round {turn + 1}")
            for title, base, path, tokens_of, pids in subjects:
                results.setdefault(title, []).append(
                    load.run(base, path, tokens_of, connections, bench.options.seconds, pids, bench.cluster))
        baseline = results[subjects[0][0]]
        rows += [[connections, title, *cells(load.median(found), load.ratio(found, baseline))]
                 for title, found in results.items()]
    return table(["connections", "", "ratio", "requests/s", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs", "errors"], rows)


def fill(database, count):
    """That many more tokens of other people, past the triggers."""
    database.query("insert into testkase.organizations (name) values ('Others')")
    database.query("""insert into testkase.users (organization_id, email, name)
                      select (select max(id) from testkase.organizations), 'p-' || n || '@example.test', 'P'
                      from generate_series(1, %s) n""",
                   (max(1, count // 100),))
    database.without_triggers(
        """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days,
                                            created_at, expires_at, rotate_at)
           select (select min(id) from testkase.users where email like 'p-%%') + n %% %s, 1, 'x' || lpad(n::text, 7, '0'), %s,
                  'tk_pat_x' || lpad(n::text, 7, '0') || '...abcdef', 'CI', 90, at, at + 90 * interval '86400 seconds',
                  at + 80 * interval '86400 seconds'
           from (select n, now() - n * interval '1 second' as at from generate_series(1, %s) n) numbered""",
        (max(1, count // 100), tokens.argon2id(tokens.make()), count))
    database.query("vacuum analyze testkase.api_tokens")


def measure_population(bench):
    servers = []
    for count in bench.options.populations:
        bench.say(f"{count} tokens")
        service = bench.service(TESTKASE_THREADS="1")
        file, _ = bench.mint(service, TOKENS, f"tokens-{count}")
        if count > TOKENS:
            fill(service.database, count - TOKENS)
        bench.warm(service.server, file)
        servers.append((count, service.server, file))
    results = {}
    for turn in range(bench.options.rounds):
        bench.say(f"population, round {turn + 1}")
        for count, server, file in servers:
            results.setdefault(count, []).append(bench.run(server, VERIFY, file, 64))
    baseline = results[servers[0][0]]
    return table(["tokens in the database", "ratio", "requests/s", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs", "errors"],
                 [[f"{count:,}", *cells(load.median(found), load.ratio(found, baseline))] for count, found in results.items()])


class Revoking:
    """Ends tokens of its own at a steady rate, as long as the block lasts; counts what was acknowledged."""

    def __init__(self, service, per_second, count):
        self.made = 0
        self._per_second = per_second
        person = service.organization().member
        self._api = service.sign_in(person)
        text = tokens.argon2id(tokens.make())
        self._ids = [row[0] for row in service.database.query(
            """insert into testkase.api_tokens (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
               select %s, 1, 'y' || %s || lpad(n::text, 6, '0'), %s,
                      'tk_pat_y' || %s || lpad(n::text, 6, '0') || '...abcdef', 'R', 7
               from generate_series(1, %s) n returning id""",
            (person.id, per_second % 10, text, per_second % 10, count if per_second else 0))]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        start = time.monotonic()
        for number, token_id in enumerate(self._ids):
            if self._over.wait(max(0.0, start + number / self._per_second - time.monotonic())):
                return
            self._api.delete(f"/api-keys/{token_id}", 204)
            self.made += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(30)


def measure_revocations(bench):
    service = bench.service(TESTKASE_THREADS="1")
    file, _ = bench.mint(service, TOKENS, "tokens-revocations")
    other = bench.another(service, TESTKASE_THREADS="1")
    service.server, asked = other, service.server
    bench.warm(asked, file)
    rates = (0, 10, 100)
    results, made = {}, {rate: [] for rate in rates}
    for turn in range(bench.options.rounds):
        bench.say(f"revocations, round {turn + 1}")
        for rate in rates:
            service.database.query("delete from testkase.api_token_usage")
            service.database.without_triggers("delete from testkase.api_tokens where name = 'R'")
            with Revoking(service, rate, rate * bench.options.seconds * 3) as revoking:
                results.setdefault(rate, []).append(bench.run(asked, VERIFY, file, 64))
                made[rate].append(revoking.made / bench.options.seconds)
    return table(["revocations a second, asked", "made", "ratio", "requests/s", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs",
                  "errors"],
                 [[rate, f"{statistics.median(made[rate]):.0f}", *cells(load.median(found), load.ratio(found, results[0]))]
                  for rate, found in results.items()])


async def ask_until_accepted(address, token):
    """How many 503s there were on the way; after each it waits as long as that says."""
    host, port = address.rsplit(":", 1)
    for refusals in itertools.count():
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {VERIFY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        if answer[9:12] == b"200":
            return refusals
        assert answer[9:12] == b"503", answer
        await asyncio.sleep(int(re.search(rb"\r\nRetry-After: (\d+)\r\n", answer)[1]))


def ask_all(address, made):
    """(seconds until all were accepted, 503s on the way)"""
    async def ask():
        return sum(await asyncio.gather(*[ask_until_accepted(address, token) for _, token in made]))
    begun = time.monotonic()
    refusals = asyncio.run(ask())
    return time.monotonic() - begun, refusals


def measure_cold(bench):
    """Tokens that the server has not seen yet, all at once: for one that is idle, and for one that is busy with others."""
    service = bench.service(TESTKASE_THREADS="1")
    _, made = bench.mint(service, TOKENS, "tokens-cold")
    warm, _ = bench.mint(service, 100, "tokens-warm")
    idle, busy = [], []
    for turn in range(bench.options.rounds):
        bench.say(f"cold start, round {turn + 1}")
        with contextlib.closing(bench.another(service)) as server:
            idle.append(ask_all(server.address, made))
        with contextlib.closing(bench.another(service)) as server:
            bench.warm(server, warm)
            with concurrent.futures.ThreadPoolExecutor() as beside:
                traffic = beside.submit(load.run, server.base, VERIFY, warm, 64, 15)
                busy.append(ask_all(server.address, made[:100]))
                assert not traffic.done(), "the traffic ended before the cold tokens"
                traffic.result()
    rows = [[count, how, *(f"{statistics.median(numbers):.{digits}f}" for numbers, digits in zip(zip(*found), (1, 0)))]
            for count, how, found in ((TOKENS, "nothing", idle), (100, "64 connections that never pause", busy))]
    return table(["cold tokens at once", "beside", "s until all were answered by 200", "503s on the way"], rows)


def measure_flood(bench):
    """Token calls beside 200 wrong sign-ins at a time."""
    service = bench.service(TESTKASE_THREADS="1", TESTKASE_TRUSTED_PROXIES="127.0.0.1/32")
    file, _ = bench.mint(service, TOKENS, "tokens-flood")
    bench.warm(service.server, file)
    results, answers = {}, {}
    for turn in range(bench.options.rounds):
        bench.say(f"flood, round {turn + 1}")
        for connections in (4, 64):
            results.setdefault((connections, "idle"), []).append(bench.run(service.server, VERIFY, file, connections))
            with load.Flood(service.server.base, 200, bench.options.seconds + 4) as flood:
                while bench.metric(service.server, 'argon2_waiting{share="passwords"}') == 0:
                    time.sleep(0.05)  # until the queue is in use
                results.setdefault((connections, "flood"), []).append(bench.run(service.server, VERIFY, file, connections))
            for status, count in flood.answers.items():
                answers[status] = answers.get(status, 0) + count
    rows = []
    for (connections, how), found in results.items():
        ratio = statistics.median(result.p99 / idle.p99 for result, idle in zip(found, results[(connections, "idle")]))
        result = load.median(found)
        rows.append([connections, how, f"{ratio:.2f}", f"{result.rate:,.0f}", f"{result.p50:.2f}", f"{result.p99:.2f}",
                     result.bad])
    told = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
    return table(["connections", "", "p99 against idle", "requests/s", "p50 ms", "p99 ms", "errors"], rows) + \
        f"\n\nThe sign-ins were answered by {told}."


def files_of_pages(server, *sizes):
    """(path, content) of the file, as a page names it, that is nearest to each size."""
    session = server.api(checked=False).session

    def read(path):
        return session.get(server.base + path, timeout=20)

    files = {path: read(path).content for page in ("/", "/docs")
             for path in re.findall(r'"(/assets/[^"#]+\.(?:css|js))"', read(page).text)}
    for size in sizes:
        yield min(files.items(), key=lambda file, size=size: abs(len(file[1]) - size))


def measure_files(bench):
    """Files of the page, without compression, beside the same files on nginx's disk."""
    nginx = bench.stack.enter_context(contextlib.closing(Nginx()))
    server = bench.service(TESTKASE_THREADS="1").server
    nobody = bench.folder / "tokens-files"
    nobody.write_text("none\n")
    rows = []
    for path, content in files_of_pages(server, 2048, 20480):
        nginx.add_file(path, content)
        results = {"nginx": [], "testkase-server": []}
        for turn in range(bench.options.rounds):
            bench.say(f"{path}, round {turn + 1}")
            for name, base, pids in (("nginx", nginx.base, nginx.pids), ("testkase-server", server.base, [server.pid])):
                results[name].append(load.run(base, path, nobody, 64, bench.options.seconds, pids, bench.cluster))
        rows += [[f"{len(content):,}", name, *cells(load.median(found), load.ratio(found, results["nginx"]))]
                 for name, found in results.items()]
    return table(["bytes", "", "ratio", "requests/s", "p50 ms", "p99 ms", "CPU µs", "PostgreSQL µs", "errors"], rows)


def measure_memory(bench):
    service = bench.service(TESTKASE_THREADS="1")
    rows = []
    server = bench.another(service, TESTKASE_THREADS="1")
    rows.append(["just started", f"{bench.resident_mib(server):.1f}"])
    person = service.organization().member
    bench.say("memory: 10 000 tokens")
    texts = [tokens.make() for _ in range(10_000)]
    one = [(tokens.lookup(text), tokens.argon2id(text, 8, 1), tokens.preview(text)) for text in texts]
    connection = service.database.connect()
    with connection, connection.cursor() as cursor:
        cursor.executemany(
            f"""insert into testkase.api_tokens
                    (user_id, owner_generation, lookup_id, secret_hash, preview, name, expires_in_days)
                values ({person.id}, 1, %s, %s, %s, 'CI', 7)""", one)
    connection.close()
    path = bench.folder / "tokens-memory"
    path.write_text("".join(text + "\n" for text in texts))
    # At the least cost, so that nothing is renewed and the wait is short; argon2's own memory is apart.
    server.close()
    server = bench.another(service, TESTKASE_THREADS="1", TESTKASE_ARGON2_MEMORY_KIB="8192", TESTKASE_ARGON2_TIME="1")
    bench.warm(server, path)
    load.run(server.base, VERIFY, path, 64, 5)
    rows.append(["10 000 tokens in use", f"{bench.resident_mib(server):.1f}"])
    import resource
    import socket
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    host, port = server.address.rsplit(":", 1)
    sockets = []
    for number in range(10_000):
        one = socket.create_connection((host, int(port)), 10, (f"127.78.{number // 250}.{number % 250 + 1}", 0))
        one.sendall(f"GET {VERIFY} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {texts[number]}\r\n\r\n".encode())
        sockets.append(one)
        if number % 50 == 49:
            for other in sockets[-50:]:
                assert other.recv(2000).startswith(b"HTTP/1.1 200"), number
    rows.append(["and 10 000 connections that have each asked", f"{bench.resident_mib(server):.1f}"])
    for one in sockets:
        one.close()
    return table(["", "resident MiB"], rows)


def measure_uploads(bench):
    return table(*reports.measure_uploads(bench))


def measure_beside_uploads(bench):
    return table(*reports.measure_beside_uploads(bench, VERIFY))


def measure_reporter(bench):
    return table(*reports.measure_reporter(bench))


def measure_restart(bench):
    return table(*restart.measure_restart(bench, VERIFY))


def measure_jobs(bench):
    return table(["", "by", "seconds", "a second", "ratio"],
                 jobs.measure_expiry(bench, bench.options.expired) + jobs.measure_leaver(bench)
                 + jobs.measure_reminders(bench, bench.options.expired // 10))


def measure_beside_jobs(bench):
    return table(["", "ratio", "requests/s", "p50 ms", "p99 ms", "errors"],
                 jobs.measure_beside(bench, bench.options.expired, VERIFY))


PARTS = {"throughput": measure_throughput, "population": measure_population, "revocations": measure_revocations,
         "cold": measure_cold, "flood": measure_flood, "files": measure_files, "memory": measure_memory,
         "uploads": measure_uploads, "beside-uploads": measure_beside_uploads, "reporter": measure_reporter,
         "restart": measure_restart, "jobs": measure_jobs, "beside-jobs": measure_beside_jobs}


def write(name, text):
    """Puts the table between the marks in README.md."""
    path = HERE / "README.md"
    readme = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    assert begin in readme and end in readme, name
    head, rest = readme.split(begin, 1)
    path.write_text(head + begin + text + "\n" + end + rest.split(end, 1)[1], encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="build folder of the programs")
    parser.add_argument("--node", type=pathlib.Path, help="folder node_modules of the others")
    parser.add_argument("--without-node", action="store_true", help="leave out what runs on Node")
    parser.add_argument("--seconds", type=int, default=4, help="of each run (default: 4)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default: 3)")
    parser.add_argument("--populations", type=lambda text: [int(number) for number in text.split(",")],
                        default=[1000, 100_000, 5_000_000], help="tokens in the database (default: 1000,100000,5000000)")
    parser.add_argument("--tokens", type=int, default=10_000, help="live tokens over a restart (default: 10000)")
    parser.add_argument("--expired", type=int, default=1_000_000, help="expired tokens for the worker (default: 1000000)")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure (default: all)")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        bench = Bench(options)
        with bench.stack:
            text = PARTS[name](bench)
        print(f"\n{name}\n\n{text}\n", flush=True)
        if options.write:
            write(name, text)


if __name__ == "__main__":
    main()
