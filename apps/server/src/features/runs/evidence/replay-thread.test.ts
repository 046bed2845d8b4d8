import { expect, test } from "vitest";
import { PolicyDocument } from "@flowplane/contract";
import { encodeLines } from "@flowplane/link";
import { newId } from "../../../platform/context.ts";
import { loopingRun, recordRun } from "./recorded.ts";
import { startReplayThread } from "./replay-thread.ts";

test("memory that others look at stays, and what nobody else has is handed over", async () => {
  const { chunks, segments } = recordRun(newId(), PolicyDocument.parse({}), loopingRun());
  // Each alone in its memory, as what was just decompressed.
  const stored = segments.map((lines, index) => ({
    segment: index + 1,
    encoding: Uint8Array.from(encodeLines(lines)),
    isShared: index % 2 === 0,
  }));
  const thread = startReplayThread();
  try {
    const source = {
      chunks: (async function* () {
        for (const chunk of chunks) yield Uint8Array.from(chunk);
      })(),
      segments: (async function* () {
        yield* stored;
      })(),
    };
    expect(await thread.replay(source, undefined)).toMatchObject({ equal: true, problem: null });
  } finally {
    await thread.close();
  }
  expect(stored.map(({ encoding }) => encoding.byteLength > 0)).toEqual(
    stored.map(({ isShared }) => isShared),
  );
});
