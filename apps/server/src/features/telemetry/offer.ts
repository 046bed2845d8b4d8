import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import {
  ConnectionSettingsOffersSchema,
  SERVER_CAPABILITY,
  TelemetryConnectionSettingsSchema,
  type TelemetryConnectionSettings,
} from "@flowplane/opamp";
import type { OwnTelemetrySettings } from "@flowplane/contract";
import type { Signal } from "@flowplane/telemetry";
import type { Base } from "../../platform/context.ts";
import type { Enrolment } from "../enrolment/enrolment.ts";
import { telemetryCredential } from "../enrolment/telemetry-credential.ts";
import type { DesiredSource, Wanted } from "../gateway/desired.ts";
import type { AgentSession } from "../gateway/sessions.ts";
import { OTLP_PATHS } from "./receiver.ts";
import { settingsOf } from "./settings.ts";
import { findOfferable, findSettingsChangedSince, type Offerable } from "./store.ts";

/**
 * Wants agents to send telemetry about themselves here, each with a credential of its own. The OpAMP connection is not touched:
 * an agent builds that from the offer alone, and one mistake in it is an agent lost (features/connections).
 */
export function telemetryOffers(base: Base, { addresses, authority }: Enrolment): DesiredSource {
  const place = {
    agentsUrl: addresses.agentsUrl,
    httpUrl: addresses.httpUrl,
    caPem: authority.certificatePem,
  };
  return {
    name: "own telemetry",
    capabilities: SERVER_CAPABILITY.OffersConnectionSettings,
    async load(sessions) {
      const rows = await findOfferable(
        base.storage.system,
        sessions.map(({ identity }) => identity.agent_id),
      );
      const wanted = new Map<string, Wanted>();
      for (const session of sessions) {
        const row = rows.get(session.identity.agent_id);
        const offer = row === undefined ? undefined : await offerFor(base, place, session, row);
        if (offer !== undefined) wanted.set(session.identity.agent_id, { connectionSettings: offer });
      }
      return wanted;
    },
    async changedSince(since, sessions) {
      const changed = await findSettingsChangedSince(base.storage.system, new Date(since));
      if (changed.size === 0) return [];
      return [...sessions.all()].flatMap(({ identity }) =>
        changed.has(identity.organization_id) ? [identity.agent_id] : [],
      );
    },
  };
}

interface Place {
  readonly agentsUrl: () => string;
  readonly httpUrl: () => string;
  readonly caPem: string;
}

async function offerFor(base: Base, place: Place, session: AgentSession, row: Offerable) {
  const settings = settingsOf(row.settings === null ? undefined : { settings: row.settings });
  const isOff = settings.sites_off.includes(session.identity.site_id);
  const on = (signal: Signal) => settings[signal] && !isOff;
  // One that was never offered anything needs not be told to send nothing.
  const hadOffer = session.state.sent.connectionSettings !== null;
  if (!hadOffer && !on("metrics") && !on("logs") && !on("traces")) return undefined;
  const credential = await telemetryCredential(base, {
    agentId: session.identity.agent_id,
    organizationId: session.identity.organization_id,
    epoch: row.telemetry_epoch,
  });
  const target = targetFor(settings, place, session);
  const members: Partial<Record<"ownMetrics" | "ownLogs" | "ownTraces", TelemetryConnectionSettings>> = {};
  for (const [signal, member] of MEMBERS) {
    if (on(signal)) members[member] = connection(target, OTLP_PATHS[signal], credential);
    // An empty endpoint ends what was offered before; leaving it out would mean "as it is". What was never on needs no
    // end. Both are read from the database, not from the session: the same settings always give the same hash.
    else if (row.settings !== null)
      members[member] = create(TelemetryConnectionSettingsSchema, { destinationEndpoint: "" });
  }
  const shown = Object.entries(members).map(([name, { destinationEndpoint, headers, tls }]) => [
    name,
    destinationEndpoint,
    headers?.headers.map(({ key, value }) => [key, value]) ?? [],
    tls?.caPemContents ?? "",
  ]);
  const hash = createHash("sha256").update(JSON.stringify(shown)).digest();
  return create(ConnectionSettingsOffersSchema, { hash, ...members });
}

const MEMBERS: readonly (readonly [Signal, "ownMetrics" | "ownLogs" | "ownTraces"])[] = [
  ["metrics", "ownMetrics"],
  ["logs", "ownLogs"],
  ["traces", "ownTraces"],
];

interface Target {
  readonly url: string;
  /** Our own authority, where its certificate is what the agent will meet. */
  readonly caPem: string | null;
}

/**
 * One that shows a certificate reached the agents' listener, whose certificate our authority made. The others go to the
 * public address: what a supervisor passes on to its Collector is the endpoint and the headers, no authority.
 */
function targetFor(settings: OwnTelemetrySettings, place: Place, { identity }: AgentSession): Target {
  if (settings.endpoint !== null) return { url: settings.endpoint.replace(/\/+$/, ""), caPem: null };
  return identity.credential === "certificate"
    ? { url: place.agentsUrl(), caPem: place.caPem }
    : { url: place.httpUrl(), caPem: null };
}

function connection({ url, caPem }: Target, path: string, credential: string): TelemetryConnectionSettings {
  return create(TelemetryConnectionSettingsSchema, {
    destinationEndpoint: `${url}${path}`,
    headers: { headers: [{ key: "Authorization", value: `Bearer ${credential}` }] },
    ...(caPem === null ? {} : { tls: { caPemContents: caPem, includeSystemCaCertsPool: true } }),
  });
}
