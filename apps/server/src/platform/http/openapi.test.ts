import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { api, API_PREFIX, endpoint, type Endpoint } from "@flowplane/contract";
import { VERSION } from "../version.ts";
import { openApiDocument } from "./openapi.ts";

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, unknown> };
}
interface Operation {
  operationId: string;
  description?: string;
  parameters: { name: string; in: string; required: boolean }[];
  requestBody?: { content: Record<string, { schema: unknown }> };
  responses: Record<string, { content?: Record<string, { schema: unknown }> }>;
}

const document = openApiDocument(api, VERSION) as unknown as Document;

test("the committed document is the contract's", () => {
  const file = join(import.meta.dirname, "../../../../../docs/reference/openapi.json");
  const committed: unknown = JSON.parse(readFileSync(file, "utf8"));
  expect(committed, "the contract has changed: run `pnpm openapi` and commit the difference").toEqual(
    JSON.parse(JSON.stringify(document)),
  );
});

test("every endpoint is in it once, under the name the clients use", () => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => [
      operationId,
      `${method.toUpperCase()} ${path}`,
    ]),
  );
  const expected = Object.entries<Endpoint>(api).map(([name, { method, path }]) => [
    name,
    `${method} ${API_PREFIX}${path}`,
  ]);
  expect(operations.map(String).toSorted()).toEqual(expected.map(String).toSorted());
});

test("every path parameter is declared, and every reference leads somewhere", () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const operation of Object.values(methods)) {
      const declared = operation.parameters.filter((each) => each.in === "path" && each.required);
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      expect(declared.map((each) => each.name).toSorted(), path).toEqual(named.toSorted());
    }
  }
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)];
  expect(references.length).toBeGreaterThan(20);
  for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  expect(JSON.stringify(document)).not.toContain("#/$defs");
});

test("what an endpoint takes, answers and needs", () => {
  const made = endpoint({
    method: "POST",
    path: "/things/{thing_id}",
    tag: "Test",
    summary: "Make a thing",
    access: "site:write",
    params: z.object({ thing_id: z.string().describe("which") }),
    query: z.object({ loud: z.enum(["true", "false"]).default("false") }),
    body: z.object({ name: z.string(), size: z.number().default(1) }),
    response: z.object({ size: z.number() }),
    status: 201,
    idempotent: true,
  });
  const { paths } = openApiDocument({ made }, "1") as unknown as Document;
  expect(paths["/api/v1/things/{thing_id}"]?.["post"]).toEqual({
    operationId: "made",
    tags: ["Test"],
    summary: "Make a thing",
    description: "Needs the permission `site:write` (owner, admin).",
    parameters: [
      { name: "thing_id", in: "path", required: true, description: "which", schema: { type: "string" } },
      {
        name: "loud",
        in: "query",
        required: false,
        schema: { type: "string", enum: ["true", "false"], default: "false" },
      },
      {
        name: "Idempotency-Key",
        in: "header",
        required: false,
        description: "Repeated with the same key and body, the request answers the first answer again.",
        schema: { type: "string" },
      },
    ],
    requestBody: {
      required: true,
      content: {
        "application/json": {
          schema: {
            type: "object",
            properties: { name: { type: "string" }, size: { type: "number", default: 1 } },
            required: ["name"],
          },
        },
      },
    },
    responses: {
      201: {
        description: "Done",
        content: {
          "application/json": {
            schema: {
              type: "object",
              properties: { size: { type: "number" } },
              required: ["size"],
              additionalProperties: false,
            },
          },
        },
      },
      default: { $ref: "#/components/responses/Problem" },
    },
  });
});
