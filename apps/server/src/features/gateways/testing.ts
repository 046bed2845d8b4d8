import { identityWorld, type CallOptions } from "../../testing/identity.ts";
import { openEnrolment, type Enrolment } from "../enrolment/enrolment.ts";
import { enrolmentRoutes } from "../enrolment/routes.ts";
import { fleetRoutes } from "../fleet/routes.ts";
import { gatewayApiRoutes } from "./routes.ts";

export const SECOND = 1_000;
export const REGISTRATION = {
  name: "FlowGate Gateway",
  hostname: "gateway.example.com",
  ip_address: "192.168.1.100",
  metadata: {
    version: "1.0.0",
    otel_version: "0.88.0",
    capabilities: ["AcceptsRemoteConfig", "ReportsEffectiveConfig"],
  },
};

/** Whatever was answered, and of what others read their members. */
type Body = Record<string, unknown> & {
  readonly id: string;
  readonly next_cursor: string;
  readonly items: { readonly id: string }[];
  readonly bearer: { readonly agent_id: string };
};
type Answered = Promise<{ status: number; body: Body }>;
type Method = "GET" | "POST" | "DELETE";
export type GatewaysWorld = Awaited<ReturnType<typeof gatewaysWorld>>;

export const refusal = (status: number, detail: string) => ({ status, body: { status, detail } });

/** The gateway API over a database of its own, called as the owner, at a time that the test sets. */
export async function gatewaysWorld() {
  let clock = Date.parse("2026-03-01T10:00:00.000Z");
  let enrolment: Enrolment | undefined;
  const identity = await identityWorld({
    now: () => clock,
    async serve(http) {
      enrolment = await openEnrolment(http.base, {
        agentsUrl: () => "https://flowplane.example:4320",
        httpUrl: () => "http://flowplane.example:4300",
      });
      enrolmentRoutes(http, enrolment);
      fleetRoutes(http);
      gatewayApiRoutes(http, enrolment);
    },
  });
  if (enrolment === undefined) throw new Error("the gateway API was not served");
  const organizationId = identity.installation.organization_id;

  async function call(method: Method, path: string, options: CallOptions = {}) {
    const response = await identity.call(method, path, options);
    return { status: response.statusCode, headers: response.headers, text: response.body };
  }

  async function json(method: Method, path: string, options: CallOptions = {}): Answered {
    const { status, text } = await call(method, path, options);
    return { status, body: text === "" ? ({} as Body) : (JSON.parse(text) as Body) };
  }

  const world = {
    identity,
    enrolment,
    organizationId,
    /** The name under which the gateway at hand registers. */
    instance: "",
    /** How many tests had one of their own. */
    numbers: 0,
    get clock() {
      return clock;
    },
    set clock(at: number) {
      clock = at;
    },
    nextInstance() {
      world.numbers += 1;
      world.instance = `gateway-${world.numbers}`;
    },
    call,
    json,
    async registrationToken(): Promise<string> {
      const { status, body } = await json("POST", `/registration-tokens?org_id=${organizationId}`, {
        body: { name: "Gateway Registration", expires_in_days: 30 },
      });
      if (status !== 201) throw new Error(`no registration token: ${JSON.stringify(body)}`);
      return body["token"] as string;
    },
    register(token: string, body: object = {}): Answered {
      const said = { ...REGISTRATION, instance_id: world.instance, ...body };
      return json("POST", "/gateways", { token, body: said });
    },
    async registered(): Promise<{ id: string; token: string }> {
      const { status, body } = await world.register(await world.registrationToken());
      if (status !== 201) throw new Error(`not registered: ${JSON.stringify(body)}`);
      return { id: body.id, token: body["opamp_token"] as string };
    },
    heartbeat(token: string, body?: object, name?: string): Answered {
      return json("POST", `/opamp/heartbeat/${name ?? world.instance}`, {
        token,
        ...(body === undefined ? {} : { body }),
      });
    },
    close: () => identity[Symbol.asyncDispose](),
  };
  return world;
}
