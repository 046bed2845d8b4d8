import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { deleteVariable, listVariables, putVariable } from "./variables.ts";

export function variableRoutes(http: Http): void {
  route(http, api.variableList, (ctx, { query }) => listVariables(ctx, query));
  route(http, api.variablePut, (ctx, { params, body }) => putVariable(ctx, params.variable_name, body));
  route(http, api.variableDelete, (ctx, { params, query }) =>
    deleteVariable(ctx, params.variable_name, query.site_id),
  );
}
