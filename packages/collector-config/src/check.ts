import { checkAdvice } from "./advice.ts";
import { findCycle } from "./graph.ts";
import { COMPONENT_NAME_CHARS_MAX, PROBLEMS_MAX } from "./limits.ts";
import {
  KINDS,
  modelOf,
  section,
  SIGNALS,
  SINGULAR,
  typeOf,
  type Kind,
  type Model,
  type Pipeline,
} from "./model.ts";
import type { Problem, Tell } from "./problem.ts";
import { isSection, readConfig, type Read, type Section } from "./read.ts";
import { similar } from "./similar.ts";
import { checkReferences } from "./references.ts";

export interface Checked {
  readonly problems: readonly Problem[];
  /** Null when the text is no configuration at all. */
  readonly config: Section | null;
  readonly model: Model | null;
}

const SECTIONS = [...KINDS, "service"];
/** A component's type, as the Collector's component.ID takes it. */
const TYPE = /^[a-zA-Z][0-9a-zA-Z_]{0,62}$/;
/** Separators, control characters and symbols are what its name may not hold. */
const NAME = /^[^\p{Z}\p{C}\p{S}]+$/u;
const SERVICE_KEYS = ["extensions", "pipelines", "telemetry"];
const PIPELINE_KEYS = ["receivers", "processors", "exporters"] as const;

/**
 * What a Collector would refuse, and what it would take but was hardly meant, as far as that shows without knowing the
 * settings of each component. Problems come in order of the text. Pure; never throws.
 */
export function checkConfig(text: string): Checked {
  const { read, problems: unreadable } = readConfig(text);
  return read === null ? { problems: unreadable, config: null, model: null } : checkRead(read);
}

/** As `checkConfig`, of what was read or made of several texts; `position` says where people find a path. */
export function checkRead(read: Read): Checked {
  const { problems, tell } = collect(read);
  const model = modelOf(read.value);
  checkSections(read, tell);
  checkPresence(read, tell);
  checkIds(model, tell);
  checkService(read.value, tell);
  for (const pipeline of model.pipelines) checkPipeline(model, pipeline, tell);
  checkConnectors(model, tell);
  checkUse(model, tell);
  checkReferences(read.value, tell);
  checkAdvice(read.value, model, tell);
  return { problems: problems.toSorted((a, b) => a.at.from - b.at.from), config: read.value, model };
}

/** What can be said of a part of a configuration: its sections, ids and references. */
export function checkPart(read: Read): readonly Problem[] {
  const { problems, tell } = collect(read);
  checkSections(read, tell);
  checkIds(modelOf(read.value), tell);
  checkReferences(read.value, tell);
  return problems.toSorted((a, b) => a.at.from - b.at.from);
}

function collect(read: Read): { problems: Problem[]; tell: Tell } {
  const problems: Problem[] = [];
  const tell: Tell = (severity, code, path, message) => {
    if (problems.length < PROBLEMS_MAX)
      problems.push({ severity, code, message, path, at: read.position(path) });
  };
  return { problems, tell };
}

function checkSections({ value }: Read, tell: Tell): void {
  for (const key of Object.keys(value)) {
    if (SECTIONS.includes(key)) continue;
    const meant = similar(key, SECTIONS);
    tell(
      "error",
      "unknown_section",
      [key],
      `There is no section ${key}.${meant === null ? ` The sections are ${SECTIONS.join(", ")}.` : ` Did you mean ${meant}?`}`,
    );
  }
  for (const kind of KINDS) {
    const body = value[kind];
    if (body !== undefined && body !== null && !isSection(body))
      tell("error", "shape", [kind], `${kind} is a map from ids to settings, not ${nameOf(body)}.`);
    for (const [id, settings] of Object.entries(section(body)))
      if (settings !== null && !isSection(settings))
        tell(
          "error",
          "shape",
          [kind, id],
          `The settings of ${id} are a map, or nothing, not ${nameOf(settings)}.`,
        );
  }
}

function checkPresence({ value }: Read, tell: Tell): void {
  for (const kind of ["receivers", "exporters"] as const) {
    const others = Object.keys(section(value["connectors"]));
    if (Object.keys(section(value[kind])).length + others.length === 0)
      tell(
        "error",
        kind === "receivers" ? "no_receiver" : "no_exporter",
        [kind],
        `There is no ${SINGULAR[kind]}; a Collector needs at least one.`,
      );
  }
}

function checkIds(model: Model, tell: Tell): void {
  for (const kind of KINDS)
    for (const id of model.components[kind]) {
      const problem = problemOfId(id);
      if (problem !== null)
        tell("error", "bad_id", [kind, id], `${JSON.stringify(id)} is no id: ${problem}.`);
    }
  for (const id of model.components.connectors)
    for (const kind of ["receivers", "exporters"] as const)
      if (model.components[kind].includes(id))
        tell(
          "error",
          "ambiguous",
          ["connectors", id],
          `${id} is a connector and a ${SINGULAR[kind]} at once. Give one another name, such as ${id}/2.`,
        );
}

function problemOfId(id: string): string | null {
  const slash = id.indexOf("/");
  const type = typeOf(id);
  if (!TYPE.test(type))
    return `the type ${JSON.stringify(type)} has to begin with a letter and hold letters, digits and _ alone`;
  if (slash < 0) return null;
  const name = id.slice(slash + 1).trim();
  if (name === "") return "nothing follows the slash";
  if (name.length > COMPONENT_NAME_CHARS_MAX)
    return `its name is longer than ${COMPONENT_NAME_CHARS_MAX} characters`;
  return NAME.test(name) ? null : "its name holds a space or a symbol";
}

function checkService(config: Section, tell: Tell): void {
  const service = config["service"];
  if (!isSection(service))
    return tell(
      "error",
      "no_pipeline",
      ["service"],
      "There is no service with pipelines, so nothing would flow. Add service: pipelines: …",
    );
  for (const key of Object.keys(service))
    if (!SERVICE_KEYS.includes(key))
      tell(
        "error",
        "unknown_section",
        ["service", key],
        `service has no key ${key}; it has ${SERVICE_KEYS.join(", ")}.`,
      );
  checkList(service["extensions"], ["service", "extensions"], tell);
  const { pipelines } = service;
  if (!isSection(pipelines) || Object.keys(pipelines).length === 0)
    return tell(
      "error",
      "no_pipeline",
      ["service", "pipelines"],
      "There is no pipeline, so nothing would flow. Add one, such as logs.",
    );
  for (const [id, body] of Object.entries(pipelines)) {
    const path = ["service", "pipelines", id];
    const signal = typeOf(id);
    if (!(SIGNALS as readonly string[]).includes(signal)) {
      const meant = similar(signal, SIGNALS);
      tell(
        "error",
        "bad_signal",
        path,
        `A pipeline begins with ${SIGNALS.join(", ")}, not ${signal}.${meant === null ? "" : ` Did you mean ${meant}?`}`,
      );
    } else {
      const problem = problemOfId(id);
      if (problem !== null) tell("error", "bad_id", path, `${JSON.stringify(id)} is no id: ${problem}.`);
    }
    if (!isSection(body)) {
      tell("error", "shape", path, `The pipeline ${id} is a map with ${PIPELINE_KEYS.join(", ")}.`);
      continue;
    }
    for (const key of Object.keys(body))
      if (!(PIPELINE_KEYS as readonly string[]).includes(key))
        tell(
          "error",
          "unknown_section",
          [...path, key],
          `A pipeline has no key ${key}; it has ${PIPELINE_KEYS.join(", ")}.`,
        );
    for (const key of PIPELINE_KEYS) checkList(body[key], [...path, key], tell);
  }
  return undefined;
}

function checkList(value: unknown, path: readonly (string | number)[], tell: Tell): void {
  if (value === undefined || value === null) return;
  const isList = Array.isArray(value) && value.every((item) => typeof item === "string");
  if (!isList)
    tell("error", "shape", path, `${String(path.at(-1))} is a list of ids, such as [otlp, otlp/2].`);
}

function checkPipeline(model: Model, pipeline: Pipeline, tell: Tell): void {
  const path = ["service", "pipelines", pipeline.id];
  if (pipeline.receivers.length === 0)
    tell("error", "no_receiver", path, `The pipeline ${pipeline.id} has no receiver.`);
  if (pipeline.exporters.length === 0)
    tell("error", "no_exporter", path, `The pipeline ${pipeline.id} has no exporter.`);
  for (const kind of PIPELINE_KEYS) {
    const known =
      kind === "processors"
        ? model.components.processors
        : [...model.components[kind], ...model.components.connectors];
    const seen = new Set<string>();
    pipeline[kind].forEach((id, index) => {
      const place = [...path, kind, index];
      if (!known.includes(id))
        tell("error", "dangling", place, dangling(model, kind, id, `the pipeline ${pipeline.id}`));
      if (seen.has(id))
        tell(
          kind === "processors" ? "error" : "warning",
          "repeated",
          place,
          `${id} stands twice among the ${kind} of ${pipeline.id}.`,
        );
      seen.add(id);
    });
  }
}

function dangling(model: Model, kind: Kind, id: string, where: string): string {
  const elsewhere = KINDS.find((other) => other !== kind && model.components[other].includes(id));
  const meant = similar(id, model.components[kind]);
  const hint =
    elsewhere !== undefined
      ? ` It is defined below ${elsewhere}.`
      : meant !== null
        ? ` Did you mean ${meant}?`
        : ` Define it below ${kind}.`;
  return `${where[0]?.toUpperCase()}${where.slice(1)} uses the ${SINGULAR[kind]} ${id}, which is not defined.${hint}`;
}

/** A connector is an exporter of one pipeline and a receiver of another; on one side alone it leads nowhere. */
function checkConnectors(model: Model, tell: Tell): void {
  for (const id of model.components.connectors) {
    const isFed = model.pipelines.some(({ exporters }) => exporters.includes(id));
    const isRead = model.pipelines.some(({ receivers }) => receivers.includes(id));
    if (isFed === isRead) continue;
    const missing = isFed ? "a receiver of another one" : "an exporter of another one";
    const present = isFed ? "an exporter" : "a receiver";
    tell(
      "error",
      "connector_use",
      ["connectors", id],
      `The connector ${id} is ${present} of a pipeline and has to be ${missing} as well.`,
    );
  }
  const cycle = findCycle(model);
  if (cycle !== null)
    tell(
      "error",
      "cycle",
      ["service", "pipelines", cycle[0] ?? ""],
      `Connectors lead the pipelines in a circle: ${cycle.join(" → ")}.`,
    );
}

function checkUse(model: Model, tell: Tell): void {
  model.started.forEach((id, index) => {
    if (!model.components.extensions.includes(id))
      tell(
        "error",
        "dangling",
        ["service", "extensions", index],
        dangling(model, "extensions", id, "the service"),
      );
    if (model.started.indexOf(id) !== index)
      tell(
        "warning",
        "repeated",
        ["service", "extensions", index],
        `${id} stands twice among the extensions.`,
      );
  });
  const used: Readonly<Record<Kind, readonly string[]>> = {
    receivers: model.pipelines.flatMap(({ receivers }) => receivers),
    processors: model.pipelines.flatMap(({ processors }) => processors),
    exporters: model.pipelines.flatMap(({ exporters }) => exporters),
    connectors: model.pipelines.flatMap(({ receivers, exporters }) => [...receivers, ...exporters]),
    extensions: model.started,
  };
  for (const kind of KINDS)
    for (const id of model.components[kind])
      if (!used[kind].includes(id))
        tell(
          "warning",
          "unused",
          [kind, id],
          `The ${SINGULAR[kind]} ${id} is used by no ${kind === "extensions" ? "service" : "pipeline"}, so it is never started.`,
        );
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return typeof value === "string" ? "a text" : `a ${typeof value}`;
}
