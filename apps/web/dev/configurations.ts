/** The mock's answers about configurations of Collectors, checked as the control plane checks them. */
import { checkConfig, differences, findReferences, graphOf } from "@flowplane/collector-config";
import type { ConfigurationProblem } from "@flowplane/contract";
import { found, MockProblem, nextSerial, paged, type Handlers } from "./answer.ts";
import { begin, save, type KeptConfiguration } from "./configurationWorld.ts";

function problemsOf(body: string): ConfigurationProblem[] {
  return checkConfig(body).problems.map(({ at, path, ...problem }) => ({
    ...problem,
    path: [...path],
    line: at.line,
    column: at.column,
    overlay: null,
  }));
}

function find(all: readonly KeptConfiguration[], id: string): KeptConfiguration {
  return found(all.find(({ configuration }) => configuration.id === id));
}

export const configurations = {
  configurationList: ({ world }, { query }) =>
    paged(
      world.configurations
        .map(({ configuration }) => configuration)
        .filter(({ name }) => name.includes(query.q ?? "")),
      query,
    ),
  configurationCreate: ({ world, bus }, { body }) => {
    const one = begin(`configuration-${nextSerial()}`, body.name, body.description, Date.now());
    save(one, body.body, body.message, Date.now());
    world.configurations.push(one);
    bus.send({ topic: "configuration", id: one.configuration.id });
    return one.configuration;
  },
  configurationCheck: ({ world }, { body }) => {
    const { config, model } = checkConfig(body.body);
    const agents = world.agents.filter(({ kind }) => kind === "collector").length;
    const reporting = agents - Math.floor(agents / 9);
    const ids = (model?.components.exporters ?? []).filter((id) => id.startsWith("kafka"));
    const lacking = Math.ceil(reporting / 28);
    return {
      problems: problemsOf(body.body),
      fleet: { agents, reporting },
      lacks:
        ids.length === 0 || agents === 0
          ? []
          : [
              {
                kind: "exporters",
                type: "kafka",
                ids,
                agents: lacking,
                sentence: `${lacking} of ${reporting} agents lack the exporter kafka.`,
              },
            ],
      graph:
        model === null
          ? null
          : {
              nodes: graphOf(model).nodes.map((node) => ({ ...node })),
              edges: graphOf(model).edges.map((edge) => ({ ...edge })),
            },
      references: config === null ? [] : findReferences(config).map(({ scheme, name }) => ({ scheme, name })),
    };
  },
  configurationPreview: ({ world }, { body }) => {
    found(world.agents.find(({ id }) => id === body.agent_id));
    if (body.overlays.length > 0) throw new MockProblem(409, "conflict", "The mock reads no selectors.");
    const isRead = checkConfig(body.body).config !== null;
    return {
      composed: isRead ? body.body : null,
      overlays: [],
      problems: problemsOf(body.body),
      held: isRead ? null : "Its text cannot be read.",
    };
  },
  configurationImport: ({ world }, { body }) => {
    const agent = found(world.agents.find(({ id }) => id === body.agent_id));
    const text = agent.effective_config[0]?.body;
    if (text === undefined)
      throw new MockProblem(409, "conflict", `The agent ${agent.name} has not reported what it runs.`);
    return { entry: "", body: text, problems: problemsOf(text) };
  },
  configurationRead: ({ world }, { params }) =>
    find(world.configurations, params.configuration_id).configuration,
  configurationChange: ({ world }, { params, body }) => {
    const one = find(world.configurations, params.configuration_id);
    one.configuration = {
      ...one.configuration,
      name: body.name ?? one.configuration.name,
      description: body.description ?? one.configuration.description,
    };
    return one.configuration;
  },
  configurationArchive: ({ world }, { params }) => {
    world.configurations.splice(
      world.configurations.indexOf(find(world.configurations, params.configuration_id)),
      1,
    );
    return undefined;
  },
  configurationVersionList: ({ world }, { params, query }) =>
    paged(find(world.configurations, params.configuration_id).versions.toReversed(), query),
  configurationVersionCreate: ({ world, bus }, { params, body }) => {
    const one = find(world.configurations, params.configuration_id);
    if (body.based_on !== undefined && body.based_on !== one.configuration.current_version)
      throw new MockProblem(409, "conflict", "Another version was saved in the meantime.");
    const saved = save(one, body.body, body.message, Date.now());
    bus.send({ topic: "configuration", id: one.configuration.id });
    return saved;
  },
  configurationVersionRead: ({ world }, { params }) => {
    const { versions } = find(world.configurations, params.configuration_id);
    const version = found(
      params.version === "current" ? versions.at(-1) : versions[Number(params.version) - 1],
    );
    return { ...version, overlays: [] };
  },
  configurationDiff: ({ world }, { params, query }) => {
    const { versions } = find(world.configurations, params.configuration_id);
    const config = (version: number) => checkConfig(versions[version - 1]?.body ?? "").config;
    const [before, after] = [config(query.from), config(query.to)];
    return {
      changes:
        before === null || after === null
          ? []
          : differences(before, after).map((change) => ({
              ...change,
              settings: change.settings.map((path) => [...path]),
            })),
    };
  },
} satisfies Partial<Handlers>;
