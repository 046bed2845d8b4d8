import type { IncidentDetail, LogLine, Run } from "@flowplane/contract";
import { idAt, iso } from "./random.ts";

const AGENT = (run: Run) => ({ type: "agent", id: run.agent_id ?? "", name: run.agent_name ?? "" }) as const;
const ADA = { type: "user", id: "user-0", name: "Ada Lovelace" } as const;
export const LOOP_TEXT =
  "ERROR fetch https://shop.example/page/412 failed: ECONNRESET (attempt 3), retrying in 250 ms";
/** From this line on the log of a run with an incident repeats itself. */
export const LOOP_FROM = 3_210;

const KINDS = [
  {
    category: "loop",
    severity: "critical",
    title: "The same error 1,412 times in 9 minutes",
    sentence:
      "Stopped by Flowplane: the same error 1,412 times in 9 minutes, and nothing new since line 3,210. It was restarted with --resume.",
    outcome: "done",
    action: "restart",
    why: "the policy Crawlers v3 enforces this: first loop, so restart with --resume",
  },
  {
    category: "stall",
    severity: "warning",
    title: "No output, no CPU, no disk for 22 minutes",
    sentence: "It stands still since 22 minutes: no output, no CPU and no disk. Nothing was done.",
    outcome: "withheld",
    action: "stop",
    why: "the policy Default v1 only watches (shadow); under enforce it would have been stopped",
  },
  {
    category: "retry_storm",
    severity: "warning",
    title: "9.4 failures a second against one address",
    sentence: "It tries the same thing 9.4 times a second without waiting longer each time. It was frozen.",
    outcome: "done",
    action: "freeze",
    why: "the policy Crawlers v3 enforces this: first retry storm, so freeze",
  },
  {
    category: "runaway",
    severity: "critical",
    title: "Memory reaches its limit of 2 GiB in 6 minutes",
    sentence: "Its memory grows by 82 MiB a minute and reaches the limit of 2 GiB in 6 minutes.",
    outcome: "withheld",
    action: "stop",
    why: "the canary of Crawlers v2 covers 20 % of the runs, and this one is not among them",
  },
] as const;

export function makeIncidents(runs: readonly Run[], count: number, now: number): IncidentDetail[] {
  const hosts = runs.filter(({ started_at }) => started_at !== null);
  return Array.from({ length: Math.min(count, hosts.length * 3) }, (_, index) => {
    const run = hosts[(index * 7 + 4) % hosts.length] as Run; // There is one: `count` is 0 without runs.
    return makeIncident(run, index, now);
  });
}

export function makeIncident(run: Run, index: number, now: number): IncidentDetail {
  const kind = KINDS[index % KINDS.length] ?? KINDS[0];
  const start = Date.parse(run.started_at ?? run.created_at);
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  const opened = start + (end - start) * 0.9;
  const state = index < 3 ? "open" : index % 5 === 3 ? "acknowledged" : "closed";
  const line = (seq: number, text: string): LogLine => ({
    seq,
    at: iso(start + seq * 120),
    stream: "stderr",
    text,
    partial: false,
  });
  return {
    id: idAt(opened, 7_000 + index),
    run_id: run.id,
    run_name: run.name,
    job_id: run.job_id,
    site_id: run.site_id,
    agent_id: run.agent_id ?? "",
    agent_name: run.agent_name ?? "",
    category: kind.category,
    severity: kind.severity,
    state,
    score: 94 - (index % 4) * 5,
    confidence: 0.94 - (index % 4) * 0.05,
    title: kind.title,
    sentence: kind.sentence,
    policy: { id: null, name: "Crawlers", version: 3, mode: kind.outcome === "done" ? "enforce" : "shadow" },
    interventions: [
      {
        action: "notify",
        outcome: "done",
        why: "told at once, whatever the mode",
        at: iso(opened),
        actor: AGENT(run),
        run_id: null,
      },
      {
        action: kind.action,
        outcome: kind.outcome,
        why: kind.why,
        at: iso(opened + 900),
        actor: AGENT(run),
        run_id: null,
      },
    ],
    feedback:
      index % 6 === 5
        ? {
            verdict: "wrong",
            note: "It waits for a lock here by design.",
            actor: ADA,
            at: iso(opened + 3_600_000),
          }
        : null,
    opened_at: iso(opened),
    closed_at: state === "closed" ? iso(opened + 60_000) : null,
    closed_because: state === "closed" ? "The run ended." : null,
    acknowledged_by: state === "acknowledged" ? ADA : null,
    evidence: {
      families: [
        { family: "repetition", strength: 960, value: 12, threshold: 50, unit: "‰ of records new" },
        { family: "error", strength: 880, value: 980, threshold: 500, unit: "‰ of lines" },
        { family: "no_progress", strength: 720, value: 3, threshold: 20, unit: "‰ of lines with news" },
        {
          family: "activity",
          strength: 210,
          value: 14_000,
          threshold: 120_000,
          unit: "ms without CPU, disk or new processes",
        },
      ],
      signature: {
        text: "ERROR fetch https://shop.example/page/<n> failed: ECONNRESET (attempt <n>), retrying in <n> ms",
        last_text: LOOP_TEXT,
        count: 1_412,
        period_ms: 382,
      },
      lines: { from: LOOP_FROM, to: LOOP_FROM + 1_412 },
      since: { line: LOOP_FROM, at: iso(opened - 540_000) },
      last_progress: { what: "fetched page 411 of 2,000", line: LOOP_FROM - 3, at: iso(opened - 541_000) },
      suppressions: [{ name: "failures followed by success", count: 3 }],
      config_hash: "9d".repeat(32),
    },
    lines: [
      { text: LOOP_TEXT, count: 1_412, first: line(LOOP_FROM, LOOP_TEXT), last_seq: LOOP_FROM + 1_412 },
      {
        text: "    at TLSSocket.socketCloseListener (node:_http_client:473:27)",
        count: 1_412,
        first: line(LOOP_FROM + 1, "    at TLSSocket.socketCloseListener (node:_http_client:473:27)"),
        last_seq: LOOP_FROM + 1_411,
      },
      {
        text: "warn  pool: all 8 connections are busy",
        count: 31,
        first: line(LOOP_FROM + 14, "warn  pool: all 8 connections are busy"),
        last_seq: LOOP_FROM + 1_380,
      },
    ],
    before: [
      { at: iso(start - 86_400_000), what: "The last run that ended well", detail: "14 m 12 s, 2,000 pages" },
      {
        at: iso(start - 7_200_000),
        what: "Grace Hopper changed the job",
        detail: "--concurrency 2 became --concurrency 8",
      },
      { at: iso(start), what: "This run began", detail: `${run.command} ${run.args.join(" ")}` },
    ],
    after: [
      { at: iso(opened + 900), what: "SIGTERM to 4 processes", detail: null },
      { at: iso(opened + 1_400), what: "All of them ended", detail: "exit code 143" },
      ...(kind.action === "restart"
        ? [
            {
              at: iso(opened + 31_000),
              what: "Started again with --resume",
              detail: "It ended well after 8 m 40 s.",
            },
          ]
        : []),
    ],
  };
}
