import { expect, test } from "vitest";
import { knownProblem } from "./problem.mjs";

test.each([
  ["ENOSPC: no space left on device, write", /^The disk that holds \/srv\/flowplane is full: free/],
  // pnpm breaks its messages into lines.
  ["Failed to write: No space left on\n      device (os error 28)", /^The disk that holds/],
  ["EROFS: read-only file system, mkdir", /is on a read-only file system: use a copy/],
  ["EACCES: permission denied, mkdir '/srv'", /^User .+ may not write to \/srv\/flowplane: give/],
  ["npm error code ENOTFOUND", /^The package registry can't be reached: the first start needs a network/],
  ["getaddrinfo EAI_AGAIN registry.example", /^The package registry can't be reached/],
  ["dns error: failed to lookup address information", /^The package registry can't be reached/],
])("%s", (text, sentence) => {
  expect(knownProblem(text, "/srv/flowplane")).toMatch(sentence);
});

test("what is not known is not explained away", () => {
  expect(knownProblem("SyntaxError: Unexpected token", "/srv/flowplane")).toBeUndefined();
});
