import { lacking, type Available } from "./components.ts";
import type { Profile } from "./profiles.ts";
import { SINGULAR, modelOf, section } from "./model.ts";
import { checkConfig } from "./check.ts";
import type { Problem } from "./problem.ts";
import type { Section } from "./read.ts";

/** One entry of an offer as it goes out. */
export interface OfferEntry {
  readonly name: string;
  readonly contentType: string;
  readonly body: string;
}

export interface Offer {
  readonly entries: readonly OfferEntry[];
  /** An empty map is meant: the Collector is to stop. */
  readonly isStop: boolean;
}

/** Why an offer must not go out. The codes are those by which a rollout passes an agent over. */
export interface Held {
  readonly code: "not_configurable" | "lacks_components" | "not_delivered";
  readonly sentence: string;
}

const YAML = "text/yaml";

/** A text as the profile's client takes it. */
export function offerOf(profile: Profile, body: string): Offer {
  return { entries: [{ name: profile.entryName, contentType: YAML, body }], isStop: false };
}

/**
 * What takes our part away again, for an agent that had no configuration of ours. A supervisor lays what it is sent over
 * its own files, so an entry that says nothing leaves these; where there are none, nothing is what it ran, and an empty
 * map stops its Collector. When nobody knows, the files are kept: that cannot stop what somebody needs.
 */
export function nothingOfOurs(
  profile: Profile,
  ranByItself: boolean | null,
): Offer & { readonly sentence: string } {
  return ranByItself === false
    ? { entries: [], isStop: true, sentence: "It ran nothing before, so its Collector is stopped." }
    : {
        ...offerOf(profile, "{}\n"),
        sentence: "Nothing of ours is left; it runs what its own files say.",
      };
}

/**
 * What of the text itself stands against sending it, for whichever agent: it is the same for all that get this text,
 * so it is to be asked once.
 */
export function holdText(shown: string): {
  held: Held | null;
  problems: readonly Problem[];
  config: Section | null;
} {
  const { problems, config } = checkConfig(shown);
  const error = problems.find(({ severity }) => severity === "error");
  return {
    problems,
    config,
    held:
      error === undefined
        ? null
        : {
            code: "not_delivered",
            sentence: `The composed configuration would be refused, at line ${error.at.line}: ${error.message}`,
          },
  };
}

/** What stands against sending this configuration to this client; null when nothing does. */
export function holdForClient(
  config: Section,
  client: {
    readonly profile: Profile;
    readonly available: Available | null;
    readonly effective: Section | null;
  },
): Held | null {
  const { profile, available, effective } = client;
  if (!profile.configurable) return { code: "not_configurable", sentence: profile.whyNot ?? "" };
  const model = modelOf(config);
  const [lack] = available === null ? [] : lacking(model, [{ available, agents: 1 }]);
  if (lack !== undefined)
    return {
      code: "lacks_components",
      sentence: `The agent lacks the ${SINGULAR[lack.kind]} ${lack.type}, so its Collector would not start.`,
    };
  if (profile.name === "bindplane") return null;
  const connected = effective === null ? null : opampHost(effective);
  const isBare = connected !== null && !isLoopback(connected);
  if (isBare && !model.started.some((id) => id === "opamp" || id.startsWith("opamp/")))
    return {
      code: "not_delivered",
      sentence:
        "The configuration does not start the opamp extension by which this agent is connected, so it would be lost. Add it to extensions and service.extensions.",
    };
  if (!isBare && model.components.extensions.includes("opamp"))
    return {
      code: "not_delivered",
      sentence:
        "The configuration has an extension opamp of its own, which would replace the one by which the supervisor watches its Collector. Remove it, or name it opamp/2.",
    };
  return null;
}

/**
 * The last look at what would go out: rules that hold for every client, whoever made the offer. `bodyBytesMax` is less
 * than the client's where the sender's messages have no room for that.
 */
export function holdOffer(
  profile: Profile,
  { entries, isStop }: Offer,
  bodyBytesMax = profile.bodyBytesMax,
): Held | null {
  const no = (sentence: string): Held => ({ code: "not_delivered", sentence });
  if (entries.length === 0 && !isStop)
    return no("The offer has no entry at all, which stops a Collector, and nobody asked for that.");
  const names = new Set<string>();
  for (const { name, body } of entries) {
    if (body.trim() === "")
      return no(
        `The entry ${JSON.stringify(name)} is empty, which makes a supervisor crash again and again.`,
      );
    const bytes = new TextEncoder().encode(body).length;
    if (bytes > bodyBytesMax) return holdLarge(bodyBytesMax);
    if (names.has(name)) return no(`Two entries are named ${JSON.stringify(name)}.`);
    names.add(name);
    if (name !== profile.entryName)
      return no(
        `This client reads the entry ${JSON.stringify(profile.entryName)} and would skip ${JSON.stringify(name)}.`,
      );
  }
  return null;
}

/** Why a content is not sent that is, or would become, too large. */
export function holdLarge(bodyBytesMax: number): Held {
  return {
    code: "not_delivered",
    sentence: `With its values filled in the configuration has more than ${bodyBytesMax} bytes, the most that this client is sent.`,
  };
}

/** Where the opamp extension of a running Collector is connected to. */
function opampHost(effective: Section): string | null {
  const server = section(section(section(effective["extensions"])["opamp"])["server"]);
  for (const transport of ["ws", "http"]) {
    const { endpoint } = section(server[transport]);
    if (typeof endpoint === "string") {
      const host = /^[a-z]+:\/\/(\[[^\]]*\]|[^/:]*)/.exec(endpoint)?.[1];
      if (host !== undefined) return host;
    }
  }
  return null;
}

/** A supervisor is always on the Collector's own host. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.") || host === "0.0.0.0";
}
