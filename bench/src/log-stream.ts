import { api, pathOf, type LogLine } from "@flowplane/contract";
import type { ControlPlane } from "@flowplane/test/harness";

/** Lines of a run as a watching client gets them, each with the moment (performance.now) its bytes arrived. */
export async function* watchLines(
  plane: ControlPlane,
  runId: string,
  signal: AbortSignal,
): AsyncGenerator<{ line: LogLine; at: number }> {
  const path = pathOf(api.runLogStream, { params: { run_id: runId } });
  const response = await fetch(plane.url + path, {
    headers: { authorization: `Bearer ${plane.key}`, accept: "text/event-stream" },
    signal,
  });
  if (!response.ok || response.body === null)
    throw new Error(`log stream answered ${response.status}: ${await response.text()}`);
  let text = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const at = performance.now();
    text += chunk;
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const fields = event.split("\n");
      if (fields.includes("event: end")) return;
      if (!fields.includes("event: lines")) continue;
      const data = fields.find((field) => field.startsWith("data: "))?.slice("data: ".length) ?? "{}";
      for (const line of (JSON.parse(data) as { items: LogLine[] }).items) yield { line, at };
    }
  }
}
