// Where an agent's socket is, told alike to the agent that listens and to the command that calls.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** What stands for the control plane's site and agent while there is none. */
export const LOCAL_ID = "local";

/** The kernel's limit of a socket's path is 108 bytes with the NUL that ends it. */
export const SOCKET_PATH_BYTES_MAX = 107;

/** In the data folder: the socket, or a file that says where it is because the folder's path is too long for one. */
export function socketInFolder(dataDir: string): string {
  return join(dataDir, "agent.sock");
}

export function elsewhereFile(dataDir: string): string {
  return join(dataDir, "agent.sock.path");
}

/** Where the agent of this folder listens: in its folder, else below a short one of the user. */
export function chooseSocketPath(
  dataDir: string,
  shortFolder: string,
): { path: string; isElsewhere: boolean } {
  const inFolder = socketInFolder(dataDir);
  if (Buffer.byteLength(inFolder) <= SOCKET_PATH_BYTES_MAX) return { path: inFolder, isElsewhere: false };
  const name = createHash("sha256").update(dataDir).digest("hex").slice(0, 16);
  return { path: join(shortFolder, `${name}.sock`), isElsewhere: true };
}

/** The socket the agent of this folder would have; whether somebody listens there only a connection tells. */
export function findSocketPath(dataDir: string): string {
  try {
    return readFileSync(elsewhereFile(dataDir), "utf8").trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return socketInFolder(dataDir);
    throw error;
  }
}
