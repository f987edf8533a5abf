// What a team would write by hand: Fastify, and one look-up by the token's SHA-256 a request. Prints as better_auth.mjs does.
import { createHash, randomBytes } from "node:crypto";
import pg from "pg";
import Fastify from "fastify";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
await pool.query(`create table keys (digest bytea primary key, user_id bigint not null, expires_at timestamptz not null,
                                     revoked_at timestamptz)`);
const keys = Array.from({ length: Number(process.env.KEYS) }, () => randomBytes(30).toString("base64url"));
const digest = (key) => createHash("sha256").update(key).digest();
for (const key of keys) {
    await pool.query("insert into keys values ($1, 1, now() + interval '90 days', null)", [digest(key)]);
}
const app = Fastify();
app.get("/", async (request, reply) => {
    const { rows } = await pool.query({
        name: "look-up",
        text: "select user_id from keys where digest = $1 and revoked_at is null and expires_at > now()",
        values: [digest((request.headers.authorization ?? "").slice(7))],
    });
    return reply.code(rows.length ? 200 : 401).send();
});
await app.listen({ port: 0, host: "127.0.0.1" });
console.log(`ready ${app.server.address().port}\n${keys.join("\n")}\nend`);
