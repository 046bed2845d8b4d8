import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { readOverview } from "./overview.ts";

export function overviewRoutes(http: Http): void {
  route(http, api.overview, (ctx) => readOverview(ctx));
}
