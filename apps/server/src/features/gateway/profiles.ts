import { LINK_CAPABILITY, TENURE_CAPABILITY } from "@flowplane/link";
import { SERVER_CAPABILITY, type ServerProfile } from "@flowplane/opamp";
import type { Components } from "./components.ts";
import { RELAY_CAPABILITY } from "./relay.ts";

const CUSTOM_CAPABILITIES: readonly string[] = [LINK_CAPABILITY, TENURE_CAPABILITY, RELAY_CAPABILITY];

/** What this server says of itself to agents: the same for all of an organization. */
export class ServerProfiles {
  readonly #capabilities: bigint;
  readonly #components: Components;
  readonly #known = new Map<string, ServerProfile>();

  /** `wanted`: the SERVER_CAPABILITY bits of what is wanted of agents. */
  constructor(wanted: bigint, components: Components) {
    this.#components = components;
    this.#capabilities =
      SERVER_CAPABILITY.AcceptsStatus |
      SERVER_CAPABILITY.AcceptsEffectiveConfig |
      SERVER_CAPABILITY.AcceptsPackagesStatus |
      SERVER_CAPABILITY.AcceptsConnectionSettingsRequest |
      wanted;
  }

  of(organizationId: string): ServerProfile {
    let profile = this.#known.get(organizationId);
    if (profile === undefined) {
      profile = {
        capabilities: this.#capabilities,
        customCapabilities: CUSTOM_CAPABILITIES,
        isKnownComponents: (hash) => this.#components.isKnown(organizationId, hash),
      };
      this.#known.set(organizationId, profile);
    }
    return profile;
  }
}
