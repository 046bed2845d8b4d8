import { api, PACKAGE_CONTENT_TYPE } from "@flowplane/contract";
import { route, streamRoute, type Http } from "../../platform/http/route.ts";
import { createPackage, listPackagePage, readPackage, removePackage } from "./packages.ts";
import { createRelease, publishRelease, removeRelease, signFile } from "./releases.ts";
import { putSets, retrySet, withdrawPackages } from "./sets.ts";
import { createUploads } from "./upload.ts";
import { listPlacePage, readAgentPackages } from "./view.ts";

export function releaseRoutes(http: Http, limits: Parameters<typeof createUploads>[0] = {}): void {
  route(http, api.packageList, (ctx, { query }) => listPackagePage(ctx, query));
  route(http, api.packageCreate, (ctx, { body }) => createPackage(ctx, body));
  route(http, api.packageRead, (ctx, { params }) => readPackage(ctx, params.package_id));
  route(http, api.packageDelete, (ctx, { params }) => removePackage(ctx, params.package_id));
  route(http, api.releaseCreate, (ctx, { params, body }) => createRelease(ctx, params.package_id, body));
  route(http, api.releasePublish, (ctx, { params }) =>
    publishRelease(ctx, params.package_id, params.release_id),
  );
  route(http, api.releaseDelete, (ctx, { params }) =>
    removeRelease(ctx, params.package_id, params.release_id),
  );
  route(http, api.releaseFileSign, (ctx, { params, body }) =>
    signFile(
      ctx,
      params.package_id,
      params.release_id,
      params.file_id,
      Buffer.from(body.signature, "base64"),
    ),
  );
  uploadRoute(http, createUploads(limits));
  route(http, api.packagePlaces, (ctx, { params, query }) => listPlacePage(ctx, params.package_id, query));
  route(http, api.packageSetsPut, (ctx, { body }) => putSets(ctx, body.agent_ids, body));
  route(http, api.agentPackages, (ctx, { params }) => readAgentPackages(ctx, params.agent_id));
  route(http, api.agentPackagesPut, async (ctx, { params, body }) => {
    await putSets(ctx, [params.agent_id], body);
    return readAgentPackages(ctx, params.agent_id);
  });
  route(http, api.agentPackagesRetry, async (ctx, { params, body }) => {
    await retrySet(ctx, params.agent_id, body.reason);
    return readAgentPackages(ctx, params.agent_id);
  });
  route(http, api.agentPackagesWithdraw, (ctx, { params }) => withdrawPackages(ctx, params.agent_id));
}

/** The one route whose body is not held in memory: it is handed on as it arrives. */
function uploadRoute(http: Http, upload: ReturnType<typeof createUploads>): void {
  http.fastify.register(async (fastify) => {
    fastify.removeAllContentTypeParsers();
    fastify.addContentTypeParser(PACKAGE_CONTENT_TYPE, (_request, payload, done) => done(null, payload));
    streamRoute({ ...http, fastify }, api.releaseFilePut, async (ctx, { params, query }, raw, reply) => {
      const declared = Number(raw.headers["content-length"] ?? Number.NaN);
      const file = await upload(ctx, {
        packageId: params.package_id,
        releaseId: params.release_id,
        ...query,
        body: raw.body,
        declaredBytes: Number.isFinite(declared) ? declared : undefined,
      });
      return reply.send(file);
    });
  });
}
