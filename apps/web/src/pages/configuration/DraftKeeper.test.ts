import { expect, test } from "vitest";
import { ApiError, type ConfigurationDraft } from "@flowplane/contract";
import {
  DraftKeeper,
  SEND_AFTER_MS,
  SEND_AT_LEAST_EVERY_MS,
  type Draft,
  type Unsent,
} from "./DraftKeeper.ts";

test("what is typed is kept a moment after the last word, in this browser at once", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  expect(keeper.state).toEqual({ draft: undefined, revision: 0, saving: { kind: "none" } });
  keeper.change(draft("a"));
  keeper.change(draft("ab"));
  expect([keeper.state.saving.kind, world.here?.draft.body, world.server]).toEqual(["saving", "ab", null]);
  await world.pass(SEND_AFTER_MS);
  expect([keeper.state.saving.kind, world.here, world.server?.body, world.puts]).toEqual([
    "saved",
    undefined,
    "ab",
    1,
  ]);
});

test("who never stops typing is kept now and then", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  for (let ms = 0; ms < SEND_AT_LEAST_EVERY_MS; ms += SEND_AFTER_MS / 2) {
    keeper.change(draft(`at ${ms}`));
    await world.pass(SEND_AFTER_MS / 2);
  }
  expect(world.puts).toBe(1);
});

test("what is typed while it is being sent goes with the next one", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  keeper.change(draft("a"));
  world.isHeld = true;
  await world.pass(SEND_AFTER_MS);
  keeper.change(draft("ab"));
  await world.release();
  expect([world.server?.body, keeper.state.saving.kind, world.here]).toMatchObject([
    "a",
    "saving",
    { draft: { body: "ab" }, revision: 1 },
  ]);
  await world.pass(SEND_AFTER_MS);
  expect([world.server?.body, world.server?.revision, keeper.state.saving.kind]).toEqual(["ab", 2, "saved"]);
});

test("what could not be kept stays in this browser and is sent again, by a later page too", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  world.refuseWith = 503;
  keeper.change(draft("a"));
  await world.pass(SEND_AFTER_MS);
  expect([keeper.state.saving, world.here?.draft.body]).toMatchObject([
    { kind: "failed", retryInMs: 2_000 },
    "a",
  ]);
  world.refuseWith = undefined;
  await world.pass(2_000);
  expect([keeper.state.saving.kind, world.server?.body, world.here]).toEqual(["saved", "a", undefined]);
  keeper.change(draft("lost with the page"));
  const next = world.open();
  expect(next.state.draft?.body).toBe("lost with the page");
  await world.pass(SEND_AFTER_MS);
  expect([next.state.saving.kind, world.server?.body]).toEqual(["saved", "lost with the page"]);
});

test("what can never be kept is not tried again by itself", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  world.refuseWith = 403;
  keeper.change(draft("a"));
  await world.pass(SEND_AFTER_MS);
  expect(keeper.state.saving).toMatchObject({ kind: "failed", retryInMs: null });
  await world.pass(60_000);
  expect(world.puts).toBe(1);
});

test("another window went on: nothing is written over until somebody chose", async () => {
  for (const choice of ["mine", "theirs"] as const) {
    const world = new FakeWorld();
    const keeper = world.open();
    await world.put(draft("theirs"), undefined);
    keeper.change(draft("mine"));
    await world.pass(SEND_AFTER_MS);
    expect([keeper.state.saving.kind, keeper.state.draft?.body, world.server?.body]).toEqual([
      "elsewhere",
      "mine",
      "theirs",
    ]);
    // One may go on writing meanwhile.
    keeper.change(draft("mine too"));
    await world.pass(SEND_AT_LEAST_EVERY_MS);
    expect([world.server?.body, world.open().state.saving.kind]).toEqual(["theirs", "elsewhere"]);
    if (choice === "mine") keeper.keepMine();
    else keeper.takeTheirs();
    await world.pass(0);
    const body = choice === "mine" ? "mine too" : "theirs";
    expect([keeper.state.draft?.body, world.server?.body, keeper.state.saving.kind, world.here]).toEqual([
      body,
      body,
      "saved",
      undefined,
    ]);
  }
});

test("an answer that was lost is no conflict", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  keeper.change(draft("a"));
  await world.put(draft("a"), 0);
  await world.pass(SEND_AFTER_MS);
  expect(keeper.state).toMatchObject({ revision: 1, saving: { kind: "saved" } });
});

test("what another window kept is taken over when nothing here is newer", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  const theirs = await world.put(draft("theirs"), undefined);
  keeper.adopt(theirs);
  expect(keeper.state.draft?.body).toBe("theirs");
  keeper.change(draft("mine"));
  keeper.adopt(null);
  expect(keeper.state.draft?.body).toBe("mine");
});

test("a discarded draft stays away, whatever was under way", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  keeper.change(draft("a"));
  world.isHeld = true;
  keeper.flush();
  const discarded = keeper.discard();
  await world.release();
  await discarded;
  await world.pass(60_000);
  expect([keeper.state, world.here, world.server]).toEqual([
    { draft: undefined, revision: 0, saving: { kind: "none" } },
    undefined,
    null,
  ]);
});

test("a text that is the version's again is no draft", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  keeper.change(draft("a"));
  await world.pass(SEND_AFTER_MS);
  keeper.change(draft("as it was"));
  await world.pass(SEND_AFTER_MS);
  expect([keeper.state.saving.kind, world.server, world.here]).toEqual(["none", null, undefined]);
  keeper.change(draft("b"));
  await world.pass(SEND_AFTER_MS);
  expect([keeper.state.saving.kind, world.server?.body]).toEqual(["saved", "b"]);
});

test("nothing is sent while a version is saved of it, and it goes on when that is refused", async () => {
  const world = new FakeWorld();
  const keeper = world.open();
  keeper.change(draft("a"));
  world.isHeld = true;
  keeper.flush();
  keeper.change(draft("ab"));
  const paused = keeper.pause();
  await world.release();
  expect(await paused).toBe(1);
  await world.pass(60_000);
  expect(world.puts).toBe(1);
  keeper.resume();
  await world.pass(SEND_AFTER_MS);
  expect([world.server?.body, keeper.state.saving.kind]).toEqual(["ab", "saved"]);
});

function draft(body: string): Draft {
  return { body, overlays: [], base: 3 };
}

/** A control plane, a browser and a clock. */
class FakeWorld {
  server: ConfigurationDraft | null = null;
  here: Unsent | undefined;
  puts = 0;
  refuseWith: number | undefined;
  isHeld = false;
  #now = 0;
  #held: (() => void)[] = [];
  readonly #timers = new Set<{ at: number; run: () => void }>();

  open(): DraftKeeper {
    return new DraftKeeper(
      {
        put: async (draft, revision) => {
          this.puts += 1;
          if (this.isHeld) await new Promise<void>((resolve) => this.#held.push(resolve));
          return this.put(draft, revision);
        },
        read: async () => this.server,
        discard: async () => {
          this.server = null;
        },
        saysNothing: ({ body }) => body === "as it was",
        keepHere: (unsent) => {
          this.here = unsent;
        },
        after: (ms, run) => {
          const timer = { at: this.#now + ms, run };
          this.#timers.add(timer);
          return () => this.#timers.delete(timer);
        },
      },
      this.server,
      this.here,
    );
  }

  async put({ body, overlays, base }: Draft, revision: number | undefined): Promise<ConfigurationDraft> {
    const before = this.server?.revision ?? 0;
    const status = this.refuseWith ?? (revision === undefined || revision === before ? undefined : 409);
    if (status !== undefined)
      throw new ApiError({
        type: "about:blank",
        title: "",
        status,
        detail: "",
        instance: "",
        code: "",
        request_id: "",
      });
    this.server = {
      configuration_id: "c1",
      body,
      overlays: [...overlays],
      based_on: base,
      current_version: base,
      is_behind: false,
      problems: [],
      revision: before + 1,
      updated_at: "2026-01-01T00:00:00.000Z",
    };
    return this.server;
  }

  async release(): Promise<void> {
    this.isHeld = false;
    for (const go of this.#held.splice(0)) go();
    await settle();
  }

  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const [next] = [...this.#timers].toSorted((one, other) => one.at - other.at);
      if (next === undefined || next.at > end) break;
      this.#now = next.at;
      this.#timers.delete(next);
      next.run();
    }
    this.#now = end;
  }
}

/** Promises that are due are done. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
