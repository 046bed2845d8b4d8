import {
  builtIn,
  fillTemplate,
  holdForClient,
  holdLarge,
  holdOffer,
  isBuiltIn,
  nothingOfOurs,
  offerOf,
  type Held,
  type OurReference,
  type Problem,
} from "@flowplane/collector-config";
import type { Ctx, Tx } from "../../platform/context.ts";
import { BASE_CONFIGURATION } from "../gateways/base-configuration.ts";
import { readSelectable } from "../fleet/select-agents.ts";
import type { SelectableAgent } from "../fleet/selector.ts";
import { readSecretValues, type SecretValue } from "../secrets/secrets.ts";
import { readVariableValues, type VariableValues } from "../variables/values.ts";
import { readClients, type ComposedFor } from "./clients.ts";
import { MESSAGE_REST_BYTES_MAX } from "./limits.ts";
import { renderingOf, valuesKey, type Rendering } from "./rendering.ts";
import { findRanByThemselves, findSavedVersion } from "./store.ts";
import { readyVersions, ReadyVersion, type ComposedText } from "./versions.ts";

export interface Target {
  readonly configuration_id: string;
  readonly version: number;
}

export interface ComposedOk {
  readonly ok: true;
  /** Names the content; the same for equal content in one organization. */
  readonly hash: string;
  /** As people see it, references kept; "" where nothing is sent. */
  readonly shown: string;
  /** Names of the overlays that apply. */
  readonly overlays: readonly string[];
  /** What is odd about the text, as far as that keeps nobody from running it. */
  readonly problems: readonly Problem[];
  /** Names of the secrets in it. */
  readonly secrets: readonly string[];
  readonly rendering: Rendering;
}

export type Composed =
  | ComposedOk
  | { readonly ok: false; readonly reason_code: Held["code"]; readonly reason: string };

export interface ComposeOptions {
  /** Capabilities newer than the database's: of live agents. */
  readonly capabilities?: ReadonlyMap<string, bigint>;
}

/**
 * What each agent would be sent of a version, or, with null, what takes our part from it; or why nothing may be sent. A few queries
 * for any number of agents; agents with the same content share one object. Agents that are not of the organization are absent.
 */
export async function composeFor(
  ctx: Tx,
  target: Target | null,
  agentIds: readonly string[],
  options: ComposeOptions = {},
): Promise<Map<string, Composed>> {
  if (agentIds.length === 0) return new Map();
  const clients = await readClients(ctx.db, agentIds, options.capabilities);
  if (target === null) return withdrawFrom(ctx, clients);
  const version = await loadVersion(ctx, target);
  if (typeof version === "string")
    return new Map([...clients.keys()].map((id) => [id, no("not_delivered", version)]));
  return composeWith(ctx, version, clients);
}

/** A saved version, ready; a sentence when it cannot be had. */
export async function loadVersion(ctx: Tx, target: Target): Promise<ReadyVersion | string> {
  const id = `${ctx.actor.organization_id}/${target.configuration_id}/${target.version}`;
  const kept = readyVersions(ctx.secrets);
  const known = kept.get(id);
  if (known !== undefined) return known;
  const row = await findSavedVersion(ctx.db, target.configuration_id, target.version);
  if (row === undefined) return `There is no version ${target.version} of this configuration.`;
  const version = ReadyVersion.from(row.body, row.overlays);
  return typeof version === "string" ? version : kept.set(id, version);
}

/** Composes a version, saved or not, for agents. */
export async function composeWith(
  ctx: Tx,
  version: ReadyVersion,
  clients: ReadonlyMap<string, ComposedFor>,
): Promise<Map<string, Composed>> {
  const ids = [...clients.keys()];
  const selectable = version.hasOverlays
    ? await readSelectable(ctx.db, ids, { now: ctx.now(), parts: version.parts })
    : new Map<string, SelectableAgent>();
  // Agents that look the same to the selectors share what they look like.
  const textOf = new Map<SelectableAgent | undefined, ComposedText>();
  const texts = new Map(
    ids.map((id) => {
      const seen = selectable.get(id);
      return [id, textOf.getOrInsertComputed(seen, () => version.textFor(seen))];
    }),
  );
  const values = await readValues(ctx, new Set(texts.values()));
  const judged = new Map<string, Held | null>();
  const composed = new Map<string, Composed>();
  for (const [id, client] of clients) {
    const text = texts.get(id);
    if (text === undefined) continue;
    composed.set(id, composeOne(ctx, text, client, values, judged));
  }
  return composed;
}

function composeOne(
  ctx: Tx,
  text: ComposedText,
  client: ComposedFor,
  values: Values,
  judged: Map<string, Held | null>,
): Composed {
  if (client.profile.configurable && text.held !== null) return no(text.held.code, text.held.sentence);
  const held = judgeOnce(text, client, judged);
  if (held !== null) return no(held.code, held.sentence);
  const found: string[] = [];
  for (const reference of text.template.references) {
    const value = values.of(reference, client);
    if (!value.ok) return no("not_delivered", value.reason);
    found.push(value.value);
  }
  const { entryName } = client.profile;
  const bytesMax = Math.min(client.profile.bodyBytesMax, roomFor(ctx.config));
  const rendering = text.renderings.getOr(valuesKey(ctx.secrets, [entryName, ...found]), () => {
    let at = 0;
    const byName = new Map(
      text.template.references.map(({ scheme, name }) => [`${scheme}:${name}`, found[at++] ?? ""]),
    );
    const filled = fillTemplate(
      text.template,
      ({ scheme, name }) => byName.get(`${scheme}:${name}`),
      bytesMax,
    );
    const offer = offerOf(client.profile, filled.text ?? "");
    const held = filled.text === null ? holdLarge(bytesMax) : holdOffer(client.profile, offer, bytesMax);
    return renderingOf(ctx.secrets, ctx.actor.organization_id, offer, held);
  });
  if (rendering.held !== null) return no(rendering.held.code, rendering.held.sentence);
  const { shown, overlays, problems, secrets } = text;
  return { ok: true, hash: rendering.hash, shown, overlays, problems, secrets, rendering };
}

/**
 * Bytes of a configuration for which this server's messages have room (opamp rows 7 and 13): a reply that cannot be
 * sent would cut the agent off, so that nobody could give it a smaller one.
 */
function roomFor({ opampMessageBytesMax = Infinity }: Ctx["config"]): number {
  return opampMessageBytesMax - MESSAGE_REST_BYTES_MAX;
}

/** What stands against sending a text to a kind of client is the same for all clients of that kind and with those components. */
function judgeOnce(text: ComposedText, client: ComposedFor, judged: Map<string, Held | null>): Held | null {
  const judge = () => holdForClient(text.config, client);
  if (client.effective !== null || !client.profile.configurable) return judge();
  const key = `${client.profile.name}\n${client.componentsKey}\n${text.overlays.join("\n")}`;
  const known = judged.get(key);
  if (known !== undefined) return known;
  const held = judge();
  judged.set(key, held);
  return held;
}

async function withdrawFrom(
  ctx: Tx,
  clients: ReadonlyMap<string, ComposedFor>,
): Promise<Map<string, Composed>> {
  const ran = await findRanByThemselves(ctx.db, [...clients.keys()]);
  const renderings = new Map<string, Rendering>();
  const composed = new Map<string, Composed>();
  for (const [id, { profile }] of clients) {
    if (!profile.configurable) {
      composed.set(id, no("not_configurable", profile.whyNot ?? ""));
      continue;
    }
    // A gateway has no files of its own beneath ours: without ours it is back at the base configuration.
    const offer =
      profile.name === "rest_gateway"
        ? offerOf(profile, BASE_CONFIGURATION)
        : nothingOfOurs(profile, ran.get(id) ?? null);
    const key = `${profile.name}\n${profile.entryName}\n${offer.isStop}`;
    const rendering = renderings.get(key) ?? renderingOf(ctx.secrets, ctx.actor.organization_id, offer, null);
    renderings.set(key, rendering);
    const shown = offer.entries[0]?.body ?? "";
    composed.set(id, {
      ok: true,
      hash: rendering.hash,
      shown,
      overlays: [],
      problems: [],
      secrets: [],
      rendering,
    });
  }
  return composed;
}

type Found = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly reason: string };

interface Values {
  of(reference: OurReference, client: ComposedFor): Found;
}

/** All values that these texts may ask for, by two queries. */
async function readValues(ctx: Tx, texts: ReadonlySet<ComposedText>): Promise<Values> {
  const names = (scheme: OurReference["scheme"]) => [
    ...new Set(
      [...texts].flatMap(({ template }) =>
        template.references.flatMap((reference) =>
          reference.scheme === scheme && !(scheme === "var" && isBuiltIn(reference.name))
            ? [reference.name]
            : [],
        ),
      ),
    ),
  ];
  const secrets = await readSecretValues(ctx, names("secret"));
  const variables = await readVariableValues(ctx, names("var"));
  return {
    of: ({ scheme, name }, client) =>
      scheme === "secret"
        ? secretFor(secrets.get(name), name, client)
        : variableFor(variables.get(name), name, client),
  };
}

function secretFor(secret: SecretValue | undefined, name: string, client: ComposedFor): Found {
  if (secret === undefined)
    return {
      ok: false,
      reason: `It needs the secret ${name}, which is not stored. Store it with \`flowplane secrets set ${name}\`.`,
    };
  if (secret.site_id !== null && secret.site_id !== client.siteId)
    return {
      ok: false,
      reason: `It needs the secret ${name}, which is kept for another site and not given to ${client.site}.`,
    };
  return { ok: true, value: secret.value };
}

function variableFor(values: VariableValues | undefined, name: string, client: ComposedFor): Found {
  if (isBuiltIn(name)) {
    const value = builtIn(name, client);
    if (value !== undefined) return { ok: true, value };
    return {
      ok: false,
      reason: name.startsWith("label.")
        ? `It needs the label ${name.slice("label.".length)} of the agent, which has none of that name.`
        : `It needs \${var:${name}}, which the agent has not reported.`,
    };
  }
  const value = values?.bySite.get(client.siteId) ?? values?.shared;
  return value === undefined
    ? {
        ok: false,
        reason: `It needs the variable ${name}, which has no value for the site ${client.site}. Set it with PUT /api/v1/variables/${name}.`,
      }
    : { ok: true, value };
}

function no(reason_code: Held["code"], reason: string): Composed {
  return { ok: false, reason_code, reason };
}
