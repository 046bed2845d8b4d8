import { Readable } from "node:stream";
import { api } from "@flowplane/contract";
import { route, streamRoute, type Http } from "../../platform/http/route.ts";
import { exportAuditEvents, listAuditEvents, verifyChain } from "./audit.ts";

export function auditRoutes(http: Http): void {
  route(http, api.auditList, (ctx, { query }) => listAuditEvents(ctx, query));
  route(http, api.auditVerify, (ctx) => verifyChain(ctx));
  streamRoute(http, api.auditExport, async (ctx, _request, _raw, reply) =>
    reply
      .headers({
        "content-type": "application/x-ndjson; charset=utf-8",
        "content-disposition": 'attachment; filename="audit-events.jsonl"',
        "cache-control": "no-store",
      })
      .send(Readable.from(jsonLines(exportAuditEvents(ctx)))),
  );
}

async function* jsonLines(batches: AsyncIterable<readonly object[]>): AsyncGenerator<string> {
  for await (const batch of batches) yield batch.map((each) => `${JSON.stringify(each)}\n`).join("");
}
