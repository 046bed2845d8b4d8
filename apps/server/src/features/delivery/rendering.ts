import { createHmac } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { AgentRemoteConfigSchema, fromHex, type AgentRemoteConfig } from "@flowplane/opamp";
import type { Held, Offer } from "@flowplane/collector-config";
import type { Secrets } from "../../platform/secrets/secrets.ts";

/** A content with its values filled in, as one kind of client gets it. One object, however many agents get it. */
export interface Rendering {
  readonly offer: Offer;
  /** Names the content, the same for the same content; lower-case hex. */
  readonly hash: string;
  readonly held: Held | null;
  /** The protobuf message, made when it is first sent. */
  message(): AgentRemoteConfig;
}

const keys = new WeakMap<Secrets, Buffer>();

function keyOf(secrets: Secrets): Buffer {
  const key = keys.get(secrets) ?? secrets.derive("offer-hash");
  keys.set(secrets, key);
  return key;
}

export function renderingOf(
  secrets: Secrets,
  organizationId: string,
  offer: Offer,
  held: Held | null,
): Rendering {
  const hash = hashOf(secrets, organizationId, offer);
  let message: AgentRemoteConfig | undefined;
  return {
    offer,
    hash,
    held,
    message: () => (message ??= messageOf(offer, hash)),
  };
}

/**
 * HMAC-SHA-256 over the sorted entries, under a key that only the control plane has: the hash stands in the database, on the
 * wire and on pages, and a plain one would let anybody who sees it try out what a short secret in the content might be.
 */
function hashOf(secrets: Secrets, organizationId: string, { entries }: Offer): string {
  const hmac = createHmac("sha256", keyOf(secrets)).update(organizationId);
  const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, contentType, body } of sorted)
    for (const part of [name, contentType, body]) {
      const bytes = Buffer.from(part);
      hmac.update(`${bytes.length}:`).update(bytes);
    }
  return hmac.digest("hex");
}

function messageOf({ entries }: Offer, hash: string): AgentRemoteConfig {
  return create(AgentRemoteConfigSchema, {
    config: {
      configMap: Object.fromEntries(
        entries.map(({ name, contentType, body }) => [
          name,
          { body: new TextEncoder().encode(body), contentType },
        ]),
      ),
    },
    configHash: fromHex(hash) ?? new Uint8Array(),
  });
}

/** A key under which values are remembered, so that no map of ours is keyed by a secret. */
export function valuesKey(secrets: Secrets, parts: readonly string[]): string {
  const hmac = createHmac("sha256", keyOf(secrets));
  for (const part of parts) hmac.update(`${part.length}:`).update(part);
  return hmac.digest("base64");
}
