import { InvalidArgumentError, type Command } from "commander";
import { aborted, listenForShutdown, watchStarter } from "@flowplane/runtime";
import { plainCommand, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { makeFolder } from "../folders.ts";
import { addressFile } from "../places.ts";
import { localOrigin, noteAddress } from "../up/address.ts";

const ROLES = ["api", "gateway", "worker"] as const;
type Role = (typeof ROLES)[number];
/** SIGTERM to the end of the process. */
const STOP_LIMIT_MS = 10_000;

export function declareServer(program: Command, context: Context): void {
  plainCommand(program, "server", "Run the control plane alone, in the foreground, logging JSON lines")
    .option("--roles <list>", `what it does, of ${ROLES.join(",")}, with commas (default: all)`, parseRoles)
    .action((options: { roles?: Role[] }) => server(context, options));
}

/** Roles in the order of the table, whatever order they were given in. */
export function parseRoles(text: string): Role[] {
  const given = new Set(text.split(",").map((name) => name.trim()));
  const roles = ROLES.filter((role) => given.delete(role));
  const [unknown] = given;
  if (unknown === undefined) return roles;
  throw new InvalidArgumentError(`"${unknown}" is no role; they are ${ROLES.join(", ")}.`);
}

async function server(context: Context, options: { roles?: Role[] }): Promise<void> {
  using shutdown = listenForShutdown({ graceMs: STOP_LIMIT_MS });
  watchStarter("channel", () => shutdown.begin("whoever started this has gone"));
  shutdown.now.addEventListener("abort", () => process.exit(EXIT.failed));
  const { readConfig, startServer } = await import("@flowplane/server");
  const config = readConfig(context.env, options.roles === undefined ? {} : { roles: options.roles });
  makeFolder(config.dataDir);
  const running = await startServer(config);
  await noteAddress(addressFile(context.env), localOrigin(config.http));
  await Promise.race([aborted(shutdown.graceful), running.failed.then(rethrow)]);
  await running.stop();
}

function rethrow(error: Error): never {
  throw error;
}
