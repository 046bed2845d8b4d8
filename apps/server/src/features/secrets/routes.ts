import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { deleteSecret, listSecrets, putSecret } from "./secrets.ts";

export function secretRoutes(http: Http): void {
  route(http, api.secretList, (ctx, { query }) => listSecrets(ctx, query));
  route(http, api.secretPut, (ctx, { params, body }) => putSecret(ctx, params.secret_name, body));
  route(http, api.secretDelete, (ctx, { params }) => deleteSecret(ctx, params.secret_name));
}
