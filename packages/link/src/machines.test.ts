import { expect, test } from "vitest";
import { deliveryWakeAt, emptyDelivery, INTENT_RESEND_MS, INTENT_WINDOW, stepDelivery } from "./delivery.ts";
import type { DeliveryInput } from "./delivery.ts";
import { awayGreeting, greetingWakeAt, stepGreeting } from "./greeting.ts";
import type { GreetingInput } from "./greeting.ts";
import { takeIntents } from "./inbox.ts";
import { takeEvents } from "./intake.ts";
import type { Intent, LinkEvent } from "./messages.ts";
import { EVENT_RESEND_MS, EVENT_WINDOW, openOutbox, outboxWakeAt, stepOutbox } from "./outbox.ts";
import type { OutboxInput } from "./outbox.ts";

const at = "2026-01-01T00:00:00.000Z";
const intent = (id: string): Intent => ({ id, type: "run.start", payload: {}, created_at: at });
const event = (seq: number): LinkEvent => ({ seq, type: "run.starting", at, payload: {} });

/** Runs inputs, each `[now, input]`, and returns one line per effect. */
function traceDelivery(script: [number, DeliveryInput][]): string[] {
  let state = emptyDelivery;
  return script.flatMap(([now, input]) => {
    const next = stepDelivery(state, input, now);
    state = next.state;
    return next.effects.map((effect) =>
      effect.kind === "send"
        ? `send ${effect.intents.map((sent) => sent.id).join(" ")}`
        : `delivered ${effect.ids.join(" ")}`,
    );
  });
}

test("delivery: waits for a connection, sends once, forgets at the acknowledgement", () => {
  const trace = traceDelivery([
    [0, { kind: "created", intents: [intent("a")] }],
    [1, { kind: "connected" }],
    [2, { kind: "created", intents: [intent("b"), intent("a")] }],
    [3, { kind: "acked", ids: ["a", "zzz"] }],
    [4, { kind: "acked", ids: ["a"] }],
    [5, { kind: "tick" }],
  ]);
  expect(trace).toEqual(["send a", "send b", "delivered a"]);
});

test("delivery: a new connection gets everything unacknowledged again, in order", () => {
  const trace = traceDelivery([
    [0, { kind: "created", intents: [intent("a"), intent("b")] }],
    [1, { kind: "connected" }],
    [2, { kind: "disconnected" }],
    [3, { kind: "created", intents: [intent("c")] }],
    [4, { kind: "connected" }],
  ]);
  expect(trace).toEqual(["send a b", "send a b c"]);
});

test("delivery: silence on a live connection leads to another try", () => {
  const connected = stepDelivery(emptyDelivery, { kind: "connected" }, 0).state;
  expect(deliveryWakeAt(connected)).toBe(Infinity);
  const sent = stepDelivery(connected, { kind: "created", intents: [intent("a")] }, 10).state;
  expect(deliveryWakeAt(sent)).toBe(10 + INTENT_RESEND_MS);
  expect(stepDelivery(sent, { kind: "tick" }, 9 + INTENT_RESEND_MS).effects).toEqual([]);
  expect(stepDelivery(sent, { kind: "tick" }, 10 + INTENT_RESEND_MS).effects).toMatchObject([
    { kind: "send" },
  ]);
});

test("delivery: a burst goes out window by window", () => {
  const intents = Array.from({ length: INTENT_WINDOW + 5 }, (_, i) => intent(`i${i}`));
  const first = stepDelivery(
    stepDelivery(emptyDelivery, { kind: "connected" }, 0).state,
    { kind: "created", intents },
    0,
  );
  expect(first.effects).toMatchObject([{ kind: "send", intents: intents.slice(0, INTENT_WINDOW) }]);
  const second = stepDelivery(first.state, { kind: "acked", ids: ["i0", "i1"] }, 1);
  expect(second.effects).toEqual([
    { kind: "delivered", ids: ["i0", "i1"] },
    { kind: "send", intents: intents.slice(INTENT_WINDOW, INTENT_WINDOW + 2) },
  ]);
});

test("inbox: stores what is new, once, and acknowledges all of it", () => {
  const taken = takeIntents([intent("a"), intent("b"), intent("a"), intent("c")], (id) => id === "b");
  expect(taken.store.map((stored) => stored.id)).toEqual(["a", "c"]);
  expect(taken.ack).toEqual(["a", "b", "c"]);
});

function checkTake(stored: number, seqs: number[], applied: number[], ackUpTo: number) {
  const taken = takeEvents(stored, seqs.map(event));
  expect({ applied: taken.apply.map((one) => one.seq), ackUpTo: taken.ackUpTo }).toEqual({
    applied,
    ackUpTo,
  });
}

test("intake: takes what continues the mark and nothing else", () => {
  checkTake(0, [1, 2, 3], [1, 2, 3], 3);
  checkTake(2, [1, 2, 3], [3], 3);
  checkTake(3, [1, 2], [], 3);
  checkTake(3, [5, 6], [], 3);
  checkTake(3, [4, 6], [4], 4);
  checkTake(0, [2, 1, 2], [1, 2], 2);
});

function traceOutbox(storedUpTo: number, script: [number, OutboxInput][]): string[] {
  let state = openOutbox("s1", 0, storedUpTo);
  return script.flatMap(([now, input]) => {
    const next = stepOutbox(state, input, now);
    state = next.state;
    return next.effects.map((effect) => {
      switch (effect.kind) {
        case "send":
          return `send ${effect.from}-${effect.to}`;
        case "forget":
          return `forget ${effect.upTo}`;
        case "renew_spool":
          return "renew";
      }
    });
  });
}

test("outbox: sends what is stored, forgets what is acknowledged, begins again from the mark", () => {
  const trace = traceOutbox(2, [
    [0, { kind: "stored", upTo: 3 }],
    [1, { kind: "connected" }],
    [2, { kind: "stored", upTo: 5 }],
    [3, { kind: "acked", spoolId: "s1", upTo: 4 }],
    [4, { kind: "acked", spoolId: "s1", upTo: 2 }],
    [5, { kind: "acked", spoolId: "old", upTo: 5 }],
    [6, { kind: "disconnected" }],
    [7, { kind: "connected" }],
    [8, { kind: "tick" }],
    [7 + EVENT_RESEND_MS, { kind: "tick" }],
  ]);
  expect(trace).toEqual(["send 1-3", "send 4-5", "forget 4", "send 5-5", "send 5-5"]);
});

test("outbox: no more than the window is under way", () => {
  const trace = traceOutbox(EVENT_WINDOW + 50, [
    [0, { kind: "connected" }],
    [1, { kind: "acked", spoolId: "s1", upTo: 20 }],
  ]);
  expect(trace).toEqual([
    `send 1-${EVENT_WINDOW}`,
    "forget 20",
    `send ${EVENT_WINDOW + 1}-${EVENT_WINDOW + 20}`,
  ]);
});

test("outbox: an acknowledgement of what was never written means the spool is an old copy", () => {
  expect(
    traceOutbox(3, [
      [0, { kind: "connected" }],
      [1, { kind: "acked", spoolId: "s1", upTo: 9 }],
    ]),
  ).toEqual(["send 1-3", "renew"]);
});

test("outbox: an idle machine sleeps", () => {
  expect(outboxWakeAt(openOutbox("s1", 4, 4))).toBe(Infinity);
});

test("a hello is said again, ever more seldom, and at once when it is asked for", () => {
  let state = awayGreeting;
  const said: number[] = [];
  const step = (now: number, input: GreetingInput) => {
    const next = stepGreeting(state, input, now);
    state = next.state;
    if (next.effects.some(({ kind }) => kind === "say_hello")) said.push(now);
  };
  step(0, { kind: "connected" });
  step(10, { kind: "greet" });
  for (let now = 1_000; now <= 200_000; now += 1_000) step(now, { kind: "tick" });
  step(200_500, { kind: "greet" });
  expect(said).toEqual([0, 10_000, 30_000, 70_000, 130_000, 190_000, 200_500]);
  step(200_600, { kind: "offered", token: "t", isOurs: true });
  step(200_700, { kind: "kept" });
  expect(greetingWakeAt(state)).toBe(Infinity);
});
