import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findTarget, isLoopback, parseOrigin } from "./connection.ts";
import { readCredentials, withCredential, withoutCredential, writeCredentials } from "./credentials.ts";
import { CliError } from "./failure.ts";

let home: string;
let env: Record<string, string>;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "flowplane-target-"));
  env = { XDG_DATA_HOME: join(home, "data"), XDG_CONFIG_HOME: join(home, "config") };
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function localControlPlane(folder: string, address: string | null) {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "admin.key"), "fpk_admin\n");
  if (address !== null) await writeFile(join(folder, "address"), `${address}\n`);
}

async function loggedIn(origin: string) {
  const credential = { secret: `secret of ${origin}`, kind: "api_key", name: "ada", saved_at: "" } as const;
  const file = join(home, "config/flowplane/credentials.json");
  await writeCredentials(file, withCredential(await readCredentials(file), origin, credential));
}

async function check(url: string | undefined, origin: string, secret: string | null) {
  const target = await findTarget(env, url);
  expect([target.origin, target.secret]).toEqual([origin, secret]);
}

describe("which control plane, and as whom", () => {
  test("nothing set: the local address, nobody", () => check(undefined, "http://127.0.0.1:4300", null));

  test("the default data folder has an address and a key", async () => {
    await localControlPlane(join(home, "data/flowplane"), "http://127.0.0.1:5000");
    await check(undefined, "http://127.0.0.1:5000", "fpk_admin");
  });

  test("the last login wins over the default data folder", async () => {
    await localControlPlane(join(home, "data/flowplane"), "http://127.0.0.1:5000");
    await loggedIn("https://fleet.example");
    await check(undefined, "https://fleet.example", "secret of https://fleet.example");
  });

  test("an explicit FLOWPLANE_DATA wins over the last login", async () => {
    await localControlPlane(join(home, "mine"), "http://127.0.0.1:5000");
    await loggedIn("http://127.0.0.1:5000");
    env["FLOWPLANE_DATA"] = join(home, "mine");
    await check(undefined, "http://127.0.0.1:5000", "fpk_admin");
  });

  test("FLOWPLANE_URL and FLOWPLANE_API_KEY win over both, and --url over that", async () => {
    await localControlPlane(join(home, "mine"), "http://127.0.0.1:5000");
    await loggedIn("https://fleet.example");
    Object.assign(env, {
      FLOWPLANE_DATA: join(home, "mine"),
      FLOWPLANE_URL: "https://other.example/",
      FLOWPLANE_API_KEY: "fpk_env",
    });
    await check(undefined, "https://other.example", "fpk_env");
    await check("localhost:4300", "http://localhost:4300", "fpk_env");
  });

  test("an admin key is never sent to another machine", async () => {
    await localControlPlane(join(home, "mine"), null);
    env["FLOWPLANE_DATA"] = join(home, "mine");
    await check("https://fleet.example", "https://fleet.example", null);
    await check("http://127.0.0.1.example", "http://127.0.0.1.example", null);
    await check("http://[::1]:4300", "http://[::1]:4300", "fpk_admin");
  });
});

test.each([
  ["https://fleet.example/agents?x=1", "https://fleet.example"],
  ["fleet.example:4300", "http://fleet.example:4300"],
  [" HTTP://LocalHost:80 ", "http://localhost"],
])("%j is the address %s", (text, origin) => expect(parseOrigin(text, "url")).toBe(origin));

test.each(["", "ftp://fleet.example", "http://", "http://user:pw@fleet.example", "a b"])(
  "%j is no address",
  (text) => {
    expect(() => parseOrigin(text, "url")).toThrow(CliError);
  },
);

test("127.0.0.0/8, ::1 and localhost are this machine", () => {
  expect(["http://127.8.9.1:1", "http://[::1]", "http://localhost"].map(isLoopback)).toEqual([
    true,
    true,
    true,
  ]);
  expect(isLoopback("http://128.0.0.1")).toBe(false);
});

describe("the credentials file", () => {
  const credential = { secret: "s", kind: "session", name: "ada", saved_at: "now" } as const;

  test("is kept for its owner alone, and gone with the last login", async () => {
    const file = join(home, "config/flowplane/credentials.json");
    const one = withCredential(await readCredentials(file), "https://a.example", credential);
    await writeCredentials(file, one);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readCredentials(file)).toEqual(one);
    await writeCredentials(file, withoutCredential(one, "https://a.example"));
    await expect(readFile(file)).rejects.toMatchObject({ code: "ENOENT" });
  });

  test.each(["", "{", "[]", '{"servers":[]}', '{"servers":{"https://a.example":{}}}'])(
    "%j is refused with a sentence",
    async (text) => {
      const file = join(home, "credentials.json");
      await writeFile(file, text);
      await expect(readCredentials(file)).rejects.toThrow(CliError);
    },
  );
});
