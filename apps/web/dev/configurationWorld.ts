/** The mock's configurations with their versions. */
import { checkConfig } from "@flowplane/collector-config";
import type {
  Configuration,
  ConfigurationOverlay,
  ConfigurationVersion,
  OtherConfigurationDraft,
} from "@flowplane/contract";
import { BODIES, OVERLAYS } from "./configurationTexts.ts";
import { ADA } from "./people.ts";
import { iso } from "./random.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** The version, counted from 0, that brought the overlays. */
const OVERLAYS_FROM = 5;

export interface KeptConfiguration {
  configuration: Configuration;
  readonly versions: (ConfigurationVersion & { body: string; overlays: ConfigurationOverlay[] })[];
  draft: MockDraft | undefined;
  /** Of others. */
  readonly drafts: OtherConfigurationDraft[];
}
export interface MockDraft {
  readonly body: string;
  readonly overlays: ConfigurationOverlay[];
  readonly based_on: number;
  readonly revision: number;
  readonly updated_at: string;
}

/** Two configurations; the first has seven versions and is what the rollouts bring. */
export function makeConfigurations(isEmpty: boolean, now: number): KeptConfiguration[] {
  if (isEmpty) return [];
  const edge = begin("configuration-1", "edge", "Traces and logs of the shops", now - 70 * DAY);
  BODIES.forEach(({ body, message }, index) =>
    save(
      edge,
      { body, overlays: index < OVERLAYS_FROM ? [] : OVERLAYS, message },
      now - (60 - index * 8) * DAY,
    ),
  );
  edge.drafts.push({ name: "Grace Hopper", based_on: BODIES.length, updated_at: iso(now - 3 * HOUR) });
  edge.configuration = { ...edge.configuration, drafts: 1 };
  const gateways = begin("configuration-2", "gateway-tier", "", now - 30 * DAY);
  const [first] = BODIES;
  if (first !== undefined)
    save(gateways, { body: first.body, overlays: [], message: "First version" }, now - 30 * DAY);
  return [edge, gateways];
}

export function begin(id: string, name: string, description: string, at: number): KeptConfiguration {
  const configuration: Configuration = {
    id,
    name,
    description,
    current_version: 0,
    hash: "",
    health_thresholds: null,
    warnings: 0,
    drafts: 0,
    created_by: ADA,
    created_at: iso(at),
    updated_at: iso(at),
  };
  return { configuration, versions: [], draft: undefined, drafts: [] };
}

export function save(
  one: KeptConfiguration,
  { body, overlays, message }: { body: string; overlays: readonly ConfigurationOverlay[]; message: string },
  at: number,
) {
  const version = one.versions.length + 1;
  const saved = {
    configuration_id: one.configuration.id,
    version,
    hash: (version * 7_919).toString(16).padStart(64, "9c4e"),
    bytes: body.length,
    warnings: checkConfig(body).problems.length,
    message,
    created_by: ADA,
    created_at: iso(at),
    body,
    overlays: [...overlays],
  };
  one.versions.push(saved);
  one.configuration = {
    ...one.configuration,
    current_version: version,
    hash: saved.hash,
    warnings: saved.warnings,
    updated_at: saved.created_at,
  };
  return saved;
}
