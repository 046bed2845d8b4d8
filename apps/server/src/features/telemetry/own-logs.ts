import { createHash } from "node:crypto";
import type { OwnLog } from "@flowplane/telemetry";
import { redactText } from "@flowplane/opamp";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import type { LogRow } from "./store.ts";

/** Log records as they are stored: what looks like a secret is taken out here, and never reaches the database. */
export function logRows({ organization_id, agent_id }: AgentIdentity, logs: readonly OwnLog[]): LogRow[] {
  return logs.map((log) => {
    const body = redactText(log.body);
    const attributes = redactAttributes(log.attributes);
    const digest = createHash("sha256").update(`${log.severity} ${body} ${attributes}`).digest();
    return {
      ...log,
      body,
      attributes,
      organizationId: organization_id,
      agentId: agent_id,
      digest: String(digest.readBigInt64BE(0)),
    };
  });
}

const SECRET_NAME = /password|passwd|secret|token|api[-_.]?key|authorization|credential|private[-_.]?key/i;

/** A JSON object of attributes without what looks like a secret. */
export function redactAttributes(json: string): string {
  return JSON.stringify(
    JSON.parse(json, (key, value: unknown) => {
      if (typeof value !== "string") return value;
      return SECRET_NAME.test(key) ? "[REDACTED]" : redactText(value);
    }),
  );
}
