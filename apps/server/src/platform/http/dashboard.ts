import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

/** Where `apps/web` is built to. */
export const DASHBOARD_FOLDER = join(import.meta.dirname, "../../../../web/dist");

const NOT_BUILT = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Flowplane</title>
<p>The API is running; its dashboard has not been built. Run <code>pnpm --filter @flowplane/web build</code> and start again, or use the API at <a href="/api/v1/reference/">/api/v1/reference</a>.</p></html>`;
/** Paths that belong to programs: an unknown one is a problem, never the dashboard's page. */
const PROGRAM_PATH = /^\/(?:api|v1|assets|healthz|readyz|metrics)(?:[/?]|$)/;
const YEAR_SECONDS = 31_536_000;

export interface Dashboard {
  /** Sources for the content security policy: hashes of the inline scripts of the page. */
  readonly scriptHashes: readonly string[];
  install(fastify: FastifyInstance): Promise<void>;
  /** The page, for any path a person may have opened; undefined when the request is none of its own. */
  page(request: FastifyRequest, reply: FastifyReply): FastifyReply | undefined;
}

/** The dashboard's files as they stand in a folder now; a plain sentence when there are none. */
export function openDashboard(folder = DASHBOARD_FOLDER): Dashboard {
  const index = join(folder, "index.html");
  const html = existsSync(index) ? readFileSync(index, "utf8") : undefined;
  return {
    scriptHashes: html === undefined ? [] : inlineScriptHashes(html),
    async install(fastify) {
      if (html === undefined) return;
      fastify.get("/", async (request, reply) => this.page(request, reply));
      await fastify.register(fastifyStatic, {
        root: folder,
        index: false,
        // Names in assets/ carry a hash of their content; everything else may change with the next version.
        setHeaders: (reply: FastifyReply, path: string) => {
          const isHashed = path.startsWith(join(folder, "assets"));
          reply.header("cache-control", isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache");
        },
      });
    },
    page(request, reply) {
      const isOurs =
        (request.method === "GET" || request.method === "HEAD") && !PROGRAM_PATH.test(request.url);
      if (!isOurs) return undefined;
      return reply
        .code(200)
        .headers({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" })
        .serializer((page: string) => page)
        .send(html ?? NOT_BUILT);
    },
  };
}

function inlineScriptHashes(html: string): string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, script]) =>
      `'sha256-${createHash("sha256")
        .update(script ?? "")
        .digest("base64")}'`,
  );
}
