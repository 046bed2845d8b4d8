import { z } from "zod";
import * as contract from "@flowplane/contract";
import { API_PREFIX, Problem, roleMay, ROLES, type Access, type Endpoint } from "@flowplane/contract";

type Json = Record<string, unknown>;

/** The contract's own names of its objects; each becomes a component that others refer to. */
const named = z.registry<{ id: string }>();
for (const [id, value] of Object.entries(contract))
  if (value instanceof z.ZodObject || value === contract.Health) named.add(value, { id });

/** The OpenAPI 3.1 document of an endpoint table: a pure function, so that the committed copy can be compared with it. */
export function openApiDocument(endpoints: Readonly<Record<string, Endpoint>>, version: string): Json {
  const paths: Record<string, Json> = {};
  const components: Components = new Map();
  const problem = schema(Problem, "output", components);
  // What is answered has the plain name; where a request may leave fields out, its form is told apart.
  for (const { response } of Object.values(endpoints))
    if (response !== undefined) schema(response, "output", components);
  for (const [name, endpoint] of Object.entries(endpoints)) {
    const path = API_PREFIX + endpoint.path;
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(name, endpoint, components) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Flowplane",
      version,
      summary: "One control plane for every automation agent a team runs.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }, { session: [] }],
    tags: [...new Set(Object.values(endpoints).map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "An API token (`fpk_…`) or a session of `flowplane login`.",
        },
        agent: {
          type: "http",
          scheme: "bearer",
          description: "An enrolment token (`fpe_…`) where an agent registers, its bearer afterwards.",
        },
        session: { type: "apiKey", in: "cookie", name: "flowplane.session_token" },
      },
      schemas: Object.fromEntries([...components].toSorted(([a], [b]) => (a < b ? -1 : 1))),
      responses: {
        Problem: {
          description: "What went wrong and what to do about it (RFC 9457)",
          content: { "application/problem+json": { schema: problem } },
        },
      },
    },
  };
}

type Components = Map<string, Json>;

function operation(name: string, endpoint: Endpoint, components: Components): Json {
  const description = accessSentence(endpoint.access);
  return {
    operationId: name,
    tags: [endpoint.tag],
    summary: endpoint.summary,
    ...(description === undefined ? {} : { description }),
    ...(endpoint.access === "public" ? { security: [] } : {}),
    ...(endpoint.access === "agent" ? { security: [{ agent: [] }] } : {}),
    parameters: [
      ...parameters("path", endpoint.params, components),
      ...parameters("query", endpoint.query, components),
      ...headers(endpoint),
    ],
    ...(endpoint.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: schema(endpoint.body, "input", components) } },
          },
        }),
    responses: {
      [endpoint.status ?? 200]: success(endpoint, components),
      default: { $ref: "#/components/responses/Problem" },
    },
  };
}

function accessSentence(access: Access): string | undefined {
  if (access === "public") return undefined;
  if (access === "signed_in") return "For anybody signed in.";
  if (access === "agent") return "For an agent, by its own credential.";
  const roles = ROLES.filter((role) => roleMay(role, access));
  return `Needs the permission \`${access}\` (${roles.join(", ")}).`;
}

function parameters(
  place: "path" | "query",
  object: z.ZodObject | undefined,
  components: Components,
): Json[] {
  if (object === undefined) return [];
  const { properties = {}, required = [] } = schema(object, "input", components) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => {
    const { description, ...rest } = property;
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
}

function headers(endpoint: Endpoint): Json[] {
  const optional = (name: string, description: string) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  });
  return [
    ...(endpoint.idempotent === true
      ? [
          optional(
            "Idempotency-Key",
            "Repeated with the same key and body, the request answers the first answer again.",
          ),
        ]
      : []),
    ...(endpoint.stream === "sse" ? [optional("Last-Event-ID", "Resume after this event.")] : []),
  ];
}

function success(endpoint: Endpoint, components: Components): Json {
  const content = (type: string, schema: Json) => ({ content: { [type]: { schema } } });
  if (endpoint.stream === "sse")
    return { description: "Server-sent events", ...content("text/event-stream", { type: "string" }) };
  if (endpoint.stream === "file")
    return { description: "The file", ...content("application/octet-stream", {}) };
  if (endpoint.response === undefined) return { description: "Done" };
  return {
    description: "Done",
    ...content("application/json", schema(endpoint.response, "output", components)),
  };
}

/** JSON Schema of a type, with what has a name of its own moved to the components. */
function schema(type: z.ZodType, io: "input" | "output", components: Components): Json {
  const {
    $schema: _,
    $defs = {},
    ...rest
  } = z.toJSONSchema(type, {
    io,
    metadata: named,
    target: "draft-2020-12",
    override: ({ zodSchema, jsonSchema }) => {
      const description = z.globalRegistry.get(zodSchema)?.description;
      if (description !== undefined) jsonSchema.description = description;
      // The format says it; the pattern behind it is a line of noise at every time stamp.
      if (jsonSchema.format === "date-time" || jsonSchema.format === "email") delete jsonSchema.pattern;
    },
  }) as Json & { $defs?: Record<string, Json> };
  const own = named.get(type)?.id;
  const isNamed = own !== undefined && !("$ref" in rest);
  const definitions = isNamed ? { ...$defs, [own]: rest } : $defs;
  const names = componentNames(components, definitions, io);
  for (const [id, definition] of Object.entries(definitions)) {
    const { id: __, $id: ___, ...body } = withReferences(definition, names);
    components.set(names.get(id) ?? id, body);
  }
  return isNamed ? { $ref: `#/components/schemas/${names.get(own) ?? own}` } : withReferences(rest, names);
}

/** New names for the definitions that are another as input than as output; what holds such a one is another, too. */
function componentNames(
  components: Components,
  definitions: Readonly<Record<string, Json>>,
  io: "input" | "output",
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (let before = -1; before < names.size;) {
    before = names.size;
    for (const [id, definition] of Object.entries(definitions)) {
      if (names.has(id)) continue;
      const known = components.get(id);
      const { id: _, $id: __, ...body } = withReferences(definition, names);
      if (known === undefined || JSON.stringify(known) === JSON.stringify(body)) continue;
      if (io === "output") throw new Error(`two schemas are named ${id}: give one another name`);
      names.set(id, `${id}Input`);
    }
  }
  return names;
}

function withReferences(value: Json, names: ReadonlyMap<string, string>): Json {
  const text = JSON.stringify(value).replaceAll(
    /"#\/\$defs\/([^"]+)"/g,
    (_, id: string) => `"#/components/schemas/${names.get(id) ?? id}"`,
  );
  return JSON.parse(text) as Json;
}
