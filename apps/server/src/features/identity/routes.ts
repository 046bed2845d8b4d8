import { api } from "@flowplane/contract";
import type { Auth } from "../../platform/auth/auth.ts";
import { route, type Http } from "../../platform/http/route.ts";
import { createToken, listTokens, revokeToken } from "./api-tokens.ts";
import { changeRetention, readRetention } from "./retention.ts";
import { changeSite, createSite, listAllSites, whoAmI } from "./identity.ts";
import { changeMember, createSignInLink, inviteMember, listMembers, removeMember } from "./members.ts";

export function identityRoutes(http: Http, auth: Auth): void {
  route(http, api.me, (ctx) => whoAmI(ctx, auth));
  route(http, api.siteList, (ctx, { query }) => listAllSites(ctx, query));
  route(http, api.siteCreate, (ctx, { body }) => createSite(ctx, body));
  route(http, api.retentionRead, (ctx) => readRetention(ctx));
  route(http, api.retentionChange, (ctx, { body }) => changeRetention(ctx, body));
  route(http, api.siteChange, (ctx, { params, body }) => changeSite(ctx, params.site_id, body));
  route(http, api.memberList, (ctx, { query }) => listMembers(ctx, query));
  route(http, api.memberInvite, (ctx, { body }) => inviteMember(ctx, auth, body));
  route(http, api.memberChange, (ctx, { params, body }) => changeMember(ctx, params.user_id, body.role));
  route(http, api.memberRemove, (ctx, { params }) => removeMember(ctx, auth, params.user_id));
  route(http, api.signInLinkCreate, (ctx, { body }) => createSignInLink(ctx, auth, body.user_id));
  route(http, api.apiTokenList, (ctx, { query }) => listTokens(ctx, query));
  route(http, api.apiTokenCreate, (ctx, { body }) => createToken(ctx, body));
  route(http, api.apiTokenRevoke, (ctx, { params }) => revokeToken(ctx, params.token_id));
}
