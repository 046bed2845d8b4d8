/** The mock's answers about configurations of Collectors, checked as the control plane checks them. */
import {
  checkConfig,
  checkOverlaid,
  differences,
  findReferences,
  graphOf,
  type PlacedProblem,
  type Problem,
} from "@flowplane/collector-config";
import type { ConfigurationDraft, ConfigurationOverlay, ConfigurationProblem } from "@flowplane/contract";
import { isReadable, matchesOf, previewOf } from "./overlays.ts";
import { found, MockProblem, nextSerial, paged, type Handlers } from "./answer.ts";
import { begin, save, type KeptConfiguration, type MockDraft } from "./configurationWorld.ts";

function problemsOf(body: string, overlays: readonly ConfigurationOverlay[] = []): ConfigurationProblem[] {
  return [
    ...checkOverlaid(body, overlays).problems.map(problemOf),
    ...overlays.flatMap(({ name, selector }) =>
      isReadable(selector)
        ? []
        : [
            {
              severity: "error" as const,
              code: "bad_selector",
              message: `The selector cannot be read. ${selector === "" ? "The selector is empty; it would match nobody." : "The mock reads comparisons alone."}`,
              path: ["selector"],
              line: 1,
              column: 1,
              overlay: name,
            },
          ],
    ),
  ];
}

export function problemOf({ at, path, ...problem }: Problem | PlacedProblem): ConfigurationProblem {
  return { overlay: null, ...problem, path: [...path], line: at.line, column: at.column };
}

function find(all: readonly KeptConfiguration[], id: string): KeptConfiguration {
  return found(all.find(({ configuration }) => configuration.id === id));
}

function keep(one: KeptConfiguration, draft: MockDraft | undefined): undefined {
  one.draft = draft;
  one.configuration = {
    ...one.configuration,
    drafts: one.drafts.length + (draft === undefined ? 0 : 1),
  };
}

function draftOf({ configuration }: KeptConfiguration, draft: MockDraft): ConfigurationDraft {
  return {
    ...draft,
    configuration_id: configuration.id,
    current_version: configuration.current_version,
    is_behind: draft.based_on !== configuration.current_version,
    problems: problemsOf(draft.body, draft.overlays),
  };
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
    save(one, body, Date.now());
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
      problems: problemsOf(body.body, body.overlays),
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
    const agent = found(world.agents.find(({ id }) => id === body.agent_id));
    const composed = previewOf(agent, body);
    return composed === undefined
      ? {
          composed: null,
          overlays: [],
          origins: [],
          problems: problemsOf(body.body, body.overlays),
          held: "Its text cannot be read.",
        }
      : { ...composed, problems: checkConfig(composed.composed).problems.map(problemOf), held: null };
  },
  configurationOverlayMatches: ({ world }, { body }) =>
    matchesOf(
      world.agents.filter(
        ({ kind, site_id }) =>
          kind === "collector" && (body.site_id === undefined || site_id === body.site_id),
      ),
      body.overlays,
    ),
  configurationDraftRead: ({ world }, { params }) => {
    const one = find(world.configurations, params.configuration_id);
    return { draft: one.draft === undefined ? null : draftOf(one, one.draft), others: one.drafts };
  },
  configurationDraftPut: ({ world }, { params, body }) => {
    const one = find(world.configurations, params.configuration_id);
    if (body.body.includes("!refuse"))
      throw new MockProblem(503, "unavailable", "The control plane restarts.");
    if (body.revision !== undefined && body.revision !== (one.draft?.revision ?? 0))
      throw new MockProblem(409, "conflict", "Your draft was changed in another window.");
    const draft = {
      body: body.body,
      overlays: body.overlays ?? [],
      based_on: body.based_on,
      revision: (one.draft?.revision ?? 0) + 1,
      updated_at: new Date().toISOString(),
    };
    keep(one, draft);
    return draftOf(one, draft);
  },
  configurationDraftDiscard: ({ world }, { params }) =>
    keep(find(world.configurations, params.configuration_id), undefined),
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
    const saved = save(
      one,
      {
        body: body.body,
        overlays: body.overlays ?? one.versions.at(-1)?.overlays ?? [],
        message: body.message,
      },
      Date.now(),
    );
    if (body.draft_revision !== undefined && body.draft_revision === one.draft?.revision)
      keep(one, undefined);
    bus.send({ topic: "configuration", id: one.configuration.id });
    return saved;
  },
  configurationVersionRead: ({ world }, { params }) => {
    const { versions } = find(world.configurations, params.configuration_id);
    return found(params.version === "current" ? versions.at(-1) : versions[Number(params.version) - 1]);
  },
  configurationDiff: ({ world }, { params, query }) => {
    const { versions } = find(world.configurations, params.configuration_id);
    const config = (version: number) => checkConfig(versions[version - 1]?.body ?? "").config;
    const [before, after] = [config(query.from), config(query.to)];
    const overlays = (version: number) => (versions[version - 1]?.overlays ?? []).map(({ name }) => name);
    const whole = (change: "added" | "removed", names: readonly string[], others: readonly string[]) =>
      names
        .filter((name) => !others.includes(name))
        .map((id) => ({ change, what: "overlay", id, settings: [] }));
    return {
      changes: [
        ...(before === null || after === null ? [] : differences(before, after)).map((change) => ({
          ...change,
          settings: change.settings.map((path) => [...path]),
        })),
        ...whole("removed", overlays(query.from), overlays(query.to)),
        ...whole("added", overlays(query.to), overlays(query.from)),
      ],
    };
  },
} satisfies Partial<Handlers>;
