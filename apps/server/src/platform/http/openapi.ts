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
  for (const [id, definition] of Object.entries($defs)) addComponent(components, id, definition);
  const own = named.get(type)?.id;
  if (own === undefined || "$ref" in rest) return withReferences(rest);
  addComponent(components, own, rest);
  return { $ref: `#/components/schemas/${own}` };
}

function addComponent(components: Components, name: string, definition: Json): void {
  const { id: _, $id: __, ...body } = withReferences(definition);
  const known = components.get(name);
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(body))
    throw new Error(`two schemas are named ${name}: one as input, one as output? Give one another name`);
  components.set(name, body);
}

function withReferences(value: Json): Json {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}
