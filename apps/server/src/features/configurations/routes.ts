import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { checkText, importFrom } from "./check.ts";
import {
  archiveConfiguration,
  changeConfiguration,
  createConfiguration,
  listConfigurationPage,
  readConfiguration,
} from "./configurations.ts";
import { discardDraft, keepDraft, readDraft } from "./drafts.ts";
import { matchOverlays } from "./matches.ts";
import { createVersion, diffVersions, listVersionPage, readVersion } from "./versions.ts";

export function configurationRoutes(http: Http): void {
  route(http, api.configurationList, (ctx, { query }) => listConfigurationPage(ctx, query));
  route(http, api.configurationCreate, (ctx, { body }) => createConfiguration(ctx, body));
  route(http, api.configurationCheck, (ctx, { body }) => checkText(ctx, body));
  route(http, api.configurationImport, (ctx, { body }) => importFrom(ctx, body));
  route(http, api.configurationRead, (ctx, { params }) => readConfiguration(ctx, params.configuration_id));
  route(http, api.configurationChange, (ctx, { params, body }) =>
    changeConfiguration(ctx, params.configuration_id, body),
  );
  route(http, api.configurationArchive, (ctx, { params }) =>
    archiveConfiguration(ctx, params.configuration_id),
  );
  route(http, api.configurationVersionList, (ctx, { params, query }) =>
    listVersionPage(ctx, params.configuration_id, query),
  );
  route(http, api.configurationVersionCreate, (ctx, { params, body }) =>
    createVersion(ctx, params.configuration_id, body),
  );
  route(http, api.configurationVersionRead, (ctx, { params }) =>
    readVersion(ctx, params.configuration_id, params.version),
  );
  route(http, api.configurationDiff, (ctx, { params, query }) =>
    diffVersions(ctx, params.configuration_id, query),
  );
  route(http, api.configurationDraftRead, (ctx, { params }) => readDraft(ctx, params.configuration_id));
  route(http, api.configurationDraftPut, (ctx, { params, body }) =>
    keepDraft(ctx, params.configuration_id, body),
  );
  route(http, api.configurationDraftDiscard, (ctx, { params }) => discardDraft(ctx, params.configuration_id));
  route(http, api.configurationOverlayMatches, (ctx, { body }) => matchOverlays(ctx, body));
}
