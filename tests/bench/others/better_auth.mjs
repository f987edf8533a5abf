// Better Auth's API keys on the same PostgreSQL, its rate limit off. Prints "ready PORT" and then one key a line.
import http from "node:http";
import pg from "pg";
import { betterAuth } from "better-auth";
import { apiKey } from "better-auth/plugins";
import { getMigrations } from "better-auth/db";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const options = {
    database: pool,
    secret: "only-for-the-benchmark-0123456789",
    baseURL: "http://127.0.0.1",
    telemetry: { enabled: false },
    logger: { disabled: true },
    rateLimit: { enabled: false },
    emailAndPassword: { enabled: true },
    plugins: [apiKey({ rateLimit: { enabled: false } })],
};
const auth = betterAuth(options);
await (await getMigrations(options)).runMigrations();
const account = { email: "bench@example.test", password: "violet-harbour-46", name: "Bench" };
const { user } = await auth.api.signUpEmail({ body: account });
const keys = [];
for (let i = 0; i < Number(process.env.KEYS); i++) {
    keys.push((await auth.api.createApiKey({ body: { userId: user.id, name: `Key ${i}` } })).key);
}
const server = http.createServer(async (request, response) => {
    const key = (request.headers.authorization ?? "").slice(7);
    const { valid } = await auth.api.verifyApiKey({ body: { key } });
    response.statusCode = valid ? 200 : 401;
    response.end();
});
server.listen(0, "127.0.0.1", () => console.log(`ready ${server.address().port}\n${keys.join("\n")}\nend`));
