import { describe, expect, it } from "vitest";
import { seededRandom } from "../testing/random.ts";
import { connectionState, connectionStateChangesAt } from "./liveness.ts";
import { drainDelaysMs, RETRY_AFTER_SECONDS_MIN, retryAfterSeconds } from "./overload.ts";
import { claim, isOwned, LATE_MESSAGE_MS, OWNER_SILENT_MS, release, type Ownership } from "./ownership.ts";

describe("ownership", () => {
  it("follows an agent that reconnects again and again", () => {
    let ownership: Ownership | null = null;
    for (let count = 0; count < 10; count += 1) {
      const claimed = claim(ownership, speaker(`c${count}`, count * 1_000), count * 1_000);
      expect(claimed.kind).toBe("owner");
      ownership = claimed.ownership;
    }
    expect(ownership).toMatchObject({ connectionId: "c9" });
    expect(ownership?.superseded).toHaveLength(4);
  });

  it("does not let the late greeting of an older socket take over", () => {
    const { ownership } = claim(null, speaker("new", 5_000), 6_000);
    const late = claim(ownership, speaker("old", 4_000), 6_500);
    expect(late.kind).toBe("late");
    expect(claim(late.ownership, speaker("new", 5_000), 7_000).kind).toBe("owner");
    // Long after, an older socket speaking first is an agent moved by its gateway.
    expect(claim(ownership, speaker("old", 4_000), 5_001 + LATE_MESSAGE_MS).kind).toBe("owner");
  });

  it("keeps what is on the way late when the owner has gone meanwhile", () => {
    const first = claim(null, speaker("a", 0), 0).ownership;
    const second = claim(first, speaker("b", 1_000), 1_000).ownership;
    const { ownership, wasOwner } = release(second, "b");
    expect([wasOwner, isOwned(ownership)]).toEqual([true, false]);
    expect(claim(ownership, speaker("a", 0), 2_000).kind).toBe("late");
    expect(claim(ownership, speaker("c", 3_000), 3_000)).toMatchObject({ kind: "owner" });
    expect(claim(ownership, speaker("a", 0), 2_000 + LATE_MESSAGE_MS)).toMatchObject({ kind: "owner" });
  });

  it("lets a gateway move an agent to another of its sockets and back", () => {
    const first = claim(null, speaker("a", 0, true), 0).ownership;
    const second = claim(first, speaker("b", 0, true), 60_000).ownership;
    expect(claim(second, speaker("a", 0, true), 120_000).kind).toBe("owner");
    expect(claim(second, speaker("a", 0, false), 120_000).kind).toBe("owner_was_clone");
  });

  it("gives way to another credential only after silence", () => {
    const { ownership } = claim(null, speaker("a", 0), 0);
    const other = { ...speaker("b", 1_000), credential: "other" };
    expect(claim(ownership, other, OWNER_SILENT_MS - 1).kind).toBe("newcomer_is_clone");
    expect(claim(ownership, other, OWNER_SILENT_MS).kind).toBe("owner");
  });

  it("ends when its last connection closes", () => {
    const { ownership } = claim(null, speaker("a", 0), 0);
    expect(release(ownership, "other")).toEqual({ ownership, wasOwner: false });
    expect(release(ownership, "a")).toEqual({ ownership: null, wasOwner: true });
    expect(release(null, "a")).toEqual({ ownership: null, wasOwner: false });
  });
});

describe("overload", () => {
  it("spreads Retry-After over whole seconds from 30 up", () => {
    const random = seededRandom(1);
    const seconds = Array.from({ length: 2_000 }, () => retryAfterSeconds(random, 5, 20));
    expect(Math.min(...seconds)).toBe(RETRY_AFTER_SECONDS_MIN);
    expect(Math.max(...seconds)).toBe(RETRY_AFTER_SECONDS_MIN + 20);
    expect(seconds.every(Number.isInteger)).toBe(true);
    expect(retryAfterSeconds(() => 0, 90)).toBe(90);
  });

  it("spreads a drain so that no tenth of the window gets more than its share", () => {
    const delays = drainDelaysMs(1_000, 10_000, seededRandom(2));
    for (let from = 0; from < 10_000; from += 1_000) {
      expect(delays.filter((delay) => delay >= from && delay < from + 1_000)).toHaveLength(100);
    }
    expect(drainDelaysMs(0, 10_000, Math.random)).toEqual([]);
  });
});

describe("liveness", () => {
  it("says when it will change, and then it does", () => {
    const liveness = {
      lastSeenAt: 1_000,
      heartbeatIntervalMs: 10_000,
      transport: "http",
      reportsHeartbeat: false,
      isOpen: false,
      present: true,
    } as const;
    let now = 1_000;
    const states: string[] = [];
    for (;;) {
      states.push(connectionState(liveness, now));
      const next = connectionStateChangesAt(liveness, now);
      if (next === null) break;
      expect(connectionState(liveness, next - 1)).toBe(states.at(-1));
      now = next;
    }
    expect(states).toEqual(["connected", "stale", "offline"]);
  });
});

function speaker(connectionId: string, openedAt: number, isShared = false) {
  return { connectionId, credential: "agent", openedAt, isShared };
}
