import type { ServerCapabilityName } from "@flowplane/opamp";
import type { Row, Source } from "../row.ts";
import { NotApplicable } from "../verdict.ts";

// Rows 28 to 45: what a server offers. Whether it offers anything at all it says itself; what it offers to whom is an
// operator's decision, which this suite cannot make for a server it knows nothing of.

function offered(row: number, source: Source, what: string, name: ServerCapabilityName, act: string): Row {
  return {
    row,
    source,
    what,
    async check(target) {
      await target.needs(name);
      throw new NotApplicable(`needs an operator who ${act}, which no interface known here does`);
    },
  };
}

const config = "OffersRemoteConfig";
const packages = "OffersPackages";
const settings = "OffersConnectionSettings";
const assign = "assigns a configuration";
const release = "offers a package";
const connect = "offers connection settings";

export const offerRows: readonly Row[] = [
  offered(28, "spec", "sends no remote_config to an agent that lacks AcceptsRemoteConfig", config, assign),
  offered(29, "spec", "sends remote_config until the agent reports its hash, and not after", config, assign),
  offered(30, "spec", "sends a config_hash that is stable for equal content", config, assign),
  offered(31, "[I]", "offers a configuration that failed again only on request", config, assign),
  offered(
    32,
    "[I]",
    "understands an agent that goes back by itself, and holds what it refused",
    config,
    assign,
  ),
  offered(
    33,
    "spec",
    "pushes a configuration to a WebSocket agent at once, to others with the next poll",
    config,
    assign,
  ),
  offered(34, "[I]", "composes no empty map and no empty entry", config, assign),
  offered(35, "spec", "sends no packages to an agent that lacks AcceptsPackages", packages, release),
  offered(36, "spec", "sends the complete set of packages under one hash", packages, release),
  offered(37, "spec", "sends packages until the agent reports their hash, and not after", packages, release),
  offered(
    38,
    "[I]",
    "serves packages with Content-Length and Range, with its headers and without",
    packages,
    release,
  ),
  offered(39, "spec", "offers no connection of a kind the agent lacks the bit of", settings, connect),
  offered(
    40,
    "spec",
    "offers own telemetry in the first reply, and unchanged settings not again",
    settings,
    connect,
  ),
  offered(41, "spec", "sends connection settings until the agent reports their hash", settings, connect),
  offered(
    42,
    "[I]",
    "offers complete opamp settings only: endpoint, headers, certificate, heartbeat",
    settings,
    connect,
  ),
  offered(43, "[I]", "gives settings a hash that differs whenever they do", settings, connect),
  offered(44, "spec", "keeps old credentials until the agent comes with the new", settings, connect),
  offered(
    45,
    "spec",
    "keeps old credentials when the agent never comes with the new, and shows it",
    settings,
    connect,
  ),
];
