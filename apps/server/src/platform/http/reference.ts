import { fastify, type FastifyInstance } from "fastify";
import { api, API_PREFIX } from "@flowplane/contract";
import { VERSION } from "../version.ts";
import { openApiDocument } from "./openapi.ts";

/** The viewer builds its page with inline scripts and styles. It gets them here, and still loads nothing from elsewhere. */
const VIEWER_POLICY =
  "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/** Serves the OpenAPI document and a page to browse it, below both prefixes. */
export function installReference(server: FastifyInstance): void {
  const document = JSON.stringify(openApiDocument(api, VERSION));
  let viewer: Promise<FastifyInstance> | undefined;
  for (const prefix of [API_PREFIX, "/v1"]) {
    server.get(`${prefix}/openapi.json`, async (_request, reply) => {
      reply.type("application/json; charset=utf-8");
      return document;
    });
    server.get(`${prefix}/reference`, async (_request, reply) => reply.redirect(`${API_PREFIX}/reference/`));
    server.get(`${prefix}/reference/*`, async (request, reply) => {
      viewer ??= createViewer();
      const { "*": path } = request.params as { "*": string };
      const answer = await (await viewer).inject({ method: "GET", url: `/reference/${path}` });
      return reply
        .code(answer.statusCode)
        .headers({ "content-type": answer.headers["content-type"], "content-security-policy": VIEWER_POLICY })
        .send(answer.rawPayload);
    });
  }
}

/** The viewer is four megabytes that most processes never serve, so it is loaded with its first reader. */
async function createViewer(): Promise<FastifyInstance> {
  const { default: reference } = await import("@scalar/fastify-api-reference");
  const server = fastify();
  await server.register(reference, {
    routePrefix: "/reference",
    configuration: {
      url: `${API_PREFIX}/openapi.json`,
      pageTitle: "Flowplane API",
      withDefaultFonts: false,
      telemetry: false,
      // What would ask services of the viewer's makers.
      agent: { disabled: true },
      mcp: { disabled: true },
      showDeveloperTools: "never",
      hideClientButton: true,
    },
  });
  return server;
}
