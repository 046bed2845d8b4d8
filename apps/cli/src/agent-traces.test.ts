import { expect, test } from "vitest";
import type { OwnSpan, OwnTrace } from "@flowplane/contract";
import { AGENT_ID, page, someAgent } from "./testing/fake-control-plane.ts";
import { Faked } from "./testing/faked.ts";

const { serve, flowplane } = new Faked();

const TRACE = "5b8efff798038103d269b633813fc60c";
const OTHER = "5b8fa5d798038103d269b633813fc60c";
const trace: OwnTrace = {
  trace_id: TRACE,
  at: "2026-01-02T03:04:05.678Z",
  duration_us: 48_000,
  spans: 2,
  errors: 1,
  name: "receive\u001b[2J",
  service: "otelcol",
};
const span: OwnSpan = {
  span_id: "a",
  parent_span_id: null,
  name: "receive",
  kind: "server",
  service: "otelcol",
  status: "unset",
  status_message: "",
  start_us: 0,
  duration_us: 48_000,
  attributes: {},
};
const spans: readonly OwnSpan[] = [
  span,
  {
    ...span,
    span_id: "b",
    parent_span_id: "a",
    name: "export",
    kind: "client",
    status: "error",
    status_message: "refused",
    start_us: 24_000,
    duration_us: 640,
  },
];
const answers = {
  "GET /api/v1/agents": () => page([someAgent({ name: "edge-7" })]),
  [`GET /api/v1/agents/${AGENT_ID}/own-traces`]: ({ query }: { query: Readonly<Record<string, string>> }) =>
    page(query["errors"] === "true" ? [trace] : [{ ...trace, trace_id: OTHER, errors: 0 }, trace]),
  [`GET /api/v1/agents/${AGENT_ID}/own-traces/${TRACE}`]: () => ({
    trace_id: TRACE,
    at: trace.at,
    duration_us: 48_000,
    spans,
    left_out: 3,
  }),
};

test("traces are listed, all or those with errors", async () => {
  await serve(answers);
  const all = await flowplane(["agents", "traces", "edge-7"]);
  expect([
    all.code,
    all.stdout
      .split("\n")
      .slice(1, 3)
      .map((row) => row.slice(0, 32)),
  ]).toEqual([0, [OTHER, TRACE]]);
  expect(all.stdout).toContain("48.0 ms");
  expect(all.stdout).not.toContain("\u001b");
  const errors = await flowplane(["agents", "traces", "edge-7", "--errors", "--json"]);
  expect(JSON.parse(errors.stdout)).toEqual([trace]);
});

test("one is drawn span by span, found by the beginning of its id", async () => {
  await serve(answers);
  const { code, stdout, stderr } = await flowplane(["agents", "traces", "edge-7", "5b8e"]);
  const [title, , first, second] = stdout.split("\n");
  expect([code, title]).toEqual([0, `${TRACE}: 48.0 ms from ${trace.at}`]);
  expect(first).toMatch(/^receive +server +\+0 µs +48\.0 ms +={24} +-$/);
  expect(second).toMatch(/^ {2}export +client +\+24\.0 ms +640 µs +\.{12}=\.{11} +error: refused$/);
  expect(stderr).toContain("3 later spans are left out.");
  expect((await flowplane(["agents", "traces", "edge-7", "5b8"])).code).toBe(6);
  expect((await flowplane(["agents", "traces", "edge-7", "77"])).code).toBe(5);
});
