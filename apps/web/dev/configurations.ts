/** The mock's answers about configurations of Collectors. */
import type { Configuration, ConfigurationVersion } from "@flowplane/contract";
import { ADA, found, MockProblem, nextSerial, paged, type Handlers } from "./answer.ts";
import { iso } from "./random.ts";

const BODY = `receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
exporters:
  debug:
service:
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
`;

interface Kept {
  configuration: Configuration;
  readonly versions: (ConfigurationVersion & { body: string })[];
}

const kept: Kept[] = [];

function keep(name: string, description: string, body: string, message: string): Kept {
  const id = `configuration-${nextSerial()}`;
  const configuration: Configuration = {
    id,
    name,
    description,
    current_version: 0,
    hash: "",
    warnings: 0,
    created_by: ADA,
    created_at: iso(Date.now()),
    updated_at: iso(Date.now()),
  };
  const one: Kept = { configuration, versions: [] };
  kept.push(one);
  save(one, body, message);
  return one;
}

function save(one: Kept, body: string, message: string): ConfigurationVersion & { body: string } {
  const version = one.versions.length + 1;
  const saved = {
    configuration_id: one.configuration.id,
    version,
    hash: version.toString(16).padStart(64, "0"),
    bytes: body.length,
    warnings: 0,
    message,
    created_by: ADA,
    created_at: iso(Date.now()),
    body,
  };
  one.versions.push(saved);
  one.configuration = {
    ...one.configuration,
    current_version: version,
    hash: saved.hash,
    updated_at: saved.created_at,
  };
  return saved;
}

keep("edge", "Traces of the shops", BODY, "First version");

function find(id: string): Kept {
  return found(kept.find(({ configuration }) => configuration.id === id));
}

export const configurations = {
  configurationList: (_, { query }) =>
    paged(
      kept.map(({ configuration }) => configuration).filter(({ name }) => name.includes(query.q ?? "")),
      query,
    ),
  configurationCreate: (_, { body }) =>
    keep(body.name, body.description, body.body, body.message).configuration,
  configurationCheck: ({ world }) => ({
    problems: [],
    fleet: { agents: world.agents.length, reporting: world.agents.length },
    lacks: [],
    graph: {
      nodes: [
        { key: "receiver:otlp", kind: "receiver", id: "otlp", pipeline: null },
        { key: "exporter:debug", kind: "exporter", id: "debug", pipeline: null },
      ],
      edges: [{ from: "receiver:otlp", to: "exporter:debug" }],
    },
    references: [],
  }),
  configurationImport: () => ({ entry: "", body: BODY, problems: [] }),
  configurationRead: (_, { params }) => find(params.configuration_id).configuration,
  configurationChange: (_, { params, body }) => {
    const one = find(params.configuration_id);
    one.configuration = {
      ...one.configuration,
      name: body.name ?? one.configuration.name,
      description: body.description ?? one.configuration.description,
    };
    return one.configuration;
  },
  configurationArchive: (_, { params }) => {
    kept.splice(kept.indexOf(find(params.configuration_id)), 1);
    return undefined;
  },
  configurationVersionList: (_, { params, query }) =>
    paged(find(params.configuration_id).versions.toReversed(), query),
  configurationVersionCreate: (_, { params, body }) => {
    const one = find(params.configuration_id);
    if (body.based_on !== undefined && body.based_on !== one.configuration.current_version)
      throw new MockProblem(409, "conflict", "Another version was saved in the meantime.");
    return save(one, body.body, body.message);
  },
  configurationVersionRead: (_, { params }) => {
    const { versions } = find(params.configuration_id);
    return found(params.version === "current" ? versions.at(-1) : versions[Number(params.version) - 1]);
  },
  configurationDiff: () => ({ changes: [] }),
} satisfies Partial<Handlers>;
