import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RELEASE_FILES_MAX } from "@flowplane/contract";
import { newId, type Ctx } from "../../platform/context.ts";
import { createHttp } from "../../platform/http/server.ts";
import { testActor, testBase, testCtx, testOrganization, type TestBase } from "../../testing/base.ts";
import { insertAgent } from "../fleet/agents.ts";
import { cleanObjects, objectKey } from "./objects.ts";
import { createPackage, listPackagePage, readPackage, removePackage } from "./packages.ts";
import { createRelease, publishRelease, removeRelease } from "./releases.ts";
import { releaseRoutes } from "./routes.ts";
import { putSets, withdrawPackages } from "./sets.ts";
import { release, upgrade } from "./testing.ts";

const FILE_BYTES_MAX = 300_000;

let world: TestBase;
let ctx: Ctx;
let siteId: string;
let url: string;
let close: () => Promise<unknown>;
beforeAll(async () => {
  world = await testBase();
  ({ ctx, siteId } = await testOrganization(world.base));
  const http = await createHttp(world.base, async () => ctx.actor);
  releaseRoutes(http, { fileBytesMax: FILE_BYTES_MAX });
  url = `${await http.fastify.listen({ host: "127.0.0.1", port: 0 })}/api/v1`;
  close = () => http.fastify.close();
});
afterAll(async () => {
  await close();
  await world[Symbol.asyncDispose]();
});

let count = 0;
function name(): string {
  count += 1;
  return `package-${count}`;
}

async function draft(version = "1.0.0") {
  const { id: packageId } = await createPackage(ctx, { name: name(), type: "addon", description: "" });
  const { id } = await createRelease(ctx, packageId, { version, channel: "canary", message: "try it" });
  return { packageId, id, files: `${url}/packages/${packageId}/releases/${id}/files` };
}

function put(files: string, body: Buffer | string, type = "application/octet-stream") {
  return fetch(files, {
    method: "PUT",
    body,
    headers: { authorization: "Bearer owner", ...(type === "" ? {} : { "content-type": type }) },
  });
}

/** Of objects that are being written. */
async function halves(): Promise<string[]> {
  const names = await readdir(join(world.base.config.dataDir, "objects", "packages"));
  return names.filter((each) => each.endsWith(".part"));
}

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const key of world.base.objects.list("packages/")) found.push(key);
  return found;
}

function agent(more: object = {}) {
  return insertAgent(world.base.storage.system, {
    id: newId(),
    organization_id: ctx.actor.organization_id,
    site_id: siteId,
    kind: "collector",
    name: `agent-${newId().slice(-4)}`,
    instance_uid: newId(),
    approval: "approved",
    labels: "{}",
    ...more,
  });
}

const said = { drops: [], reason: "a test" };

describe("an upload", () => {
  test("is stored as it comes, with the hash of its bytes, and replaced while the release is open", async () => {
    const { files, packageId, id } = await draft();
    const body = randomBytes(200_000);
    const first = await put(`${files}?os=linux&arch=x86_64`, body);
    expect([first.status, await first.json()]).toEqual([
      200,
      expect.objectContaining({
        os: "linux",
        arch: "amd64",
        bytes: body.byteLength,
        sha256: createHash("sha256").update(body).digest("hex"),
        signature_bytes: 0,
      }),
    ]);
    const [former] = await keys();
    const other = (await (await put(`${files}?os=linux&arch=amd64`, "other")).json()) as { id: string };
    const [stored] = (await readPackage(ctx, packageId)).all_releases;
    expect(stored?.files.map((file) => file.id)).toEqual([other.id]);
    expect(Buffer.from((await world.base.objects.get(objectKey(other.id))) ?? []).toString()).toBe("other");
    await expect.poll(keys).not.toContain(former);

    await publishRelease(ctx, packageId, id);
    const late = await put(`${files}?os=linux&arch=amd64`, "late");
    expect([late.status, await late.json()]).toEqual([
      409,
      expect.objectContaining({ detail: expect.stringContaining("published and never changes") }),
    ]);
  });

  test("over the limit is refused and leaves nothing, whether its length is said or not", async () => {
    const { files } = await draft();
    const before = await keys();
    expect((await put(files, randomBytes(FILE_BYTES_MAX + 1))).status).toBe(413);
    const streamed = request(files, {
      method: "PUT",
      headers: { authorization: "Bearer owner", "content-type": "application/octet-stream" },
    });
    const answered = once(streamed, "response");
    for (let sent = 0; sent <= FILE_BYTES_MAX; sent += 50_000) streamed.write(randomBytes(50_000));
    streamed.end();
    const [answer] = (await answered) as [{ statusCode: number; resume(): void }];
    answer.resume();
    expect(answer.statusCode).toBe(413);
    expect(await keys()).toEqual(before);
    expect((await put(files, randomBytes(FILE_BYTES_MAX))).status).toBe(200);
  });

  test("that breaks off leaves nothing", async () => {
    const { files, packageId } = await draft();
    const before = await keys();
    const broken = request(files, {
      method: "PUT",
      headers: {
        authorization: "Bearer owner",
        "content-type": "application/octet-stream",
        "content-length": "100000",
      },
    });
    broken.on("error", () => undefined);
    broken.write(randomBytes(50_000));
    await expect.poll(halves).not.toEqual([]);
    broken.destroy();
    await expect.poll(halves).toEqual([]);
    expect(await keys()).toEqual(before);
    expect((await readPackage(ctx, packageId)).all_releases[0]?.files).toEqual([]);
  });

  test.each([
    ["nothing", "", "application/octet-stream", 400],
    ["no type", Buffer.alloc(0), "", 400],
    ["JSON", "{}", "application/json", 415],
  ])("of %s is refused", async (_name, body, type, status) => {
    const { files } = await draft();
    expect((await put(files, body, type)).status).toBe(status);
  });

  test("of one file too many is refused", async () => {
    const { files } = await draft();
    for (let each = 0; each < RELEASE_FILES_MAX; each += 1)
      expect((await put(`${files}?os=os${each}`, "x")).status).toBe(200);
    const before = await keys();
    expect((await put(`${files}?os=other`, "x")).status).toBe(409);
    expect(await keys()).toEqual(before);
  });

  test("whose bytes nobody knows any more is freed a day later, others are not", async () => {
    const { release: kept } = await release(ctx, name(), "1");
    const lost = objectKey(newId());
    await world.base.objects.put(lost, Buffer.from("lost"));
    expect(await cleanObjects(world.base)).toBe(0);
    const tomorrow = { ...world.base, now: () => Date.now() + 25 * 3_600_000 };
    expect(await cleanObjects(tomorrow)).toBe(1);
    const left = await keys();
    expect(left).not.toContain(lost);
    expect(left).toContain(objectKey(kept.files[0]?.id ?? ""));
  });
});

describe("the catalogue", () => {
  test("knows a package by its name, once", async () => {
    const called = name();
    await createPackage(ctx, { name: called, type: "top_level", description: "the Collector" });
    await expect(createPackage(ctx, { name: called, type: "addon", description: "" })).rejects.toMatchObject({
      code: "conflict",
    });
    const { items } = await listPackagePage(ctx, { q: called, limit: 10 });
    expect(items).toMatchObject([{ name: called, releases: 0, newest_version: null, agents: 0 }]);
  });

  test("pages by name", async () => {
    const { ctx } = await testOrganization(world.base);
    for (const each of ["b", "a", "c"])
      await createPackage(ctx, { name: each, type: "addon", description: "" });
    const first = await listPackagePage(ctx, { limit: 2 });
    const second = await listPackagePage(ctx, { limit: 2, cursor: first.next_cursor ?? "" });
    expect([first, second].map(({ items }) => items.map((each) => each.name))).toEqual([["a", "b"], ["c"]]);
  });

  test("a release is published with a file, once, and has its version alone", async () => {
    const { packageId, id, files } = await draft("1.0.0");
    await expect(publishRelease(ctx, packageId, id)).rejects.toThrow("has no file yet");
    await put(files, "x");
    expect(await publishRelease(ctx, packageId, id)).toMatchObject({ published_at: expect.any(String) });
    await expect(publishRelease(ctx, packageId, id)).rejects.toThrow("never changes");
    await expect(
      createRelease(ctx, packageId, { version: "1.0.0", channel: "stable", message: "again" }),
    ).rejects.toThrow("has a release 1.0.0 already");
    expect(await readPackage(ctx, packageId)).toMatchObject({ newest_version: "1.0.0", releases: 1 });
  });

  test("a signature is passed on as it is given, before the release is published", async () => {
    const { packageId, id, files } = await draft();
    const file = (await (await put(files, "x")).json()) as { id: string };
    const sign = () =>
      fetch(`${files}/${file.id}/signature`, {
        method: "PUT",
        headers: { authorization: "Bearer owner", "content-type": "application/json" },
        body: JSON.stringify({ signature: Buffer.from("signed").toString("base64") }),
      });
    expect(await (await sign()).json()).toMatchObject({ signature_bytes: 6 });
    await publishRelease(ctx, packageId, id);
    expect((await sign()).status).toBe(409);
  });

  test("what an agent is to have is not deleted; what nobody has goes with its bytes", async () => {
    const { packageId, release: one } = await release(ctx, name(), "1");
    const two = await upgrade(ctx, packageId, "2");
    const { id: agentId, name: agentName } = await agent();
    await putSets(ctx, [agentId], { release_ids: [one.id], ...said });
    await expect(removeRelease(ctx, packageId, one.id)).rejects.toThrow(`${agentName} is to have it`);
    await expect(removePackage(ctx, packageId)).rejects.toThrow(`${agentName} is to have it`);
    await removeRelease(ctx, packageId, two.id);
    await withdrawPackages(ctx, agentId);
    await removePackage(ctx, packageId);
    const gone = [...one.files, ...two.files].map((file) => objectKey(file.id));
    await expect.poll(async () => (await keys()).filter((key) => gone.includes(key))).toEqual([]);
    await expect(readPackage(ctx, packageId)).rejects.toMatchObject({ code: "not_found" });
  });

  test("every change is in the audit log, and none without", async () => {
    const { packageId, release: one } = await release(ctx, name(), "1");
    await removeRelease(ctx, packageId, one.id);
    await removePackage(ctx, packageId);
    const rows = await world.base.storage.system
      .selectFrom("audit_events")
      .select("action")
      .where("target_id", "in", [packageId, one.id])
      .orderBy("seq")
      .execute();
    expect(rows.map(({ action }) => action)).toEqual([
      "package.create",
      "release.create",
      "release.upload",
      "release.publish",
      "release.delete",
      "package.delete",
    ]);
  });
});

describe("a set", () => {
  test("replaces the one before, and says what the agent would lose before it does", async () => {
    const { release: one } = await release(ctx, name(), "1");
    const { packageId, release: two } = await release(ctx, name(), "1");
    const dropped = (await readPackage(ctx, packageId)).name;
    const { id } = await agent();
    await putSets(ctx, [id], { release_ids: [one.id, two.id], ...said });
    await expect(putSets(ctx, [id], { release_ids: [one.id], ...said })).rejects.toMatchObject({
      code: "conflict",
      fields: [{ pointer: "/drops", message: dropped }],
    });
    await expect(putSets(ctx, [id], { release_ids: [], ...said, drops: [dropped] })).rejects.toThrow(
      "would delete",
    );
    await putSets(ctx, [id], { release_ids: [one.id], ...said, drops: [dropped] });
    // Another release of the same package drops nothing.
    await putSets(ctx, [id], { release_ids: [(await upgrade(ctx, one.package_id, "2")).id], ...said });
  });

  test("is refused with what is not published, not there, or there twice", async () => {
    const { packageId, release: one } = await release(ctx, name(), "1");
    const two = await upgrade(ctx, packageId, "2");
    const open = await createRelease(ctx, packageId, { version: "3", channel: "canary", message: "open" });
    const { id } = await agent();
    const putOf = (...release_ids: string[]) => putSets(ctx, [id], { release_ids, ...said });
    await expect(putOf(open.id)).rejects.toThrow("is not published");
    await expect(putOf(newId())).rejects.toMatchObject({ code: "not_found" });
    await expect(putOf("nonsense")).rejects.toMatchObject({ code: "not_found" });
    await expect(putOf(one.id, two.id)).rejects.toThrow("an agent has one");
    await expect(putSets(ctx, [id, newId()], { release_ids: [one.id], ...said })).rejects.toMatchObject({
      code: "not_found",
    });
    const { id: gateway } = await agent({ kind: "gateway" });
    await expect(putSets(ctx, [gateway], { release_ids: [one.id], ...said })).rejects.toThrow(
      "knows no packages",
    );
  });

  test("says of each agent why it is not offered it", async () => {
    const { release: one } = await release(ctx, name(), "1", { "windows/amd64": "x" });
    const [fine, deaf] = [await agent(), await agent({ capabilities: 1 })];
    const { items } = await putSets(ctx, [fine.id, deaf.id], { release_ids: [one.id], ...said });
    expect(items).toMatchObject([
      { agent_id: fine.id, held: expect.stringContaining("there is one for windows/amd64") },
      { agent_id: deaf.id, held: expect.stringContaining("cannot be upgraded from here") },
    ]);
  });

  test("cannot name another organization's agents or releases", async () => {
    const { release: ours } = await release(ctx, name(), "1");
    const { ctx: others } = await testOrganization(world.base);
    const { release: theirs } = await release(others, name(), "1");
    const { id } = await agent();
    const strange = testCtx(world.base, testActor(others.actor.organization_id));
    await expect(putSets(strange, [id], { release_ids: [theirs.id], ...said })).rejects.toMatchObject({
      code: "not_found",
    });
    await expect(putSets(ctx, [id], { release_ids: [theirs.id], ...said })).rejects.toMatchObject({
      code: "not_found",
    });
    await putSets(ctx, [id], { release_ids: [ours.id], ...said });
  });
});
