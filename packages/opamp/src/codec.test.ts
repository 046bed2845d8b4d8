import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeAgentToServer,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeServerToAgent,
} from "./codec.ts";
import { decodeFrame, encodeFrame, HEADER_BYTES_MAX } from "./framing.ts";
import { AgentToServerSchema } from "./gen/opamp_pb.ts";
import { anyAgentToServer, anyServerToAgent } from "./testing/arbitraries.ts";

describe("codec", () => {
  it("gives back what was encoded", () => {
    fc.assert(
      fc.property(anyAgentToServer, (message) => {
        const decoded = decodeAgentToServer(encodeAgentToServer(message));
        expect(decoded).toMatchObject({ ok: true, message });
      }),
    );
    fc.assert(
      fc.property(anyServerToAgent, (message) => {
        expect(decodeServerToAgent(encodeServerToAgent(message))).toEqual({ ok: true, message });
      }),
    );
  });

  it("never throws on arbitrary bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(typeof decodeAgentToServer(bytes).ok).toBe("boolean");
        expect(typeof decodeServerToAgent(bytes).ok).toBe("boolean");
      }),
      { numRuns: 5_000 },
    );
  });

  it("never throws on damaged messages, and finds every cut inside a field", () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255) });
    fc.assert(
      fc.property(anyAgentToServer, fc.array(damage, { maxLength: 4 }), fc.nat(), (message, damages, cut) => {
        const bytes = encodeAgentToServer(message);
        for (const { at, byte } of damages) bytes[at % bytes.length] = byte;
        decodeAgentToServer(bytes);
        decodeAgentToServer(bytes.subarray(0, cut % bytes.length));
      }),
      { numRuns: 1_000 },
    );
    const whole = encodeAgentToServer(
      create(AgentToServerSchema, { customMessage: { capability: "c", type: "t" } }),
    );
    for (let length = 1; length < whole.length; length += 1) {
      expect(decodeAgentToServer(whole.subarray(0, length))).toMatchObject({
        ok: false,
        issue: { code: "malformed" },
      });
    }
  });

  it("reads a Node Buffer without handing Buffers on", () => {
    const bytes = Buffer.from(
      encodeAgentToServer(create(AgentToServerSchema, { instanceUid: new Uint8Array(16) })),
    );
    const decoded = decodeAgentToServer(bytes);
    expect(decoded.ok && decoded.message.instanceUid.constructor).toBe(Uint8Array);
  });

  it("decodes an empty message", () => {
    expect(decodeAgentToServer(new Uint8Array())).toMatchObject({ ok: true, message: { sequenceNum: 0n } });
  });

  it("says to whom a refusal goes, when that can be read", () => {
    const instanceUid = Uint8Array.from({ length: 16 }, (_, index) => index);
    const bytes = encodeAgentToServer(create(AgentToServerSchema, { instanceUid, sequenceNum: 1n }));
    expect(decodeAgentToServer(bytes.subarray(0, -1))).toMatchObject({ ok: false, issue: { instanceUid } });
    expect(decodeAgentToServer(Uint8Array.of(7))).toMatchObject({ ok: false, issue: { instanceUid: null } });
  });
});

describe("framing", () => {
  it("gives back what was framed", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        expect(decodeFrame(encodeFrame(data))).toEqual({ ok: true, data });
      }),
    );
  });

  it("accepts every encoding of 0 up to ten bytes and nothing longer", () => {
    for (let length = 1; length <= HEADER_BYTES_MAX + 1; length += 1) {
      const frame = new Uint8Array(length + 2).fill(0x80, 0, length - 1);
      frame[length - 1] = 0;
      frame.set([0x10, 0x05], length);
      expect(decodeFrame(frame).ok).toBe(length <= HEADER_BYTES_MAX);
    }
  });

  it.each([
    ["no header", []],
    ["a header cut off", [0x80, 0x80]],
    ["header 1", [0x01, 0x10]],
    ["a long header that is not 0", [0x80, 0x01]],
  ])("refuses %s", (_name, bytes) => {
    expect(decodeFrame(Uint8Array.from(bytes))).toMatchObject({ ok: false, issue: { code: "bad_header" } });
  });
});
