import { AppError } from "../../platform/errors.ts";
import { asAppError, statusOf } from "../../platform/http/problems.ts";
import type { Credentials } from "./credentials.ts";
import { opampMessages } from "./figures.ts";
import { organizationOf, type Line } from "./line.ts";
import { Vouchers, type ConnectRequest, type ConnectVerdict } from "./relay.ts";

const RELAY_RETRY_SECONDS = 30;

/**
 * Whether an agent that knocks at a gateway may come in on the gateway's line; what it showed is remembered there. Rejects
 * when the database is needed and away.
 */
export async function judgeConnect(
  line: Line,
  request: ConnectRequest,
  credentials: Pick<Credentials, "ofHeader">,
): Promise<ConnectVerdict> {
  line.vouchers ??= new Vouchers();
  const { vouchers } = line;
  try {
    const credential = await credentials.ofHeader(request.authorization);
    if (organizationOf(credential) !== organizationOf(line.credential))
      return refused(
        line,
        new AppError("forbidden", "The agent is of another organization than its gateway."),
      );
    if (!vouchers.add(credential))
      return refused(
        line,
        new AppError("unavailable", "The gateway has too many agents on one socket.", {
          retryAfterSeconds: RELAY_RETRY_SECONDS,
        }),
      );
    return { accept: true, status: 200, headers: {} };
  } catch (error) {
    const failure = asAppError(error);
    if (failure.code === "internal") throw error;
    return refused(line, failure);
  }
}

function refused({ transport }: Line, failure: AppError): ConnectVerdict {
  opampMessages.inc({ direction: "received", transport, outcome: "refused" });
  const { retryAfterSeconds } = failure;
  return {
    accept: false,
    status: statusOf(failure),
    headers: retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) },
  };
}
