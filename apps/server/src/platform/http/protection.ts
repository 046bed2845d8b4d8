import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Config } from "../../config.ts";
import { AppError } from "../errors.ts";
import { shownCredential } from "./credential.ts";

const READING = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Headers of every answer, and the refusal of what a browser would send on another site's behalf.
 * `scriptHashes` are the inline scripts of the dashboard's own page, as CSP sources.
 */
export function installProtection(
  fastify: FastifyInstance,
  config: Config,
  scriptHashes: readonly string[],
): void {
  const policy = [
    "default-src 'self'",
    ["script-src 'self'", ...scriptHashes].join(" "),
    // The editor and the charts place style elements of their own.
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; ");

  fastify.addHook("onRequest", async (request, reply) => {
    reply.headers({
      "content-security-policy": policy,
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "x-request-id": request.id,
    });
    if (config.publicUrl.startsWith("https:")) reply.header("strict-transport-security", "max-age=31536000");
    if (request.url.includes("%00"))
      throw new AppError("invalid_input", "The address holds a NUL character.");
    refuseForeignPages(config, request);
  });
}

/**
 * A cookie travels with requests that another site's page causes, so a change by cookie must come from a page of ours.
 * Browsers say so in Sec-Fetch-Site, older ones and plain http in Origin. A request without either is no browser's, and
 * should use a token.
 */
function refuseForeignPages(config: Config, request: FastifyRequest): void {
  if (READING.has(request.method) || shownCredential(request)?.kind !== "cookie") return;
  const site = request.headers["sec-fetch-site"];
  const isOurs = site === undefined ? isOwnOrigin(config, request) : site === "same-origin";
  if (isOurs) return;
  throw new AppError(
    "forbidden",
    "A signed-in browser may only change things from Flowplane's own pages. Programs send an API token as `Authorization: Bearer …`.",
  );
}

function isOwnOrigin(config: Config, request: FastifyRequest): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined || !URL.canParse(origin)) return false;
  if (new URL(config.publicUrl).origin === origin) return true;
  return new URL(origin).host === host;
}
