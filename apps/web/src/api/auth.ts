/** The few calls to better-auth's own routes, which are not part of our contract. Each answers a sentence when it failed. */

export function requestMagicLink(email: string, callbackUrl: string): Promise<string | undefined> {
  return post("/api/auth/sign-in/magic-link", {
    email,
    callbackURL: callbackUrl,
    errorCallbackURL: "/sign-in",
  });
}

export function signOut(): Promise<string | undefined> {
  return post("/api/auth/sign-out", {});
}

export function decideDevice(userCode: string, decision: "approve" | "deny"): Promise<string | undefined> {
  return post(`/api/auth/device/${decision}`, { userCode });
}

/** Reads a device code for the person signed in, which is also what ties the code to them. */
export async function readDeviceCode(
  userCode: string,
): Promise<
  { status: "pending" | "approved" | "denied"; clientId: string | undefined } | { problem: string }
> {
  const answer = await send(`/api/auth/device?user_code=${encodeURIComponent(userCode)}`, {});
  if ("problem" in answer) return answer;
  const { status, client_id: clientId } = answer.body as { status?: unknown; client_id?: unknown };
  if (status !== "pending" && status !== "approved" && status !== "denied") {
    return { problem: "The control plane gave an answer this page does not understand." };
  }
  return { status, clientId: typeof clientId === "string" ? clientId : undefined };
}

async function post(path: string, body: object): Promise<string | undefined> {
  const answer = await send(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return "problem" in answer ? answer.problem : undefined;
}

async function send(path: string, init: RequestInit): Promise<{ body: unknown } | { problem: string }> {
  try {
    const response = await fetch(path, init);
    const text = await response.text();
    const body: unknown = text.startsWith("{") || text.startsWith("[") ? JSON.parse(text) : {};
    return response.ok ? { body } : { problem: sentenceOf(body, response) };
  } catch (error) {
    if (error instanceof TypeError) return { problem: "No answer from the control plane. Is it running?" };
    throw error;
  }
}

function sentenceOf(body: unknown, response: Response): string {
  const { message, error_description: description, detail } = (body ?? {}) as Record<string, unknown>;
  const text = [detail, description, message].find((part) => typeof part === "string" && part !== "");
  return typeof text === "string"
    ? text
    : `The control plane answered ${response.status} ${response.statusText}.`;
}
