import { CliError } from "./failure.ts";
import { EXIT } from "./exit-codes.ts";

/** Signing in on another screen (RFC 8628), against the control plane's `/api/auth/device` endpoints. */

export const CLIENT_ID = "flowplane-cli";

export interface Device {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri_complete: string;
  /** Seconds. */
  readonly expires_in: number;
  /** Seconds between two questions. */
  readonly interval: number;
}

export type DeviceAnswer =
  | { kind: "token"; token: string }
  | { kind: "pending" | "slow_down" | "denied" | "expired" };

/** Asks for a code to show. Throws `CliError` when there is no control plane, or none that does this. */
export async function requestDevice(origin: string): Promise<Device> {
  const { status, body } = await post(origin, "/api/auth/device/code", { client_id: CLIENT_ID });
  const { device_code, user_code, verification_uri, verification_uri_complete, expires_in, interval } = body;
  if (status !== 200 || typeof device_code !== "string" || typeof user_code !== "string") {
    throw new CliError(`${origin} does not offer signing in through a browser (${describe(status, body)}).`, {
      advice: "Make an API token in the dashboard and use `flowplane login --key -`.",
    });
  }
  const page = [verification_uri_complete, verification_uri].find((each) => typeof each === "string");
  return {
    device_code,
    user_code,
    verification_uri_complete: page === undefined ? origin : new URL(page as string, origin).href,
    expires_in: typeof expires_in === "number" ? expires_in : 600,
    interval: typeof interval === "number" ? interval : 5,
  };
}

/** Asks once whether somebody has confirmed. */
export async function pollDevice(origin: string, deviceCode: string): Promise<DeviceAnswer> {
  const { status, body } = await post(origin, "/api/auth/device/token", {
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: deviceCode,
    client_id: CLIENT_ID,
  });
  if (status === 200 && typeof body["access_token"] === "string")
    return { kind: "token", token: body["access_token"] };
  switch (body["error"]) {
    case "authorization_pending":
      return { kind: "pending" };
    case "slow_down":
      return { kind: "slow_down" };
    case "access_denied":
      return { kind: "denied" };
    case "expired_token":
      return { kind: "expired" };
  }
  if (status === 429 || status >= 500) return { kind: "slow_down" };
  throw new CliError(`The sign-in failed: ${describe(status, body)}.`);
}

async function post(origin: string, path: string, body: object) {
  try {
    const response = await fetch(origin + path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", origin },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await jsonOf(response) };
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new CliError(`No answer from ${origin}.`, {
      exitCode: EXIT.unreachable,
      advice: "Is it running, and is the address right? Start a local one with `npm start`.",
      cause,
    });
  }
}

async function jsonOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

function describe(status: number, body: Readonly<Record<string, unknown>>): string {
  const said = body["error_description"] ?? body["message"] ?? body["detail"] ?? body["error"];
  return typeof said === "string" ? said : `status ${status}`;
}
