import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { AppError } from "../../platform/errors.ts";

/** Both listeners have it; a machine elsewhere mostly reaches only the agents' one. */
export const AGENT_ARCHIVE_PATH = "/agent.tgz";
const FILE = join(import.meta.dirname, "../../../../agent/dist/agent.tgz");

export interface AgentArchive {
  readonly bytes: Buffer;
  /** Hex. Whoever is told to download the archive is told this too, so it does not matter over which connection it came. */
  readonly sha256: string;
}

/** The site agent's program, as set-up has built it; undefined where it was not built. */
export function readAgentArchive(file = FILE): AgentArchive | undefined {
  try {
    const bytes = readFileSync(file);
    return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Hands the program out, to anybody: there is nothing in it but the program. */
export function serveAgentArchive(fastify: FastifyInstance, archive: AgentArchive | undefined): void {
  fastify.get(AGENT_ARCHIVE_PATH, async (_request, reply) => {
    if (archive === undefined)
      throw new AppError(
        "not_found",
        "The agent's program was not built here. Start the control plane with npm start, which builds it.",
      );
    return reply.type("application/gzip").header("x-content-type-options", "nosniff").send(archive.bytes);
  });
}
