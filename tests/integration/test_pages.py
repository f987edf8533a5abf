"""Files that browsers load: the page at its addresses, and what it loads, under one hash of the build."""

import gzip
import re
import subprocess

import pytest

from support.postgres import ROOT

WEB = ROOT / "server" / "web"
OPENAPI = ROOT / "server" / "openapi.json"
SCRIPT = ROOT / "cmake" / "embed_assets.cmake"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
FILES = sorted(path.name for path in WEB.glob("*") if path.suffix in TYPES and path.name != "mark.svg")
MADE = ["css/app.css", "icons.svg", "js/app.js"]
PAGES = ["/", "/?x=1", "/sign-in", "/account", "/settings/api-keys", "/settings/api-keys/17", "/settings/a/%2e%2e/b",
         "/settings/", "/test-cases", "/test-cases/TC-7?project=PRJ-1", "/test-cycles?project=PRJ-1", "/test-cycles/TCYCLE-1"]
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
POLICY = "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
FOR_EVER = "public, max-age=31536000, immutable"


class Client:
    """Sends exactly the fields that it is given, and never decodes a body."""

    def __init__(self, server):
        self.server = server

    def ask(self, path, method="GET", **fields):
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        with self.server.wire() as wire:
            return Answer(wire.ask(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n", method))


class Answer:
    def __init__(self, response):
        self.status, self.body = response.status, response.body
        self.fields = {name: ", ".join(values) for name, values in response.fields.items()}

    def __getitem__(self, name):
        return self.fields[name]

    def __contains__(self, name):
        return name in self.fields

    def get(self, name):
        return self.fields.get(name)


@pytest.fixture
def client(service):
    return Client(service.server)


@pytest.fixture
def build(client):
    """The hash, as the page has it."""
    [found] = set(re.findall(rb'"/assets/([^/"]*)/', client.ask("/").body))
    assert re.fullmatch(rb"[0-9a-f]{16}", found)
    return found.decode()


@pytest.fixture
def folder(build):
    return f"/assets/{build}/"


def source(name, build):
    text = (WEB / name).read_bytes()
    return text.replace(b"@HASH@", build.encode()) if name.endswith(".html") else text


# --- assets ---

@pytest.mark.parametrize("name", [*FILES, *MADE])
def test_an_asset_is_served_as_it_is_in_the_tree(client, build, folder, name):
    answer = client.ask(folder + name)
    assert answer.status == 200 and "content-encoding" not in answer
    assert name in MADE or answer.body == source(name, build)
    assert answer["content-type"] == TYPES[name[name.rindex("."):]]
    assert answer["cache-control"] == FOR_EVER
    assert answer["content-security-policy"] == POLICY
    assert answer["cross-origin-resource-policy"] == "same-origin"
    assert answer["x-content-type-options"] == "nosniff"
    assert not set(answer.fields) & {"set-cookie", "permissions-policy"}
    packed = client.ask(folder + name, Accept_Encoding="br, gzip")
    assert packed["content-type"] == answer["content-type"]
    has_two = "content-encoding" in packed
    assert (gzip.decompress(packed.body) if has_two else packed.body) == answer.body
    assert (packed["etag"] != answer["etag"]) == has_two
    for one in (answer, packed):
        assert one.get("vary") == ("Accept-Encoding" if has_two else None)
    assert len(packed.body) <= len(answer.body)


def test_large_assets_have_a_gzip_form(client, folder):
    answer = client.ask(folder + "docs.js", Accept_Encoding="gzip")
    assert answer["content-encoding"] == "gzip" and len(answer.body) < (WEB / "docs.js").stat().st_size / 2


@pytest.mark.parametrize("codings,encoding", [
    (None, None), ("", None), ("gzip;q=0", None), ("*", "gzip"), ("*;q=0", None), ("identity;q=0, gzip;q=0.1", "gzip"),
    ("gzip;q=0.5, identity", None), ("gzip;q=0, identity;q=0", None), ("deflate", None)])
def test_the_coding_is_negotiated(client, folder, codings, encoding):
    answer = client.ask(folder + "docs.css", **({} if codings is None else {"Accept_Encoding": codings}))
    assert answer.status == 200 and answer.get("content-encoding") == encoding


@pytest.mark.parametrize("path", ["docs.css", "/docs", "/openapi.json"])
def test_either_tag_makes_304(client, folder, path):
    path = path if path.startswith("/") else folder + path
    tags = {coding: client.ask(path, Accept_Encoding=coding)["etag"] for coding in ("gzip", "identity")}
    assert len(set(tags.values())) == 2
    for coding in tags:
        full = client.ask(path, Accept_Encoding=coding)
        for tag in tags.values():
            for given in (tag, f"W/{tag}", f'"x", {tag}'):
                answer = client.ask(path, Accept_Encoding=coding, If_None_Match=given)
                assert (answer.status, answer.body, answer["etag"]) == (304, b"", tag)
                assert not set(answer.fields) & {"content-encoding", "content-length", "content-type"}
                for name in ("cache-control", "vary", "content-security-policy"):
                    assert answer[name] == full[name]
        answer = client.ask(path, Accept_Encoding=coding, If_None_Match="*")
        assert (answer.status, answer["etag"]) == (304, tags[coding])
        answer = client.ask(path, Accept_Encoding=coding, If_None_Match=f'"x", {tags[coding][:-2]}"')
        assert answer.status == 200


@pytest.mark.parametrize("path", ["docs.css", "/", "/docs", "/openapi.json", "/settings/x"])
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_head_and_range(client, folder, path, coding):
    path = path if path.startswith("/") else folder + path
    full = client.ask(path, Accept_Encoding=coding)
    head = client.ask(path, "HEAD", Accept_Encoding=coding)
    assert (head.status, head.body) == (200, b"")
    changing = ("date", "x-request-id")
    assert {name: value for name, value in head.fields.items() if name not in changing} == \
        {name: value for name, value in full.fields.items() if name not in changing}
    assert head["content-length"] == str(len(full.body))
    part = client.ask(path, Accept_Encoding=coding, Range="bytes=0-9")
    assert (part.status, part.body) == (200, full.body) and "content-range" not in part


@pytest.mark.parametrize("path", [
    "{folder}", "{folder}nothing.js", "{folder}index.html", "{folder}docs.html", "{folder}openapi.json", "{folder}mark.svg",
    "{folder}js/api.js", "{folder}css/base.css", "{folder}icons.txt", "{folder}README.md", "{folder}assets.h",
    "{folder}docs.css/", "{folder}docs.css%20", "{folder}docs%2Ecss",
    "{folder}DOCS.CSS", "{folder}./docs.css", "{folder}js/../docs.css", "{folder}/docs.css", "/assets/docs.css", "/assets/",
    "/assets/0123456789abcdef/docs.css", "/assets/{upper}/docs.css", "/assets//docs.css",
    "/assets/../openapi.json", "/index.html", "/docs.html"])
def test_other_paths_are_404_and_not_kept(service, build, folder, path):
    target = path.format(folder=folder, build=build, upper=build.upper())
    for accept in ("*/*", BROWSER) if target.startswith("/assets") else ("*/*",):
        with service.server.wire() as wire:
            answer = wire.ask(f"GET {target} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n")
        assert answer.status == 404 and answer.field("content-type") == "application/problem+json"
        assert answer.field("cache-control") == "no-store" and not answer.field("etag")


def test_the_sprite_has_the_icons_of_the_list(client, folder):
    body = client.ask(folder + "icons.svg").body
    names = [line.partition("#")[0].strip() for line in (WEB / "icons.txt").read_text().splitlines()]
    found = re.findall(r'<symbol id="([^"]*)" viewBox="[-0-9. ]+" fill="currentColor"><(?:path|circle|rect|g) ', body.decode())
    assert found == [name for name in names if name] + ["mark"]
    assert not re.search(rb"<script|<style|\bon\w+=|href", body)


# --- pages ---

@pytest.mark.parametrize("path", PAGES)
def test_the_page_has_many_addresses(client, build, path):
    answer = client.ask(path, Accept=BROWSER)
    assert (answer.status, answer.body) == (200, source("index.html", build))
    assert answer["cache-control"] == "no-store" and "etag" not in answer
    assert gzip.decompress(client.ask(path, Accept_Encoding="gzip").body) == answer.body
    assert client.ask(path, If_None_Match="*").status == 200


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_are_kept_apart_from_other_sites(client, path):
    answer = client.ask(path)
    assert answer["content-type"] == "text/html; charset=utf-8"
    assert answer["content-security-policy"] == POLICY
    assert answer["cross-origin-opener-policy"] == "same-origin"
    assert answer["cross-origin-resource-policy"] == "same-origin"
    assert answer["referrer-policy"] == "same-origin"
    assert answer["x-content-type-options"] == "nosniff"
    denied = dict(one.split("=") for one in answer["permissions-policy"].split(", "))
    assert denied.pop("clipboard-write") == "(self)" and set(denied.values()) == {"()"}
    assert {"camera", "microphone", "geolocation", "payment", "usb"} <= set(denied)


def test_every_field_fits_beside_the_longest_id(database, start_service):
    service = start_service(database, TESTKASE_PUBLIC_URL="https://pat.example.test")
    client = Client(service.server)
    for path in ("/", "/docs"):
        answer = client.ask(path, X_Request_Id="x" * 64, Accept_Encoding="gzip")
        assert answer["x-request-id"] == "x" * 64
        assert answer["strict-transport-security"] == "max-age=31536000"
        assert set(answer.fields) >= {"permissions-policy", "vary", "cache-control", "content-encoding"}


def test_docs_is_checked_each_time(client, build):
    answer = client.ask("/docs")
    assert (answer["cache-control"], answer.body) == ("no-cache", source("docs.html", build))
    answer = client.ask("/openapi.json")
    assert (answer["cache-control"], answer.body) == ("no-cache", OPENAPI.read_bytes())


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_what_a_page_names_is_there(client, path):
    body = client.ask(path).body
    for target in re.findall(rb'(?:href|src)="(/assets/[^"#]*)', body):
        assert client.ask(target.decode()).status == 200, target


def test_the_bundles_load_nothing_and_keep_to_the_policy(client, folder):
    script, sheet = (client.ask(folder + name).body.decode() for name in ("js/app.js", "css/app.css"))
    assert "import.meta.url" in script and not re.search(r"(?:^|[;}\n])import\b(?!\.meta)|\bimport\(|sourceMappingURL", script)
    assert not re.search(r"\beval\(|new Function|data:[a-z]+/|javascript:", script)
    assert not re.search(r"@import|\burl\(|sourceMappingURL", sheet)


def test_the_first_view_is_small(client):
    page = client.ask("/", Accept_Encoding="gzip").body
    names = set(re.findall(rb'(?:href|src)="(/assets/[^"#]*)', gzip.decompress(page)))
    assert len(names) == 5
    assert len(page) + sum(len(client.ask(name.decode(), Accept_Encoding="gzip").body) for name in names) < 85 * 1024


# --- where nothing is ---

@pytest.mark.parametrize("path", ["/nothing", "/settings", "/account/", "/apix", "/sign-in/x", "/favicon.ico"])
def test_a_browser_gets_the_page_where_nothing_is(client, build, path):
    answer = client.ask(path, Accept=BROWSER)
    assert (answer.status, answer.body) == (404, source("index.html", build))
    assert answer["cache-control"] == "no-store" and answer["content-security-policy"] == POLICY
    head = client.ask(path, "HEAD", Accept=BROWSER)
    assert (head.status, head.body, head["content-length"]) == (404, b"", str(len(answer.body)))


@pytest.mark.parametrize("method,path,accept", [
    ("GET", "/nothing", None), ("GET", "/nothing", "*/*"), ("GET", "/nothing", "application/json, text/html;q=0.9"),
    ("GET", "/nothing", "text/html;q=0"), ("POST", "/nothing", BROWSER), ("GET", "/api/v1/nothing", BROWSER),
    ("GET", "/api/", BROWSER), ("GET", "/assets/nothing", BROWSER)])
def test_others_get_a_problem_where_nothing_is(client, method, path, accept):
    answer = client.ask(path, method, **({"Accept": accept} if accept else {}))
    assert (answer.status, answer["content-type"]) == (404, "application/problem+json")
    assert answer["cache-control"] == "no-store"


# --- the build ---

@pytest.fixture
def embed(tmp_path):
    """embed(folder, {name: text}) makes the table of such a folder; returns it, or the complaint."""
    def run(name, files, icons="key\n", bundles=""):
        root = tmp_path / name
        for file, text in {"mark.svg": '<svg viewBox="0 0 2 2"><path d="M0 0"/></svg>', "icons.txt": icons, **files}.items():
            (root / "web" / file).parent.mkdir(parents=True, exist_ok=True)
            (root / "web" / file).write_text(text)
        (root / "icons").mkdir(exist_ok=True)
        (root / "icons" / "key.svg").write_text('<svg class="x" viewBox="0 0 16 16">\n  <path d="M1 1"/>\n</svg>\n')
        (root / "openapi.json").write_text("{}")
        listed = "|".join(sorted(set(files) - {"mark.svg"}, reverse=name == "reversed"))
        done = subprocess.run(
            ["cmake", f"-DROOT={root}/web", f"-DFILES={listed}", f"-DBUNDLES={bundles}", f"-DOPENAPI={root}/openapi.json",
             f"-DICONS={root}/icons", "-DESBUILD=/usr/bin/esbuild", f"-DWORK={root}/work", f"-DOUT={root}/table.c", "-P",
             SCRIPT], capture_output=True, text=True, timeout=60, check=False)
        return (root / "table.c").read_text() if done.returncode == 0 else done.stderr
    return run


PAGE = {"index.html": "<p>@HASH@ and @HASH@; [x]\\", "js/a.js": "@HASH@"}


def hash_of(table):
    [found] = set(re.findall(r'"/assets/([0-9a-f]{16})/', table))
    return found


def test_the_table_depends_on_the_files_alone(embed):
    table = embed("one", PAGE)
    assert "/js/a.js" in table and table == embed("two", PAGE) == embed("reversed", PAGE) == embed("one", PAGE)


@pytest.mark.parametrize("changed", [
    {**PAGE, "js/a.js": "other"}, {**PAGE, "js/b.js": ""}, {"index.html": PAGE["index.html"], "js/b.js": PAGE["js/a.js"]},
    {"js/a.js": PAGE["js/a.js"]}, {**PAGE, "mark.svg": '<svg viewBox="0 0 3 3"></svg>'}])
def test_the_hash_changes_with_any_file(embed, changed):
    assert hash_of(embed("one", PAGE)) != hash_of(embed("two", changed))


def contents(table):
    """{path: text} of all files in the table."""
    arrays = dict(re.findall(r"char (plain_\d)\[\] = \{((?:0x..,)*)0\}", table))
    rows = re.findall(r'\{ "([^"]*)", "[^"]*", \{[^}]*, (plain_\d), ', table)
    return {path: bytes.fromhex(arrays[array].replace("0x", "").replace(",", "")).decode() for path, array in rows}


def test_the_hash_stands_in_pages_alone(embed):
    table = embed("one", PAGE)
    build, content = hash_of(table), contents(table)
    assert content["index.html"] == f"<p>{build} and {build}; [x]\\"
    assert content[f"/assets/{build}/js/a.js"] == "@HASH@"
    assert '<symbol id="key" viewBox="0 0 16 16" fill="currentColor"><path d="M1 1"/></symbol>' in \
        content[f"/assets/{build}/icons.svg"]


BUNDLES = "js/app.js|css/app.css"
PARTS = {
    "index.html": "@HASH@", "js/app.js": "import { b } from './b/b.js';\nb('ü', () => import.meta.url ?? 1);\n",
    "js/b/b.js": "export const b = console.error; // more\n", "css/app.css": "@import './b.css';\n",
    "css/b.css": "p { margin: 0px; background: url(/assets/x.svg) }\n"}


def test_bundles_take_the_place_of_their_modules(embed):
    table = embed("one", PARTS, bundles=BUNDLES)
    assert table == embed("two", PARTS, bundles=BUNDLES)
    content = {path.removeprefix(f"/assets/{hash_of(table)}/"): text for path, text in contents(table).items()}
    assert set(content) == {"index.html", "icons.svg", "/openapi.json", "js/app.js", "css/app.css"}
    assert re.fullmatch(r'var (\w)=console\.error;\1\("ü",\(\)=>import\.meta\.url\?\?1\);\n', content["js/app.js"])
    assert content["css/app.css"] == "p{margin:0;background:url(/assets/x.svg)}\n"


@pytest.mark.parametrize("name,text,complaint", [
    ("js/b/b.js", "export const b = ;", r"js/b/b\.js:1:"), ("js/b/b.js", "", "import-is-undefined"),
    ("css/b.css", "p { background: url(./x.svg) }", r"x\.svg"), ("css/b.css", "p { margin: 0; } }", "Unexpected")])
def test_a_fault_in_a_module_ends_the_build(embed, name, text, complaint):
    assert re.search(complaint, embed("one", {**PARTS, name: text}, bundles=BUNDLES))


def test_the_hash_follows_what_is_imported(embed):
    changed = {**PARTS, "js/b/b.js": "export const b = console.warn;"}
    remarked = {**PARTS, "js/b/b.js": PARTS["js/b/b.js"].replace("more", "less")}
    first, second, third = (hash_of(embed(name, files, bundles=BUNDLES))
                            for name, files in (("one", PARTS), ("two", changed), ("three", remarked)))
    assert first == third != second


@pytest.mark.parametrize("icons,complaint", [
    ("key\nno-such\n", 'names the icon "no-such", but there is no'), ("../key\n", 'names the icon "../key"'),
    ("key # twice\nkey\n", 'names the icon "key" twice')])
def test_a_wrong_list_of_icons_stops_the_build(embed, icons, complaint):
    assert complaint in " ".join(embed("one", PAGE, icons).split())
