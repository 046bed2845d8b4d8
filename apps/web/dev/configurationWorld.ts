/** The mock's configurations with their versions. */
import { checkConfig } from "@flowplane/collector-config";
import type { Configuration, ConfigurationVersion } from "@flowplane/contract";
import { BODIES } from "./configurationTexts.ts";
import { ADA } from "./people.ts";
import { iso } from "./random.ts";

const DAY = 86_400_000;

export interface KeptConfiguration {
  configuration: Configuration;
  readonly versions: (ConfigurationVersion & { body: string })[];
}

/** Two configurations; the first has seven versions and is what the rollouts bring. */
export function makeConfigurations(isEmpty: boolean, now: number): KeptConfiguration[] {
  if (isEmpty) return [];
  const edge = begin("configuration-1", "edge", "Traces and logs of the shops", now - 70 * DAY);
  BODIES.forEach(({ body, message }, index) => save(edge, body, message, now - (60 - index * 8) * DAY));
  const gateways = begin("configuration-2", "gateway-tier", "", now - 30 * DAY);
  const [first] = BODIES;
  if (first !== undefined) save(gateways, first.body, "First version", now - 30 * DAY);
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
    created_by: ADA,
    created_at: iso(at),
    updated_at: iso(at),
  };
  return { configuration, versions: [] };
}

export function save(one: KeptConfiguration, body: string, message: string, at: number) {
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
