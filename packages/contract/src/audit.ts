import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, page, Timestamp } from "./common.ts";

const tag = "Audit";

export const AuditEvent = z.object({
  seq: z.number().int().describe("1, 2, 3 … per organization, without a gap"),
  at: Timestamp,
  actor: ActorRef,
  action: z.string().describe("what was done, e.g. `run.stop`"),
  target_type: z.string(),
  target_id: z.string(),
  reason: z.string().nullable(),
  request_id: z.string().nullable(),
  remote_address: z.string().nullable(),
  metadata: z.record(z.string(), z.unknown()),
  previous_hash: z.string(),
  hash: z.string().describe("SHA-256 over the previous hash and this event, hex"),
});
export type AuditEvent = z.output<typeof AuditEvent>;

export const AuditVerdict = z.object({
  intact: z.boolean(),
  checked: z.number().int(),
  head: z.string().describe("hash of the newest event; keep it elsewhere to notice a cut tail"),
  problem: z.object({ seq: z.number().int(), what: z.string() }).nullable(),
});
export type AuditVerdict = z.output<typeof AuditVerdict>;

export const auditApi = {
  auditList: endpoint({
    method: "GET",
    path: "/audit-events",
    tag,
    summary: "List audit events, newest first",
    access: "audit:read",
    query: ListQuery.extend({
      action: z.string().max(100).optional(),
      actor_id: Id.optional(),
      target_id: Id.optional(),
    }),
    response: page(AuditEvent),
  }),
  auditVerify: endpoint({
    method: "GET",
    path: "/audit-events/verify",
    tag,
    summary: "Recompute the hash chain and say whether any event was edited, removed or reordered",
    access: "audit:read",
    response: AuditVerdict,
  }),
  auditExport: endpoint({
    method: "GET",
    path: "/audit-events/export",
    tag,
    summary: "All audit events as JSON Lines, oldest first",
    access: "audit:read",
    stream: "file",
  }),
} as const;
