import { describe, expect, test } from "vitest";
import type { Site, Variable } from "@flowplane/contract";
import { page } from "../testing/fake-control-plane.ts";
import { Faked } from "../testing/faked.ts";

const { serve, flowplane } = new Faked();

const AT = "2026-01-02T03:04:05.678Z";
const BERLIN = "019b8d7a-3333-7000-8000-000000000051";
const BY = { type: "user", id: "u1", name: "Ada" } as const;
const sites: readonly Pick<Site, "id" | "name" | "environment" | "agents" | "created_at">[] = [
  { id: BERLIN, name: "berlin", environment: "production", agents: 2, created_at: AT },
];
const backend: Variable = { name: "BACKEND", site_id: null, value: "a:4317", created_by: BY, updated_at: AT };
const ofBerlin: Variable = { ...backend, site_id: BERLIN, value: "b:\u001b[2J4317" };

const answers = {
  "GET /api/v1/sites": () => page(sites),
  "GET /api/v1/variables": ({ query }: { query: Readonly<Record<string, string>> }) =>
    page(query["site_id"] === BERLIN ? [ofBerlin] : [backend, ofBerlin]),
  "PUT /api/v1/variables/BACKEND": ({ body }: { body: unknown }) => ({ ...backend, ...(body as object) }),
  "DELETE /api/v1/variables/BACKEND": () => undefined,
};

describe("variables", () => {
  test("are listed with the name of their site, and nothing of a value reaches the terminal's controls", async () => {
    await serve(answers);
    const { stdout, code } = await flowplane(["variables"]);
    expect(code).toBe(0);
    const rows = stdout.split("\n").map((row) => row.trim().split(/\s{2,}/));
    expect(rows[0]).toEqual(["NAME", "FOR", "VALUE", "CHANGED", "BY"]);
    expect(rows[1]?.slice(0, 3)).toEqual(["BACKEND", "all sites", "a:4317"]);
    expect(rows[2]?.slice(0, 2)).toEqual(["BACKEND", "berlin"]);
    expect(stdout).not.toContain("\u001b");
    expect(JSON.parse((await flowplane(["variables", "list", "--json", "--site", "Berlin"])).stdout)).toEqual(
      [ofBerlin],
    );
  });

  test("that are none are told so", async () => {
    await serve({ "GET /api/v1/variables": () => page([]) });
    expect((await flowplane(["variables", "ls"])).stdout).toBe("No variables.\n");
  });

  test("take their value from an argument or from stdin, for all sites or one", async () => {
    const { seen } = await serve(answers);
    const bodies = () => seen.filter(({ method }) => method === "PUT").map(({ body }) => body);
    expect((await flowplane(["variables", "set", "BACKEND", "c:1"])).stdout).toBe("BACKEND set\n");
    expect((await flowplane(["variables", "set", "BACKEND", "--site", "berlin"], {}, "d\ne\n")).stdout).toBe(
      "BACKEND set for berlin\n",
    );
    expect((await flowplane(["variables", "set", "BACKEND", "-"], {}, "f\n")).code).toBe(0);
    const json = await flowplane(["variables", "set", "BACKEND", "", "--json"]);
    expect(JSON.parse(json.stdout)).toEqual({ ...backend, value: "" });
    expect(bodies()).toEqual([
      { value: "c:1", site_id: null },
      { value: "d\ne", site_id: BERLIN },
      { value: "f", site_id: null },
      { value: "", site_id: null },
    ]);
  });

  test("are not emptied by a file that is empty, nor set for a site that is not there", async () => {
    const { seen } = await serve(answers);
    const empty = await flowplane(["variables", "set", "BACKEND"], {}, "\n");
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('variables set BACKEND ""')]);
    expect((await flowplane(["variables", "set", "BACKEND", "x", "--site", "paris"])).code).toBe(5);
    expect(seen.some(({ method }) => method === "PUT")).toBe(false);
  });

  test("are forgotten at the scope that is named", async () => {
    const { seen } = await serve(answers);
    expect((await flowplane(["variables", "rm", "BACKEND"])).stdout).toBe("BACKEND forgotten\n");
    expect((await flowplane(["variables", "delete", "BACKEND", "--site", "berlin"])).stdout).toBe(
      "BACKEND forgotten for berlin\n",
    );
    const missing = await flowplane(["variables", "rm", "NOBODY"]);
    expect([missing.code, missing.stdout]).toEqual([5, ""]);
    const deletes = seen.filter(({ method }) => method === "DELETE").map(({ query }) => query);
    expect(deletes).toEqual([{}, { site_id: BERLIN }, {}]);
  });
});
