import { rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder } from "../folders.ts";

/** Notes where the control plane of a data folder can be reached, for `flowplane` in other shells. */
export async function noteAddress(file: string, url: string): Promise<void> {
  makeFolder(dirname(file));
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${url}\n`, { mode: 0o600 });
  await rename(temporary, file);
}

/**
 * How this machine reaches a listener: a wildcard address is reached over loopback, and so the admin key never leaves
 * the machine.
 */
export function localOrigin({ host, port }: { readonly host: string; readonly port: number }): string {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}
