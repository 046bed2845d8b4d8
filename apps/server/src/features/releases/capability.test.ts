import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { newId } from "../../platform/ids.ts";
import { readCapability, writeCapability } from "./capability.ts";

const KEY = randomBytes(32);
const NOW = 1_800_000_000_000;

test("says what it is for until it expires, to who has the key", () => {
  const capability = { fileId: newId(), agentId: newId(), expiresAt: NOW + 1 };
  const text = writeCapability(KEY, capability);
  expect(text).toMatch(/^fpd_[A-Za-z0-9_-]{94}$/);
  expect(readCapability(KEY, text, NOW)).toEqual({ ok: true, capability });
  expect(readCapability(KEY, text, NOW + 1)).toEqual({ ok: false, issue: "expired" });
  expect(readCapability(randomBytes(32), text, NOW)).toEqual({ ok: false, issue: "not_ours" });
});

test("changed in any one place it is worth nothing", () => {
  const text = writeCapability(KEY, { fileId: newId(), agentId: newId(), expiresAt: NOW + 1_000 });
  const bytes = Buffer.from(text.slice(4), "base64url");
  fc.assert(
    fc.property(fc.nat(bytes.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ change;
      expect(readCapability(KEY, `fpd_${changed.toString("base64url")}`, NOW)).toEqual({
        ok: false,
        issue: "not_ours",
      });
    }),
  );
  for (const wrong of ["", "fpd_", text.slice(4), text.slice(0, -1), `${text}AA`])
    expect(readCapability(KEY, wrong, NOW).ok).toBe(false);
});
