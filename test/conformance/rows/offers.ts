import { create, toJson } from "@bufbuild/protobuf";
import {
  AGENT_CAPABILITY,
  ConnectionSettingsOffersSchema,
  ConnectionSettingsStatuses,
} from "@flowplane/opamp";
import { TestAgent, type Target } from "../target.ts";
import { mustBeWell } from "../wire.ts";
import type { Row } from "../row.ts";
import { must, NotApplicable } from "../verdict.ts";

// Rows 39 to 41 and 43: connections that a server offers. Whether it offers anything at all it says itself; what it offers to whom is an
// operator's decision, which this suite cannot make for a server it knows nothing of.

const APPLIED = ConnectionSettingsStatuses.ConnectionSettingsStatuses_APPLIED;
const settings = "OffersConnectionSettings";

/** What an agent that sends its own metrics is offered in the first reply; skips the row where that is nothing. */
async function offeredMetrics(target: Target, bits = 0n) {
  await target.needs(settings);
  const agent = new TestAgent();
  agent.capabilities |= AGENT_CAPABILITY.ReportsOwnMetrics | bits;
  const socket = await target.open();
  const { connectionSettings } = mustBeWell(await socket.ask(agent.full()), "a first message");
  if (connectionSettings?.ownMetrics === undefined)
    throw new NotApplicable("needs an operator who has agents send their own metrics");
  return { agent, socket, offer: connectionSettings };
}

export const offerRows: readonly Row[] = [
  {
    row: 39,
    source: "spec",
    what: "offers no connection of a kind the agent lacks the bit of",
    async check(target) {
      const { offer } = await offeredMetrics(target);
      must(
        (offer.ownLogs ?? offer.ownTraces ?? offer.opamp) === undefined &&
          Object.keys(offer.otherConnections).length === 0,
        "an agent that takes own metrics alone was offered more",
      );
      const without = new TestAgent();
      const socket = await target.open();
      for (let count = 0; count < 3; count += 1)
        must(
          (await socket.ask(without.full())).connectionSettings === undefined,
          "an agent that takes no connection was offered one",
        );
      return "metrics alone to the one that takes them, nothing to the other";
    },
  },
  {
    row: 40,
    source: "spec",
    what: "offers own telemetry in the first reply, and unchanged settings not again",
    async check(target) {
      const { agent, socket, offer } = await offeredMetrics(target);
      for (let count = 0; count < 3; count += 1)
        must(
          (await socket.ask(agent.message())).connectionSettings === undefined,
          "the same settings came again to an agent that does not report them",
        );
      return `own metrics to ${offer.ownMetrics?.destinationEndpoint ?? ""}, once`;
    },
  },
  {
    row: 41,
    source: "spec",
    what: "sends connection settings until the agent reports their hash",
    async check(target) {
      const bit = AGENT_CAPABILITY.ReportsConnectionSettingsStatus;
      const { agent, socket, offer } = await offeredMetrics(target, bit);
      const reported = (hash: Uint8Array) =>
        agent.message({
          connectionSettingsStatus: { lastConnectionSettingsHash: Uint8Array.from(hash), status: APPLIED },
        });
      const other = await socket.ask(reported(new Uint8Array([1, 2, 3])));
      must(other.connectionSettings !== undefined, "an agent that reports another hash was sent nothing");
      const same = await socket.ask(reported(offer.hash));
      must(same.connectionSettings === undefined, "an agent that reports the hash was sent them again");
      return "again at another hash, not at their own";
    },
  },
  {
    row: 43,
    source: "[I]",
    what: "gives settings a hash that differs whenever they do",
    async check(target) {
      const one = await offeredMetrics(target);
      const other = await offeredMetrics(target);
      must(one.offer.hash.byteLength > 0, "the settings have no hash");
      const text = ({ offer }: typeof one) =>
        JSON.stringify(
          toJson(
            ConnectionSettingsOffersSchema,
            create(ConnectionSettingsOffersSchema, { ...offer, hash: new Uint8Array() }),
          ),
        );
      const isSame = text(one) === text(other);
      const hasSameHash = Buffer.from(one.offer.hash).equals(Buffer.from(other.offer.hash));
      must(isSame === hasSameHash, isSame ? "equal settings have two hashes" : "two settings have one hash");
      return isSame
        ? "equal for two agents, and so are their settings"
        : "another for each agent's own settings";
    },
  },
];
