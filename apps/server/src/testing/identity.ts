import { readFileSync } from "node:fs";
import type { InjectOptions, LightMyRequestResponse } from "fastify";
import { auditRoutes } from "../features/audit/routes.ts";
import { createAuthenticate } from "../features/identity/authenticate.ts";
import { ensureInstallation, type Installation } from "../features/identity/installation.ts";
import { identityRoutes } from "../features/identity/routes.ts";
import { createAuth, type Auth } from "../platform/auth/auth.ts";
import { installAuth } from "../platform/auth/mount.ts";
import type { Base } from "../platform/context.ts";
import { createHttp, type HttpServer } from "../platform/http/server.ts";
import { testBase, type TestBaseOptions } from "./base.ts";

/** A control plane with its real sign-in, the first organization, and nobody's features but identity and audit. */
export interface IdentityWorld extends AsyncDisposable {
  readonly base: Base;
  readonly databaseUrl: string;
  readonly auth: Auth;
  readonly http: HttpServer;
  readonly installation: Installation;
  /** What `admin.key` holds. */
  readonly key: string;
  /** One request below `/api/v1`, as the owner of `admin.key` unless a header says otherwise. */
  call(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    options?: CallOptions,
  ): Promise<LightMyRequestResponse>;
  /** Follows a sign-in link as a browser does; gives the cookie of the session. */
  visit(url: string): Promise<string>;
}

export interface CallOptions {
  readonly body?: object;
  readonly headers?: Record<string, string>;
  /** Shown instead of the admin key; null shows none. */
  readonly token?: string | null;
}

export interface IdentityWorldOptions extends TestBaseOptions {
  /** Hangs more features' routes on it, before it answers. */
  readonly serve?: (http: HttpServer) => void | Promise<void>;
}

export async function identityWorld(options: IdentityWorldOptions = {}): Promise<IdentityWorld> {
  const test = await testBase(options);
  const { base } = test;
  const installation = await ensureInstallation(base);
  const auth = createAuth(base);
  const http = await createHttp(base, createAuthenticate(base));
  installAuth(http, auth);
  identityRoutes(http, auth);
  auditRoutes(http);
  await options.serve?.(http);
  await http.fastify.ready();
  const key = readFileSync(installation.adminKeyFile, "utf8").trim();
  return {
    base,
    databaseUrl: test.databaseUrl,
    auth,
    http,
    installation,
    key,
    call(method, path, { body, headers = {}, token = key } = {}) {
      const request: InjectOptions = {
        method,
        url: `/api/v1${path}`,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { payload: body }),
      };
      return http.fastify.inject(request);
    },
    async visit(url) {
      const { pathname, search } = new URL(url);
      const response = await http.fastify.inject({ method: "GET", url: pathname + search });
      const cookie = response.cookies.find((each) => each.name.endsWith("session_token"));
      if (cookie === undefined)
        throw new Error(`no session: ${response.statusCode} ${String(response.headers.location)}`);
      return `${cookie.name}=${encodeURIComponent(cookie.value)}`;
    },
    async [Symbol.asyncDispose]() {
      await http.fastify.close();
      await test[Symbol.asyncDispose]();
    },
  };
}
