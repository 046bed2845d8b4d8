import { expect, test } from "vitest";
import type { Package } from "@flowplane/contract";
import { page } from "../testing/fake-control-plane.ts";
import { Faked } from "../testing/faked.ts";

const { serve, flowplane } = new Faked();

const AT = "2026-01-02T03:04:05.678Z";
const otelcol: Package = {
  id: "019b8d7a-3333-7000-8000-000000000061",
  name: "otelcol",
  type: "top_level",
  description: "",
  releases: 1,
  newest_version: "1.2.3",
  agents: 3,
  installed: 2,
  failed: 1,
  created_by: { type: "user", id: "u1", name: "Ada" },
  created_at: AT,
};

test("packages are listed with who has them", async () => {
  await serve({ "GET /api/v1/packages": () => page([otelcol]) });
  const { stdout, code } = await flowplane(["packages"]);
  expect(code).toBe(0);
  const rows = stdout.split("\n").map((row) => row.trim().split(/\s{2,}/));
  expect(rows[1]).toEqual(["otelcol", "top level", "1.2.3", "1", "3", "2", "1"]);
});

test("what is given is said one way, and a signature belongs to a file", async () => {
  await serve({ "GET /api/v1/packages": () => page([otelcol]) });
  const both = await flowplane(["packages", "give", "edge", "--retry", "--withdraw"]);
  expect([both.code, both.stderr]).toEqual([2, expect.stringContaining("or --retry, or --withdraw")]);
  const none = await flowplane([
    "packages",
    "upload",
    "otelcol",
    "1",
    "-f",
    "x",
    "--signature",
    "linux/amd64=y",
  ]);
  expect([none.code, none.stderr]).toEqual([
    2,
    expect.stringContaining("a signature for linux/amd64 and no file"),
  ]);
});
