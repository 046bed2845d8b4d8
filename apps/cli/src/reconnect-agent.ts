import { readFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { ConnectionOffer } from "@flowplane/contract";
import { openApi, type Api, type ApiOptions, type Context } from "./context.ts";
import { findAgent } from "./find.ts";
import { printable } from "./text-width.ts";

export interface ReconnectOptions extends ApiOptions {
  reason?: string;
  endpoint?: string;
  ca?: string;
  retireOld?: boolean;
  keepOld?: boolean;
  deadline?: number;
  wait?: boolean;
  withdraw?: boolean;
}

const LOOK_EVERY_MS = 1_000;

/** `flowplane agents reconnect`: offers connection settings, and with `--wait` follows the offer to its end. */
export async function reconnectAgent(
  context: Context,
  wanted: string,
  options: ReconnectOptions,
): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const { id, name } = await findAgent(client, wanted);
  const params = { agent_id: id };
  if (options.withdraw === true) {
    await client.agentConnectionWithdraw({ params });
    return options.json === true
      ? output.json(await client.agentConnectionRead({ params }))
      : output.print(printable(`${name} is offered nothing any more`));
  }
  const { offer, secret, warnings } = await client.agentConnectionOffer({
    params,
    body: {
      reason: options.reason ?? `\`flowplane agents reconnect\` by ${userInfo().username} on ${hostname()}`,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(options.ca === undefined ? {} : { ca: readFileSync(options.ca, "utf8") }),
      ...(options.deadline === undefined ? {} : { deadline_seconds: options.deadline }),
      ...(options.keepOld === true ? { retire_old: false } : {}),
      ...(options.retireOld === true ? { retire_old: true } : {}),
    },
  });
  for (const warning of warnings) output.note(printable(`warning: ${warning}`));
  const last = options.wait === true ? await follow(api, id, offer) : offer;
  if (last.state !== "offered" && last.state !== "applying" && last.state !== "applied") context.exitCode = 1;
  if (options.json === true) return output.json({ offer: last, secret, warnings });
  output.print(printable(last.sentence));
  if (options.wait !== true) output.note(`See what becomes of it: flowplane agents show ${id}`);
  // Only for a client's own file; everybody else has it from the offer.
  if (warnings.length > 0) output.note(`The new credential, shown this once: ${secret}`);
}

/** Waits until the offer is over; its deadline ends it at the latest. */
async function follow({ client }: Api, agentId: string, first: ConnectionOffer): Promise<ConnectionOffer> {
  for (let offer = first; ;) {
    if (offer.state !== "offered" && offer.state !== "applying") return offer;
    await sleep(LOOK_EVERY_MS);
    const now = (await client.agentConnectionRead({ params: { agent_id: agentId } })).offer;
    // Another offer took its place.
    if (now === null || now.id !== first.id) return { ...offer, state: "withdrawn" };
    offer = now;
  }
}
