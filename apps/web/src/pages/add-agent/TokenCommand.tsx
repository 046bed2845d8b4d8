import { useNow } from "../../lib/now.ts";
import { countdown } from "../../lib/time.ts";
import type { AddPlatform } from "../../search.ts";
import { Button } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import type { CreatedToken } from "./created-token.ts";
import { commandFor, isLoopback, PLATFORM_HINT } from "./commands.ts";
import { Listening } from "./Listening.tsx";

interface TokenCommandProps {
  readonly platform: AddPlatform;
  readonly created: CreatedToken;
  readonly onAnew: () => void;
  readonly onClose: () => void;
}

/** What opens the listener that an agent of a kind is sent to. */
const OPEN_TO_OTHERS = {
  agents: "FLOWPLANE_AGENTS=0.0.0.0:4320 and FLOWPLANE_AGENTS_URL set",
  http: "FLOWPLANE_HTTP=0.0.0.0:4300 and FLOWPLANE_PUBLIC_URL set",
} as const;

export function TokenCommand({ platform, created, onAnew, onClose }: TokenCommandProps) {
  const left = Date.parse(created.token.expires_at) - useNow();
  const address = platform === "collector" ? created.opamp_url : created.agents_url;
  const command = commandFor(platform, {
    secret: created.secret,
    agentsUrl: created.agents_url,
    opampUrl: created.opamp_url,
    archive: created.agent_archive,
  });
  return (
    <>
      <div className="flex flex-col gap-2">
        <div className="flex items-baseline gap-3">
          <p className="min-w-0 flex-1 text-n9">{PLATFORM_HINT[platform]}</p>
          {left > 0 ? (
            <span className="text-sm whitespace-nowrap text-n8">
              valid for <span className="font-mono text-n10">{countdown(left)}</span>
            </span>
          ) : (
            <Button onClick={onAnew}>Expired: make a new one</Button>
          )}
        </div>
        <CopyBlock text={command} label={platform === "collector" ? "configuration" : "command"} />
        {isLoopback(address) ? (
          <p className="flex items-baseline gap-2 text-sm text-n9">
            <StateShape tone="attention" />
            <span>
              This control plane listens on {new URL(address).hostname} only, so this works on its own
              machine. For others, start it with{" "}
              {OPEN_TO_OTHERS[platform === "collector" ? "http" : "agents"]}.
            </span>
          </p>
        ) : null}
      </div>
      <Listening created={created} platform={platform} onAnew={onAnew} onClose={onClose} />
    </>
  );
}
