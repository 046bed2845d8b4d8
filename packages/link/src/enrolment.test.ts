import { expect, test } from "vitest";
import { decodeEnrolmentToken, encodeEnrolmentToken, enrolResponseSchema } from "./enrolment.ts";
import type { EnrolmentToken } from "./enrolment.ts";

const token: EnrolmentToken = {
  v: 1,
  o: "org",
  s: "0123456789abcdefé",
  f: "ab".repeat(32),
  u: "https://host:4320",
};

test("a token survives its text form, whatever whitespace was pasted around it", () => {
  const text = encodeEnrolmentToken(token);
  expect(text).toMatch(/^fpe_[A-Za-z0-9_-]+$/);
  expect(decodeEnrolmentToken(` ${text}\n`)).toEqual({ ok: true, value: token });
});

function checkIssue(text: string, expected: RegExp) {
  const decoded = decodeEnrolmentToken(text);
  expect(decoded.ok ? "decoded" : decoded.issue).toMatch(expected);
}

test("text that is no token says why, without repeating the secret", () => {
  checkIssue("", /starts with fpe_/);
  checkIssue("fpe_%%%", /damaged/);
  checkIssue(encodeEnrolmentToken(token).slice(0, -9), /damaged/);
  checkIssue(`fpe_${btoa('{"v":2}')}`, /version/);
  checkIssue(encodeEnrolmentToken({ ...token, u: "http://host" }), /version/);
  checkIssue(`fpe_${"A".repeat(5000)}`, /too long/);
});

test("a response is one of two", () => {
  expect(
    enrolResponseSchema.safeParse({ state: "pending", agent_id: "a", retry_after_seconds: 5 }).success,
  ).toBe(true);
  expect(enrolResponseSchema.safeParse({ state: "issued", agent_id: "a" }).success).toBe(false);
});
