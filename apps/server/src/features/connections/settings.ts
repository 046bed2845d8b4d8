import { createHash } from "node:crypto";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  opampOfferProblems,
  OpAMPConnectionSettingsSchema,
  type OpAMPConnectionSettings,
} from "@flowplane/opamp";
import type { Secrets } from "../../platform/secrets/secrets.ts";
import { HEARTBEAT_SECONDS } from "../gateway/heartbeat.ts";

const PURPOSE = "connection-offer";

export interface Offered {
  /** ws, wss, http or https. */
  readonly endpoint: string;
  /** The text of a bearer. */
  readonly secret: string;
  /** PEM of whom the agent shall trust as issuer of the server's certificate; null: whom its system trusts. */
  readonly ca: string | null;
}

/** Whether what is said to that address is encrypted. */
export function isSecure(url: string): boolean {
  return /^(?:wss|https):/i.test(url);
}

/**
 * Complete settings, since clients make their next connection from them alone. opampsupervisor reads the authority from
 * `certificate` and verifies nothing when that is missing; others read `tls`. Throws when they are not complete, which is a mistake of ours.
 */
export function settingsFor({ endpoint, secret, ca }: Offered): OpAMPConnectionSettings {
  const tls =
    ca === null ? { includeSystemCaCertsPool: true } : { caPemContents: ca, includeSystemCaCertsPool: false };
  const settings = create(OpAMPConnectionSettingsSchema, {
    destinationEndpoint: endpoint,
    headers: { headers: [{ key: "Authorization", value: `Bearer ${secret}` }] },
    certificate: ca === null ? {} : { caCert: new TextEncoder().encode(ca) },
    heartbeatIntervalSeconds: BigInt(HEARTBEAT_SECONDS),
    ...(isSecure(endpoint) ? { tls } : {}),
  });
  const problems = opampOfferProblems(settings);
  if (problems.length > 0) throw new Error(`incomplete connection settings: ${problems.join("; ")}`);
  return settings;
}

/** For the database: sealed, because a credential is in them; and their hash, another for each credential. */
export function sealSettings(
  secrets: Secrets,
  settings: OpAMPConnectionSettings,
): { sealed: Buffer; hash: Buffer } {
  const bytes = toBinary(OpAMPConnectionSettingsSchema, settings);
  return { sealed: secrets.seal(PURPOSE, bytes), hash: createHash("sha256").update(bytes).digest() };
}

export function openSettings(secrets: Secrets, sealed: Uint8Array): OpAMPConnectionSettings {
  return fromBinary(OpAMPConnectionSettingsSchema, secrets.open(PURPOSE, sealed));
}
