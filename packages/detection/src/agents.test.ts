import { describe, expect, test } from "vitest";
import type { StepEvent } from "./events.ts";
import { confirmed, lines, repeat } from "./testing.ts";

describe("steps", () => {
  const step = (at: number, tool: string, args: string, result: string | null): StepEvent => ({
    kind: "step",
    at,
    tool,
    args,
    result,
    failed: false,
    conversation: null,
  });
  const run = (calls: readonly (readonly [tool: string, args: string, result: string | null])[]) =>
    confirmed(calls.map(([tool, args, result], n) => step(n * 1_000, tool, args, result)))[0];

  test("the same call with the same result, four times", () => {
    expect(run(Array.from({ length: 4 }, () => ["read", "a.txt", "hello"] as const))?.category).toBe(
      "agent_loop",
    );
    expect(run(Array.from({ length: 3 }, () => ["read", "a.txt", "hello"] as const))).toBeUndefined();
  });

  test("three suffice when it fails", () => {
    expect(
      run(Array.from({ length: 3 }, () => ["read", "a.txt", "Error: not found"] as const)),
    ).toBeDefined();
  });

  test("a new result is news; a digit in the arguments is another call", () => {
    expect(
      run(Array.from({ length: 20 }, (_, n) => ["poll", "job", `at ${n} of 20`] as const)),
    ).toBeUndefined();
    expect(
      run(Array.from({ length: 20 }, (_, n) => ["read", `part_${n}.txt`, "ok"] as const)),
    ).toBeUndefined();
  });

  test("ids in results hide nothing", () => {
    const calls = Array.from(
      { length: 5 },
      (_, n) => ["run", "make", `pid ${900 + n}: done in ${n}s`] as const,
    );
    expect(run(calls)).toBeDefined();
  });

  test("two or three steps in turn", () => {
    const round = [["grep", "a", "x"] as const, ["grep", "b", "y"] as const, ["ls", "", "z"] as const];
    expect(run(Array.from({ length: 3 }, () => round).flat())).toBeDefined();
    expect(run(Array.from({ length: 2 }, () => round).flat())).toBeUndefined();
  });

  test("waiting is given four times as long", () => {
    const calls = Array.from({ length: 15 }, () => ["sleep", "10", ""] as const);
    expect(run(calls)).toBeUndefined();
    expect(run([...calls, ["sleep", "10", ""]])).toBeDefined();
  });
});

describe("transcripts", () => {
  test.each([
    [
      "OpenAI",
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "1", function: { name: "f", arguments: '{"a": 1}' } }],
      },
    ],
    ["the older OpenAI", { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } }],
    [
      "Anthropic",
      {
        type: "assistant",
        message: { role: "assistant", content: [{ type: "tool_use", name: "f", input: { a: 1 } }] },
      },
    ],
    ["plain", { tool: "f", args: { a: 1 }, result: "same" }],
    ["words alone", { role: "assistant", content: "I am done." }],
  ])("%s", (_, message) => {
    const text = JSON.stringify(message);
    expect(confirmed([...lines(repeat([text], 8)), { kind: "end", at: 8_000 }])[0]?.category).toBe(
      "agent_loop",
    );
  });

  test("results decide, wherever they stand", () => {
    const call = { role: "assistant", tool_calls: [{ function: { name: "get", arguments: "{}" } }] };
    const polling = Array.from({ length: 12 }, (_, n) => [
      call,
      { role: "tool", content: `${n} of 12 done` },
    ]).flat();
    const stuck = Array.from({ length: 12 }, () => [call, { role: "tool", content: "nothing" }]).flat();
    const texts = (messages: readonly object[]) => lines(messages.map((message) => JSON.stringify(message)));
    expect(confirmed(texts(polling))).toEqual([]);
    expect(confirmed(texts(stuck))).toHaveLength(1);
  });

  test("another conversation begins afresh", () => {
    const turn = (run: number) =>
      JSON.stringify({ run, role: "assistant", content: "Hello, how can I help you?" });
    expect(confirmed(lines(Array.from({ length: 20 }, (_, n) => turn(n))))).toEqual([]);
  });

  test("what is said calls nothing: it takes no result from a call", () => {
    const turns = Array.from({ length: 12 }, (_, n) => [
      { role: "assistant", content: `Looking at part ${n}.` },
      { role: "assistant", tool_calls: [{ function: { name: "look", arguments: "{}" } }] },
      { role: "tool", content: `part ${n} of 12` },
    ]).flat();
    expect(confirmed(lines(turns.map((turn) => JSON.stringify(turn))))).toEqual([]);
  });

  test("a structured log is no transcript", () => {
    const text = JSON.stringify({ level: "info", action: "poll", input: "queue", result: "nothing to do" });
    expect(confirmed(lines(repeat([text], 200)))).toEqual([]);
    expect(confirmed(lines(repeat([JSON.stringify({ action: "poll", input: "queue" })], 200)))).toEqual([]);
  });

  test("an action in words is a step only with what was observed", () => {
    expect(confirmed(lines(repeat(["Action: scan"], 50)))).toEqual([]);
    expect(confirmed(lines(repeat(["Action: scan", "Observation: nothing"], 5)))).toHaveLength(1);
  });

  test("what is typed at a prompt, and the line it gives", () => {
    const round = ["> go to drawer 1", "Nothing happens."];
    expect(confirmed(lines(repeat(round, 6)))[0]?.category).toBe("agent_loop");
    const others = Array.from({ length: 9 }, (_, n) => [`> go to drawer ${n}`, "It is empty."]).flat();
    expect(confirmed(lines(others))).toEqual([]);
  });

  test("in the manner of ReAct", () => {
    const round = ["Thought 1: search again", "Action 1: Search[x]", "Observation 1: Could not find [x]."];
    expect(confirmed(lines(repeat(round, 3)))[0]?.category).toBe("agent_loop");
    const others = Array.from({ length: 9 }, (_, n) => [
      `Action ${n}: Search[page ${n}]`,
      `Observation ${n}: found`,
    ]);
    expect(confirmed(lines(others.flat()))).toEqual([]);
  });
});
