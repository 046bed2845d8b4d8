import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { previewFor } from "./preview.ts";
import { readAgentConfiguration, readPlaces, retryAgentConfiguration } from "./view.ts";

export function deliveryRoutes(http: Http): void {
  route(http, api.agentConfiguration, (ctx, { params }) => readAgentConfiguration(ctx, params.agent_id));
  route(http, api.agentConfigurationRetry, (ctx, { params, body }) =>
    retryAgentConfiguration(ctx, params.agent_id, body.reason),
  );
  route(http, api.configurationPreview, (ctx, { body }) => previewFor(ctx, body));
  route(http, api.configurationPlaces, (ctx, { params }) => readPlaces(ctx, params.configuration_id));
}
